"""Energies that their own gradients contradict: how a wrong SCF solution is found.

A calculation that fell into another electronic state is off by some energy, while its
geometry is innocent. Its neighbours give it away: between near geometries a and b of a
molecule, the energy is the integral of the gradient,

    E_b − E_a ≈ ½ (g_a + g_b) · (q_b − q_a)                          (trapezoidal rule)

The rule is exact on a quadratic surface, so q are coordinates in which bonds and contacts are
nearly that: the inverse distances of all pairs of atoms, which know nothing of translations
and rotations. The *mismatch* of a geometry is the median, over its nearest neighbours, of
what the rule leaves: a shifted energy shifts all of it, and a neighbour that is itself wrong
has one vote of five.

For hot and lonely geometries the rule alone is off by up to 20 kcal/mol. Whatever it suspects
is therefore asked again on the difference to GFN2-xTB's surface, which is so flat that a
fourth of the error is left; only what fails both ways is rejected. Measured, kcal/mol:

    |mismatch|                                       median   99 %   largest
    554 B3LYP-D3BJ/DZVP records, up to 7 heavy atoms   0.1     4.8     8.7
        on the difference to GFN2-xTB                  0.0     1.6     2.9
    500 GFN1-xTB records of drug-like molecules        0.6     7.9    19.4
        on the difference to GFN2-xTB                  0.1     2.9     4.8

With a limit of 4 kcal/mol, one shifted energy of the former (the latter) is found in 91 (80) %
of the records at 5 kcal/mol, in 99.8 (97) % at 10 and in 100 (99.9) % at 20, up or down; no
honest record is refused. Where most neighbours are wrong, nothing can be said.
"""

from typing import NamedTuple

import numpy as np

from forceladder.errors import QMError

NEIGHBOURS = 5  # that vote on a geometry
FEWEST_NEIGHBOURS = 3  # fewer have no majority: nothing is said
SPREADS = 4.0  # a median within so many robust standard deviations of its votes says nothing
MAD_TO_STANDARD_DEVIATION = 1.4826  # of a normal distribution
# Added to the elastic network's matrix, in units of its mean diagonal: it has no answer for
# translations and rotations. The mismatch does not change between 1e-4 and 1e-10.
RIDGE = 1e-6


class Mismatch(NamedTuple):
    """Median of the votes and their robust standard deviation, kcal/mol; NaN if too few."""

    median: float
    spread: float


class Surface:
    """Energies and gradients of geometries of one molecule, ready for the trapezoidal rule.

    positions: [geometries, atoms, 3]  Å          energy: [geometries]  kcal/mol
    gradient: [geometries, atoms, 3]  kcal/mol/Å
    """

    def __init__(self, positions, energy, gradient):
        self.energy = np.asarray(energy, float)
        self.coordinates = np.array([inverse_distances(x) for x in positions])
        self.slopes = np.array(
            [inverse_distance_gradient(x, g) for x, g in zip(positions, gradient, strict=True)]
        )

    def mismatch(self, one: int, others) -> Mismatch:
        """How far the energy of geometry `one` is above what its and the others' slopes say."""
        if len(others) < FEWEST_NEIGHBOURS:
            return Mismatch(np.nan, np.nan)
        way = self.coordinates[others] - self.coordinates[one]
        rise = 0.5 * ((self.slopes[others] + self.slopes[one]) * way).sum(axis=-1)
        votes = self.energy[one] + rise - self.energy[others]
        median = np.median(votes)
        spread = MAD_TO_STANDARD_DEVIATION * np.median(np.abs(votes - median))
        return Mismatch(float(median), float(spread))


