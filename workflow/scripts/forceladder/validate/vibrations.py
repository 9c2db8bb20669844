"""Harmonic vibrations of a Hessian: the same for the reference's and for every method's."""

import numpy as np

from forceladder.qm.hessians import vibrational_basis
from forceladder.units import WAVENUMBER, WAVENUMBER_IN_KCAL


def vibrations(hessian, masses, positions) -> tuple[np.ndarray, np.ndarray]:
    """Wavenumbers [modes] 1/cm, ascending, and unit vectors [modes, 3 atoms], mass-weighted.

    Translations and rotations are projected out, so there are 3 N − 6 modes, or 3 N − 5 of a
    linear molecule; an imaginary wavenumber is written as a negative one. Wilson, Decius &
    Cross, Molecular Vibrations (1955).

    hessian: [3 atoms, 3 atoms] kcal/mol/Å²      masses: [atoms] amu      positions: [atoms, 3] Å
    """
    root = np.sqrt(np.repeat(masses, 3))
    # what is orthogonal to rigid motions x stays so to √m x when it is divided by √m
    basis, _ = np.linalg.qr(vibrational_basis(positions).T / root[:, None])
    curvatures, vectors = np.linalg.eigh(basis.T @ (hessian / np.outer(root, root)) @ basis)
    wavenumbers = np.sign(curvatures) * np.sqrt(np.abs(curvatures)) * WAVENUMBER
    return wavenumbers, (basis @ vectors).T


def zero_point_energy(wavenumbers) -> float:
    """½ Σ hcν̃ of the real modes, kcal/mol."""
    return 0.5 * WAVENUMBER_IN_KCAL * float(np.sum(np.maximum(wavenumbers, 0.0)))


def rotation_onto(positions, reference, weights) -> np.ndarray:
    """The proper rotation [3, 3] that lays positions on a reference: x @ rotation.

    Least squares of weighted distances about the centres (Kabsch, Acta Cryst. A32, 922, 1976).

    positions, reference: [atoms, 3]      weights: [atoms]
    """
    moved, fixed = (x - np.average(x, axis=0, weights=weights) for x in (positions, reference))
    left, _, right = np.linalg.svd((moved * weights[:, None]).T @ fixed)
    turn = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
    return left @ turn @ right


def mode_overlaps(modes, reference_modes, rotation) -> np.ndarray:
    """Squared overlaps [reference modes, modes] of unit vectors; each row and column sums to one
    where both span the same space.

    modes, reference_modes: [modes, 3 atoms], mass-weighted
    rotation: of the modes' molecule onto the reference's, see `rotation_onto`
    """
    turned = (modes.reshape(len(modes), -1, 3) @ rotation).reshape(len(modes), -1)
    return (reference_modes @ turned.T) ** 2
