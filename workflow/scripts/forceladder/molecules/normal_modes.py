"""Geometries displaced along the normal modes of a minimum, with GFN2-xTB.

Every mode is thermally excited at once, so a few geometries show the whole Hessian,
stiff and soft directions alike; MD frames of the same number would be correlated.
"""

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import CalculatorError
from ase.optimize import BFGS

from forceladder.errors import MoleculeError
from forceladder.job import seed_of
from forceladder.molecules.sampling import xtb_atoms

STEP = 0.005  # Å, of the finite differences of forces
# A softer mode (a torsion, mostly) is displaced as if it had this wavenumber: a straight
# line is no rotation, and a long one would tear bonds.
LOWEST_WAVENUMBER = 200.0  # 1/cm


def normal_mode_frames(
    atomic_numbers, positions, net_charge: int, multiplicity: int, temperature: float,
    count: int, seed: int,
) -> list[np.ndarray]:  # fmt: skip
    """`count` geometries drawn from the harmonic Boltzmann distribution about a minimum.

    positions: [atoms, 3] Å, relaxed with GFN2-xTB first      temperature: K, classical
    returns: list of positions [atoms, 3], Å
    raises: MoleculeError sampling_failed
    """
    atoms = xtb_atoms(atomic_numbers, positions, net_charge, multiplicity)
    try:
        BFGS(atoms, logfile=None).run(fmax=0.01, steps=300)
        minimum = atoms.get_positions()
        matrix = hessian(atoms)
    except CalculatorError as error:
        raise MoleculeError(
            "sampling_failed", f"GFN2-xTB stopped on the way to the normal modes: {error}."
        ) from error
    masses = atoms.get_masses()
    curvatures, modes = normal_modes(matrix, masses, minimum)
    amplitudes = np.sqrt(units.kB * temperature / np.maximum(curvatures, lowest_curvature()))
    random = np.random.default_rng(seed_of("normal modes", seed, temperature, atomic_numbers))
    draws = random.normal(size=(count, len(curvatures)))
    displacements = (draws * amplitudes) @ modes / np.sqrt(np.repeat(masses, 3))
    return [minimum + displacement.reshape(-1, 3) for displacement in displacements]


def hessian(atoms: Atoms) -> np.ndarray:
    """∂²E/∂x² [3 atoms, 3 atoms] eV/Å², by central differences of forces, made symmetric."""
    start = atoms.get_positions()
    rows = []
    for coordinate in range(start.size):
        forces = []
        for sign in (1.0, -1.0):
            moved = start.copy()
            moved.flat[coordinate] += sign * STEP
            atoms.set_positions(moved)
            forces.append(atoms.get_forces().ravel())
        rows.append((forces[1] - forces[0]) / (2.0 * STEP))
    atoms.set_positions(start)
    matrix = np.array(rows)
    return 0.5 * (matrix + matrix.T)


def normal_modes(matrix, masses, positions) -> tuple[np.ndarray, np.ndarray]:
    """Vibrations of a Hessian: curvatures [modes] eV/Å²/amu and unit vectors [modes, 3 atoms].

    Mass-weighted, translations and rotations projected out; saddle directions (negative
    curvature) are left out. Wilson, Decius & Cross, Molecular Vibrations (1955).

    matrix: [3 atoms, 3 atoms] eV/Å²      masses: [atoms] amu      positions: [atoms, 3] Å
    """
    root = np.sqrt(np.repeat(masses, 3))
    centred = positions - np.average(positions, axis=0, weights=masses)
    rigid = [np.tile(axis, len(masses)) for axis in np.eye(3)]
    rigid += [np.cross(axis, centred).ravel() for axis in np.eye(3)]
    basis, sizes, _ = np.linalg.svd((np.array(rigid) * root).T, full_matrices=False)
    basis = basis[:, sizes > 1e-6 * sizes.max()]  # a linear molecule has two rotations
    keep = np.eye(len(root)) - basis @ basis.T
    curvatures, vectors = np.linalg.eigh(keep @ (matrix / np.outer(root, root)) @ keep)
    internal = np.linalg.norm(basis.T @ vectors, axis=0) < 0.5
    internal &= curvatures > 1e-6
    return curvatures[internal], vectors[:, internal].T


def wavenumbers(curvatures) -> np.ndarray:
    """Curvatures, eV/Å²/amu, as wavenumbers, 1/cm."""
    return np.sqrt(np.asarray(curvatures)) * units._hbar * 1e10 / np.sqrt(
        units._e * units._amu
    ) / units.invcm  # fmt: skip


def lowest_curvature() -> float:
    """LOWEST_WAVENUMBER as a curvature, eV/Å²/amu."""
    return float((LOWEST_WAVENUMBER / wavenumbers(1.0)) ** 2)