def scf_outliers(positions, energy, gradient, limit: float, second_opinion) -> tuple:
    """Geometries whose energy is off by more than `limit`, kcal/mol, by both surfaces.

    The worst is taken out first, so that it does not accuse its neighbours.

    positions, energy, gradient: as for `Surface`
    second_opinion: positions [atoms, 3] Å → kcal/mol, kcal/mol/Å, of a cheap method; asked
        for suspects and their neighbours alone. Where it raises QMError nothing is rejected.
    returns: {geometry: (mismatch alone, mismatch on the difference)}, kcal/mol; the mismatch
        alone of every geometry [geometries], NaN where it has too few neighbours
    """
    surface = Surface(positions, energy, gradient)
    near = nearest(surface.coordinates, 2 * NEIGHBOURS)
    present = np.ones(len(energy), bool)

    def voters(one):
        return near[one][present[near[one]]][:NEIGHBOURS]

    cheap, found, cleared = {}, {}, set()

    def difference_mismatch(one):
        rows = [one, *voters(one)]
        for row in set(rows) - set(cheap):
            cheap[row] = second_opinion(positions[row])
        difference = Surface(
            [positions[row] for row in rows],
            [energy[row] - cheap[row][0] for row in rows],
            [gradient[row] - cheap[row][1] for row in rows],
        )
        return difference.mismatch(0, np.arange(1, len(rows)))

    alone = np.array([surface.mismatch(one, voters(one)).median for one in range(len(energy))])
    while True:
        size = np.where(present & (np.abs(alone) > limit), np.abs(alone), 0.0)
        size[list(cleared)] = 0.0
        one = int(np.argmax(size)) if len(size) else 0
        if not len(size) or size[one] == 0.0:
            return found, alone
        try:
            again = difference_mismatch(one)
        except QMError:
            cleared.add(one)
            continue
        if not abs(again.median) > max(limit, SPREADS * again.spread):
            cleared.add(one)
            continue
        found[one], present[one] = (float(alone[one]), again.median), False
        for row in np.flatnonzero(present & (near == one).any(axis=1)):
            alone[row] = surface.mismatch(row, voters(row)).median
            cleared.discard(row)


def inverse_distances(positions) -> np.ndarray:
    """1/r of all pairs i < j, [pairs] 1/Å; positions [atoms, 3] Å."""
    i, j = np.triu_indices(len(positions), k=1)
    return 1.0 / np.linalg.norm(positions[i] - positions[j], axis=-1)


def inverse_distance_gradient(positions, gradient) -> np.ndarray:
    """The least ∂E/∂(1/r) that gives the Cartesian gradient, [pairs] kcal/mol Å.

    With J = ∂(1/r)/∂x it is J (Jᵀ J)⁻¹ g, and Jᵀ J is the Hessian of an elastic network that
    joins all pairs of atoms.

    positions: [atoms, 3] Å      gradient: [atoms, 3] kcal/mol/Å
    """
    atoms = len(positions)
    away = positions[:, None] - positions[None]
    distance = np.linalg.norm(away, axis=-1)
    np.fill_diagonal(distance, 1.0)
    arms = -away / distance[..., None] ** 3  # ∂(1/r_ij)/∂x_i
    network = -np.einsum("ija,ijb->iajb", arms, arms)
    own = np.arange(atoms)
    network[own, :, own] = -network.sum(axis=2)
    network = network.reshape(3 * atoms, 3 * atoms)
    network[np.diag_indices(3 * atoms)] += RIDGE * np.trace(network) / (3 * atoms)
    move = np.linalg.solve(network, np.ravel(gradient)).reshape(atoms, 3)
    slope = np.einsum("ija,ija->ij", arms, move[:, None] - move[None])
    return slope[np.triu_indices(atoms, k=1)]


def nearest(coordinates, count: int) -> np.ndarray:
    """Rows of the nearest others of every row, nearest first, [rows, at most count].

    coordinates: [rows, anything]
    """
    rows = len(coordinates)
    count = min(count, rows - 1)
    found = np.empty((rows, max(count, 0)), int)
    squares = (coordinates**2).sum(axis=1)
    for start in range(0, rows, 256):  # a block at a time: memory grows with rows, not rows²
        block = np.arange(start, min(start + 256, rows))
        distance = squares[block, None] + squares - 2.0 * coordinates[block] @ coordinates.T
        distance[np.arange(len(block)), block] = np.inf
        found[block] = np.argsort(distance, axis=1, kind="stable")[:, :count]
    return found
