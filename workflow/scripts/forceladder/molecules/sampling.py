"""Thermally displaced geometries: molecular dynamics with GFN2-xTB.

Minima alone teach no forces. The sampler only chooses geometries; their energies come
from the reference level of theory.
"""

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import CalculatorError
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from tblite.ase import TBLite

from forceladder.errors import MoleculeError, QMError
from forceladder.job import seed_of


def xtb_atoms(atomic_numbers, positions, net_charge: int, multiplicity: int) -> Atoms:
    """ASE atoms with a GFN2-xTB calculator; positions [atoms, 3] Å."""
    atoms = Atoms(numbers=atomic_numbers, positions=positions)
    atoms.calc = TBLite(
        method="GFN2-xTB", charge=net_charge, multiplicity=multiplicity, verbosity=0
    )
    return atoms


def xtb_gradient(mol, net_charge: int, multiplicity: int):
    """GFN2-xTB as relaxations want it: positions [atoms, 3] Å → kcal/mol, kcal/mol/Å.

    The function raises QMError where GFN2-xTB does.
    """
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    atoms = xtb_atoms(numbers, np.zeros((len(numbers), 3)), net_charge, multiplicity)
    kcal = units.kcal / units.mol

    def gradient(positions):
        atoms.set_positions(positions)
        try:
            return atoms.get_potential_energy() / kcal, -atoms.get_forces() / kcal
        except CalculatorError as error:
            raise QMError("gfn2_xtb_failed", f"GFN2-xTB stopped: {error}.") from error

    return gradient


def sampled_frames(
    atomic_numbers, positions, net_charge: int, multiplicity: int, temperature: float,
    count: int, interval: float, timestep: float, friction: float, seed: int,
) -> list[np.ndarray]:  # fmt: skip
    """`count` frames of Langevin dynamics from `positions`, one every `interval` fs.

    GFN2-xTB forces (Bannwarth et al., J. Chem. Theory Comput. 15, 1652, 2019). The
    first frame comes after one interval, which also serves as equilibration; velocities
    start from the Maxwell-Boltzmann distribution.

    positions: [atoms, 3] Å      temperature: K      interval, timestep: fs
    friction: 1/ps
    returns: list of positions [atoms, 3], Å; centre of mass at the origin
    raises: MoleculeError sampling_failed
    """
    random = np.random.default_rng(seed_of("sampling", seed, temperature, atomic_numbers))
    atoms = xtb_atoms(atomic_numbers, positions, net_charge, multiplicity)
    thermalize_momenta(atoms, temperature, rng=random)
    Stationary(atoms)
    dynamics = Langevin(
        atoms, timestep * units.fs, temperature_K=temperature,
        friction=friction / (1000.0 * units.fs), rng=random, fixcm=False,
    )  # fmt: skip
    frames = []
    try:
        for _ in range(count):
            dynamics.run(max(1, round(interval / timestep)))
            frames.append(atoms.get_positions() - atoms.get_center_of_mass())
    except CalculatorError as error:
        raise MoleculeError(
            "sampling_failed", f"GFN2-xTB stopped during MD at {temperature:g} K: {error}."
        ) from error
    if not np.isfinite(frames).all():
        raise MoleculeError("sampling_failed", f"MD at {temperature:g} K left all bounds.")
    return frames
