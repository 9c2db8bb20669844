"""Torsion profiles: errors of energies, barriers, minima and Boltzmann weights.

A profile of one torsion is a periodic cubic spline through its points, because minima and
barriers lie between the points of a scan. All weights are of the potential energy alone, as
if the torsion were all that moves.
"""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import linear_sum_assignment

from forceladder.units import GAS_CONSTANT

TEMPERATURE = 300.0  # K, of Boltzmann weights
PROMINENCE = 0.1  # kcal/mol: shallower wells are noise of relaxations and are none at 300 K
MATCH = 30.0  # degrees: half a threefold well; a minimum farther away is another one
NEAREST = 1.0  # degrees: closer points are one, as both ends of a scan from −180° to 180° are
WIDEST_GAP = 60.0  # degrees without a point: a wider one may hide a threefold well
GRID = np.arange(-180.0, 180.0, 1.0)  # degrees, on which weights are summed
FINE = np.linspace(-180.0, 180.0, 3600, endpoint=False)  # degrees, where extrema are looked for


class Scan(NamedTuple):
    """One torsion scan: rows of its molecule and of its conformers by angle, angles
    [points, 1 or 2] degrees."""

    molecule: int
    index: int
    conformers: np.ndarray
    angles: np.ndarray


class Profile(NamedTuple):
    """A spline and its extrema, each [(angle in degrees, kcal/mol)]; none of a flat profile."""

    spline: CubicSpline
    minima: np.ndarray
    maxima: np.ndarray


def torsion_scans(dataset) -> list[Scan]:
    """All scans of a training set that have more than two points."""
    first, found = np.cumsum([0, *dataset["conformer_count"].values]), []
    for molecule in range(dataset.sizes["molecule"]):
        rows = np.arange(first[molecule], first[molecule + 1])
        for index in range(int(dataset["scan_count"].values[molecule])):
            here = rows[dataset["scan"].values[rows] == index]
            angles = dataset["scan_angle"].values[here]
            angles = angles[:, np.isfinite(angles).all(axis=0)] if len(here) else angles
            if len(here) > 2 and angles.shape[1]:
                order = np.lexsort(angles.T[::-1])
                found.append(Scan(molecule, index, here[order], angles[order]))
    return found


def profile_errors(angles, reference, energies) -> dict:
    """How a method's profile departs from the reference's.

    points              that both have; errors are over these
    rmse                kcal/mol, energies aligned by their mean difference
    barrier_error       kcal/mol, highest point above lowest, method less reference
    barrier_rmse        kcal/mol, of all barriers above the lowest minimum that both have
    minima_shift        degrees, mean of minima that both have
    minima, missing_minima, spurious_minima    of the reference; that the method lacks; that it
                        alone has
    boltzmann_distance  total variation ½ Σ |p − q| of weights at 300 K along the torsion: 0 where
                        they are the same, 1 where they have nothing in common
    well_distance       the same of the populations of the reference's wells
    What needs a spline is missing where points leave a gap of more than WIDEST_GAP, and of 2-D
    scans, whose weights are those of the grid's points.

    angles: [points, 1 or 2] degrees      reference, energies: [points] kcal/mol, NaN if unknown
    """
    known = np.isfinite(reference) & np.isfinite(energies)
    angles, reference, energies = (np.asarray(x)[known] for x in (angles, reference, energies))
    errors = {"points": int(known.sum())}
    if len(reference) < 3:
        return errors
    difference = energies - reference
    errors["rmse"] = float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))
    if angles.shape[1] > 1:
        return errors | {
            "boltzmann_distance": total_variation(*map(weights, (reference, energies)))
        }
    if widest_gap(angles[:, 0]) > WIDEST_GAP:
        return errors
    ours, theirs = (profile(angles[:, 0], e) for e in (energies, reference))
    p, q = weights(theirs.spline(GRID)), weights(ours.spline(GRID))
    errors["boltzmann_distance"] = total_variation(p, q)
    return errors | extremum_errors(ours, theirs) | well_errors(theirs, p, q)


