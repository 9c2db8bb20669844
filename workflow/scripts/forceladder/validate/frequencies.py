"""A method's harmonic wavenumbers against those of the reference's Hessian."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from forceladder.validate.vibrations import (
    mode_overlaps,
    rotation_onto,
    vibrations,
    zero_point_energy,
)

STRETCHES = 1000.0  # 1/cm: below are torsions and bends, above mostly bends and stretches


class Spectra(NamedTuple):
    """Wavenumbers [modes] 1/cm of one minimum, negative where imaginary.

    reference: ascending      ordered: the method's, ascending
    matched: the method's, each beside the reference's mode that it overlaps with
    overlap: squared overlap of these, 0 to 1
    """

    reference: np.ndarray
    ordered: np.ndarray
    matched: np.ndarray
    overlap: np.ndarray


def spectra(masses, reference, reference_hessian, positions, hessian) -> Spectra | str:
    """Both sets of wavenumbers, the method's in its own order and in that of the best match of
    modes; or why they cannot be compared.

    The match maximizes the sum of squared overlaps of mass-weighted modes, the method's minimum
    laid on the reference's.

    masses: [atoms] amu      reference, positions: [atoms, 3] Å      Hessians kcal/mol/Å²
    """
    theirs, their_modes = vibrations(reference_hessian, masses, reference)
    ours, modes = vibrations(hessian, masses, positions)
    if len(ours) != len(theirs):
        linear = "reference's" if len(theirs) > len(ours) else "method's"
        return f"only the {linear} minimum is linear"
    overlap = mode_overlaps(modes, their_modes, rotation_onto(positions, reference, masses))
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    return Spectra(theirs, ours, ours[columns], overlap[rows, columns])


def frequency_errors(found: Spectra) -> dict:
    """Errors of one minimum, 1/cm but for the last two.

    rmse, mae                   of modes in ascending order
    matched_rmse, matched_mae   of modes that overlap
    low_rmse, high_rmse         in ascending order, below and above STRETCHES in the reference
    imaginary                   modes of the method that are
    overlap                     mean squared overlap of matched modes
    zero_point_error            kcal/mol, the method's less the reference's
    """
    error, matched = found.ordered - found.reference, found.matched - found.reference
    low = found.reference < STRETCHES
    return {
        "modes": len(error),
        "rmse": root_mean_square(error), "mae": float(np.abs(error).mean()),
        "matched_rmse": root_mean_square(matched), "matched_mae": float(np.abs(matched).mean()),
        "low_rmse": root_mean_square(error[low]), "high_rmse": root_mean_square(error[~low]),
        "imaginary": int((found.ordered < 0.0).sum()), "overlap": float(found.overlap.mean()),
        "zero_point_error": zero_point_energy(found.ordered) - zero_point_energy(found.reference),
    }  # fmt: skip


def root_mean_square(errors) -> float:
    """NaN of none."""
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else float("nan")
