"""Energy and gradient of one molecule by one method, however that method computes them."""

from collections.abc import Callable

import numpy as np
import openmm
from rdkit import Chem

from forceladder.errors import MethodError
from forceladder.export.openmm.evaluation import context_at, energy_and_gradient
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ


class Surface:
    """The potential energy surface of one molecule by one method.

    evaluate: positions [atoms, 3] Å → energy kcal/mol, gradient [atoms, 3] kcal/mol/Å; raises
        MethodError where the method gives no number
    system: makes an openmm.System of the molecule in vacuum
    """

    def __init__(self, evaluate: Callable, system: Callable[[], openmm.System]):
        self.evaluate, self.system = evaluate, system

    def __call__(self, positions) -> tuple[float, np.ndarray]:
        """Energy kcal/mol and gradient [atoms, 3] kcal/mol/Å at positions [atoms, 3] Å."""
        return self.evaluate(np.asarray(positions, float))

    def many(self, positions) -> tuple[np.ndarray, np.ndarray]:
        """Energies [conformers] kcal/mol and gradients [conformers, atoms, 3] kcal/mol/Å at
        positions [conformers, atoms, 3] Å; NaN where the method gives no number."""
        energies = np.full(len(positions), np.nan)
        gradients = np.full(np.shape(positions), np.nan)
        for k, x in enumerate(positions):
            try:
                energies[k], gradients[k] = self(x)
            except MethodError:
                continue
        return energies, gradients


def openmm_surface(system: openmm.System) -> Surface:
    """Of a System, on OpenMM's Reference platform; its context is made at the first use. Its
    `evaluate` takes a mask of force groups, too."""
    contexts = []

    def evaluate(positions, groups: int = -1):
        if not contexts:
            contexts.append(context_at(system, positions))
        contexts[0].setPositions(positions * ANGSTROM_IN_NM)
        return energy_and_gradient(contexts[0], groups)

    return Surface(evaluate, lambda: system)


def python_surface(mol: Chem.Mol, evaluate: Callable) -> Surface:
    """Of a function of Python, see `Surface`; its System asks it for every force.

    mol: explicit hydrogens
    """

    def system():
        made = openmm.System()
        for atom in mol.GetAtoms():
            made.addParticle(atom.GetMass())
        made.addForce(openmm.PythonForce(compute, {}))
        return made

    def compute(state):
        energy, gradient = evaluate(state.getPositions(asNumpy=True)._value / ANGSTROM_IN_NM)
        return energy * KCAL_IN_KJ, gradient * -(KCAL_IN_KJ / ANGSTROM_IN_NM)

    return Surface(evaluate, system)
