"""Geometries that probes start from and lead to: minimized, stretched, pressed."""

from typing import NamedTuple

import numpy as np
from rdkit import Chem
from scipy.optimize import minimize

from forceladder.errors import MethodError
from forceladder.md.watch import bond_lengths
from forceladder.validate.surface import Surface

MINIMIZATION_STEPS = 200
FIRST_STEP = 0.05  # Å, of all atoms together; L-BFGS-B's is one, which can leap over a barrier
GRADIENT = 0.01  # kcal/mol/Å, largest component where a minimization has arrived
ELSEWHERE = 0.2  # Å: no force field that is meant seriously has a minimum so far from the reference


class Start(NamedTuple):
    """Where probes of a method start: positions [atoms, 3] Å, energy kcal/mol; and stretch, Å: how
    far minimization took a bond from the reference. Beyond ELSEWHERE the reference's own geometry
    takes the place of what may be the bottom of a hole."""

    positions: np.ndarray
    energy: float
    stretch: float


def start_of(surface: Surface, mol: Chem.Mol, reference) -> Start:
    """reference: [atoms, 3] Å, a geometry near a minimum

    raises: MethodError where the method gives no number there
    """
    bonds = bonds_of(mol)
    relaxed, energy = minimized(surface, reference, MINIMIZATION_STEPS)
    stretch = np.abs(bond_lengths(relaxed, bonds) - bond_lengths(reference, bonds)).max(initial=0.0)
    if np.isfinite(energy) and stretch <= ELSEWHERE:
        return Start(relaxed, energy, stretch)
    return Start(reference, surface(reference)[0], stretch if np.isfinite(energy) else np.nan)


def minimized(surface: Surface, start, steps: int) -> tuple[np.ndarray, float]:
    """Positions and energy (kcal/mol) after so many steps of L-BFGS; NaN where they end without a
    number."""
    last = {"x": start, "energy": np.nan}

    def positions_at(flat):
        return start + FIRST_STEP * flat.reshape(start.shape)

    def evaluate(flat):
        energy, gradient = surface(positions_at(flat))
        if not (np.isfinite(energy) and np.isfinite(gradient).all()):
            raise MethodError(f"the energy is {energy:g} kcal/mol.")
        return energy, FIRST_STEP * gradient.ravel()

    def keep(intermediate_result):
        last["x"] = positions_at(intermediate_result.x)
        last["energy"] = float(intermediate_result.fun)

    try:
        last["energy"] = surface(start)[0]
        minimize(
            evaluate, np.zeros(start.size), jac=True, method="L-BFGS-B", callback=keep,
            options={"maxiter": steps, "gtol": FIRST_STEP * GRADIENT},
        )  # fmt: skip
    except MethodError:
        last["energy"] = np.nan
    return last["x"], last["energy"]


def stretched(mol: Chem.Mol, positions, bond, length: float) -> np.ndarray:
    """The smaller side of a bond moved along it until it is `length` Å long; of a bond in a ring
    its two atoms, by half of that each."""
    first, second = (int(atom) for atom in bond)
    along = positions[second] - positions[first]
    change = (length / np.linalg.norm(along) - 1.0) * along
    moved = np.array(positions)
    if mol.GetBondBetweenAtoms(first, second).IsInRing():
        moved[first] -= 0.5 * change
        moved[second] += 0.5 * change
        return moved
    side = beyond(mol, first, second)
    if 2 * len(side) > len(positions):
        side, change = beyond(mol, second, first), -change
    moved[side] += change
    return moved


def beyond(mol: Chem.Mol, first: int, second: int) -> list[int]:
    """Atoms that hang on `first` through `second`, which no ring leads around."""
    found, new = {first, second}, [second]
    while new:
        near = {n.GetIdx() for atom in new for n in mol.GetAtomWithIdx(atom).GetNeighbors()}
        new = sorted(near - found)
        found |= near
    return sorted(found - {first})


def closed_angle(positions, angle, factor: float) -> np.ndarray:
    """The outer atoms moved towards each other, to `factor` of their distance."""
    first, _, last = angle
    moved = np.array(positions)
    change = 0.5 * (1.0 - factor) * (positions[last] - positions[first])
    moved[first] += change
    moved[last] -= change
    return moved


def bonds_of(mol: Chem.Mol) -> np.ndarray:
    """[bonds, 2]"""
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]
    return np.reshape(np.array(bonds, int), (-1, 2))


def angles_of(mol: Chem.Mol) -> list[tuple[int, int, int]]:
    """Every two neighbours of every atom, it between them."""
    near = {a.GetIdx(): sorted(n.GetIdx() for n in a.GetNeighbors()) for a in mol.GetAtoms()}
    return [
        (first, centre, last)
        for centre, ends in near.items()
        for k, first in enumerate(ends)
        for last in ends[k + 1 :]
    ]


def one_of_each(mol: Chem.Mol, rows) -> list:
    """The first of the rows of atoms that the graph cannot tell apart, in either direction."""
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    found = {}
    for row in rows:
        key = tuple(ranks[int(atom)] for atom in row)
        found.setdefault(min(key, key[::-1]), row)
    return list(found.values())