def extremum_errors(ours: Profile, theirs: Profile) -> dict:
    """Barriers and minima of `profile_errors`; heights are above each profile's lowest point."""
    floors = [float(p.spline(GRID).min()) for p in (ours, theirs)]
    tops = [float(p.spline(GRID).max()) for p in (ours, theirs)]
    errors = {"barrier_error": (tops[0] - floors[0]) - (tops[1] - floors[1])}
    mine, yours = matched(ours.maxima[:, 0], theirs.maxima[:, 0])
    if len(mine):
        heights = (ours.maxima[mine, 1] - floors[0]) - (theirs.maxima[yours, 1] - floors[1])
        errors["barrier_rmse"] = float(np.sqrt(np.mean(heights**2)))
    mine, yours = matched(ours.minima[:, 0], theirs.minima[:, 0])
    errors |= {
        "minima": len(theirs.minima),
        "missing_minima": len(theirs.minima) - len(yours),
        "spurious_minima": len(ours.minima) - len(mine),
    }
    if len(mine):
        shifts = circular_distance(ours.minima[mine, 0], theirs.minima[yours, 0])
        errors["minima_shift"] = float(np.mean(shifts))
    return errors


def well_errors(theirs: Profile, p, q) -> dict:
    """Populations of the wells between the reference's barriers; nothing where it has one well."""
    if len(theirs.maxima) < 2:
        return {}
    well = np.searchsorted(np.sort(theirs.maxima[:, 0]), GRID) % len(theirs.maxima)
    return {"well_distance": total_variation(np.bincount(well, p), np.bincount(well, q))}


def profile(angles, energies) -> Profile:
    """The periodic spline through points of a scan, and its extrema.

    angles: [points] degrees      energies: [points] kcal/mol; of points closer than NEAREST the
        first one's is taken
    """
    angles, energies = apart(angles, energies)
    spline = CubicSpline([*angles, angles[0] + 360.0], [*energies, energies[0]], bc_type="periodic")
    # by the signs of steps: roots of the derivative are lost where they fall on a point
    heights = spline(FINE)
    steps = np.roll(heights, -1) - heights
    moving = np.flatnonzero(steps)
    turns = moving[np.sign(steps[moving]) != np.sign(steps[np.roll(moving, 1)])]
    kept = prominent(heights[turns]) if np.ptp(heights) > PROMINENCE else []
    extrema = np.column_stack([FINE[turns], heights[turns]])[kept].reshape(-1, 2)
    below = extrema[:, 1] < np.roll(extrema[:, 1], -1)
    return Profile(spline, extrema[below], extrema[~below])


def apart(angles, energies) -> tuple[np.ndarray, np.ndarray]:
    """Angles in [−180°, 180°), ascending, no two within NEAREST of each other; their energies."""
    angles, energies = wrapped(angles), np.asarray(energies)
    kept: list[int] = []
    for row in np.argsort(angles, kind="stable"):
        if not kept or circular_distance(angles[row], angles[[kept[0], kept[-1]]]).min() >= NEAREST:
            kept.append(int(row))
    return angles[kept], energies[kept]


def prominent(heights) -> list[int]:
    """Rows of a circle of extrema that are left when neighbours closer than PROMINENCE are taken
    out in pairs, the closest first."""
    left = list(range(len(heights)))
    while len(left) > 2:
        steps = np.abs(np.diff(heights[[*left, left[0]]]))
        lowest = int(np.argmin(steps))
        if steps[lowest] >= PROMINENCE:
            break
        for row in {left[lowest], left[(lowest + 1) % len(left)]}:
            left.remove(row)
    return left


def matched(ours, theirs) -> tuple[np.ndarray, np.ndarray]:
    """Rows of angles that belong together, within MATCH; as many as can be, then the nearest."""
    distance = circular_distance(np.asarray(ours)[:, None], np.asarray(theirs)[None])
    mine, yours = linear_sum_assignment(np.where(distance <= MATCH, distance, 1e6))
    near = distance[mine, yours] <= MATCH
    return mine[near], yours[near]


def weights(energies) -> np.ndarray:
    """Boltzmann weights at TEMPERATURE, their sum one."""
    factors = np.exp(-(energies - np.min(energies)) / (GAS_CONSTANT * TEMPERATURE))
    return factors / factors.sum()


def total_variation(p, q) -> float:
    """½ Σ |p − q|."""
    return 0.5 * float(np.abs(p - q).sum())


def wrapped(angle) -> np.ndarray:
    """The same angle in [−180°, 180°)."""
    return (np.asarray(angle) + 180.0) % 360.0 - 180.0


def circular_distance(one, other) -> np.ndarray:
    """Smallest turn between angles, degrees."""
    return np.abs(wrapped(np.asarray(one) - other))


def widest_gap(angles) -> float:
    """Largest turn between neighbouring angles, degrees."""
    ordered = np.sort(wrapped(angles))
    return float(np.diff([*ordered, ordered[0] + 360.0]).max())
