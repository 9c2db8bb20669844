"""What else a method says of a molecule: of its atoms in another order, and of two of it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openmm
from rdkit import Chem

from forceladder import files
from forceladder.deploy.force_field import ForceField
from forceladder.export.dimer import pairs_between
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.system import openmm_system
from forceladder.model.rung import CORRECTION, Rung
from forceladder.training_set.dataset import row_ranges
from forceladder.validate.baselines import BASELINES, OPENFF_SAGE
from forceladder.validate.methods import Subject
from forceladder.validate.surface import Surface, openmm_surface


class Relatives(NamedTuple):
    """reordered: order [atoms] → Surface of the molecule whose atom i is its atom order[i],
    parametrized anew; pair: Surface of two copies, the atoms of the second behind those of the
    first, that feel each other"""

    reordered: Callable[[np.ndarray], Surface]
    pair: Surface


def baseline_relatives(label: str, subject: Subject) -> Relatives:
    """Of a baseline, which is asked as of any molecule."""
    mol, method = subject.mol, BASELINES[label]
    charge = Chem.GetFormalCharge(mol)

    def reordered(order):
        return method(Chem.RenumberAtoms(mol, [int(atom) for atom in order]), charge)

    if label == OPENFF_SAGE:  # its charges take seconds, and are those of one molecule
        between = openmm_surface(between_system(subject.surface.system()))
        return Relatives(reordered, sum_of(subject.surface.evaluate, between))
    two = Chem.CombineMols(mol, mol)
    Chem.SanitizeMol(two)  # its rings are not known yet
    return Relatives(reordered, method(two, 2 * charge))


def rung_relatives(subject: Subject, dataset, systems, model: Rung) -> Relatives:
    """Of a fitted rung, by the way of a release: parametrized by `deploy`, evaluated by OpenMM.

    systems: folder of rule export_systems

    OpenMM compiles couplings for seconds, as many for two molecules as for one. So the mechanical
    terms within the copies are those of the molecule's own System, and what is new are the forces
    between them; `export.dimer.dimer_parameters` holds both at once, and a test the two together.
    """
    parameters = files.read_json(Path(systems) / f"{subject.name}.json")
    atoms = slice(*row_ranges(dataset)["atom"][subject.index : subject.index + 2])
    charges = dataset["user_charge"].values[atoms]
    given = np.isfinite(charges).all()
    elements = {"elements": sorted({atom.GetSymbol() for atom in subject.mol.GetAtoms()})}
    force_field = ForceField([model], elements, "rung", None)

    def reordered(order):
        mol = Chem.RenumberAtoms(subject.mol, [int(atom) for atom in order])
        asked = charges[order].tolist() if given else "force_field"
        return openmm_surface(force_field.parametrize(mol, charges=asked).to_openmm())

    between = pairs_between(parameters)
    system = openmm_system(between)
    if model.correction is not None:
        system = attach_correction(system, model, between)
    mechanical = sum(
        1 << force.getForceGroup()
        for force in subject.surface.system().getForces()
        if force.getName() != CORRECTION
    )
    return Relatives(
        reordered,
        sum_of(lambda x: subject.surface.evaluate(x, mechanical), openmm_surface(system)),
    )


def sum_of(alone: Callable, between: Surface) -> Surface:
    """Surface of two copies: each of them alone, and what is between them."""

    def evaluate(positions):
        energy, gradient = between(positions)
        parts = [alone(x) for x in np.split(positions, 2)]
        return (
            energy + sum(part[0] for part in parts),
            gradient + np.concatenate([part[1] for part in parts]),
        )

    return Surface(evaluate, between.system)


def between_system(system: openmm.System) -> openmm.System:
    """Of a System of one molecule, the charges and Lennard-Jones spheres of two of it, which feel
    those of the other alone."""
    (single,) = [f for f in system.getForces() if isinstance(f, openmm.NonbondedForce)]
    size, force, made = system.getNumParticles(), openmm.NonbondedForce(), openmm.System()
    force.setNonbondedMethod(single.getNonbondedMethod())
    force.setCutoffDistance(single.getCutoffDistance())
    for first in (0, size):
        for atom in range(size):
            made.addParticle(system.getParticleMass(atom))
            force.addParticle(*single.getParticleParameters(atom))
            for other in range(atom):
                force.addException(first + atom, first + other, 0.0, 1.0, 0.0)
    made.addForce(force)
    return made
