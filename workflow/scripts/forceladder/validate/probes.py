"""Bonds pulled and pressed, atoms of an angle pushed together, the molecule scaled as a whole: a
force field has no hole where simulations might fall in.

Geometries are rigid: nothing relaxes but what is moved. Energies are above that of the method's
own minimum.
"""

from typing import NamedTuple

import numpy as np
from rdkit import Chem

from forceladder.md.watch import bond_lengths
from forceladder.validate.checks import Limit
from forceladder.validate.geometry import (
    ELSEWHERE,
    Start,
    angles_of,
    bonds_of,
    closed_angle,
    one_of_each,
    stretched,
)
from forceladder.validate.surface import Surface

HOLE = Limit("kcal/mol", 0.5)  # less is thermal: kT at 300 K is 0.6
PROBES = {
    "minimum_stretch": Limit("angstrom", ELSEWHERE),  # of a bond, minimized from the reference
    "points_broken": Limit("1", 0.0),  # geometries of all these probes without a number
    "stretch_hole": HOLE,  # below the minimum
    # on the way out from a curve's own minimum; a method in which bonds dissociate may fall behind
    # a barrier, but not by more than an SCF that changes its state
    "stretch_fall": Limit("kcal/mol", 1.0),
    "stretch_minimum": Limit("angstrom", ELSEWHERE),  # from the reference's length
    "angle_hole": HOLE,
    "scaling_hole": HOLE,
}
STRETCHES = (0.5, 2.5)  # of a bond's length
CLOSING = np.linspace(0.3, 1.0, 8)  # of the distance of an angle's outer atoms
SCALING = np.linspace(0.6, 1.4, 17)  # of all coordinates


class Curve(NamedTuple):
    """bond: its atoms by element; length [points] Å; energy [points] kcal/mol above the minimum"""

    bond: str
    length: np.ndarray
    energy: np.ndarray


def probe_checks(
    surface: Surface, mol: Chem.Mol, start: Start, reference, points: int
) -> tuple[dict, list[Curve]]:
    """Check → value, see PROBES; and the curves of the bonds.

    reference: [atoms, 3] Å, where the lengths of bonds are from      points: of a curve
    """
    curves = [
        stretch_curve(surface, mol, start, bond, reference, points)
        for bond in one_of_each(mol, bonds_of(mol))
    ]
    own = [
        curve.length[np.nanargmin(curve.energy)] if np.isfinite(curve.energy).any() else np.nan
        for curve in curves
    ]
    meant = [bond_lengths(reference, bond)[0] for bond in one_of_each(mol, bonds_of(mol))]
    closed = [
        closed_angle(start.positions, angle, factor)
        for angle in one_of_each(mol, angles_of(mol))
        for factor in CLOSING
    ]
    centre = start.positions.mean(axis=0)
    scaled = centre + SCALING[:, None, None] * (start.positions - centre)
    closing, scaling = (surface.many(some)[0] - start.energy for some in (closed, scaled))
    energies = np.concatenate([*(curve.energy for curve in curves), closing, scaling])
    checks = {
        "minimum_stretch": start.stretch,
        "points_broken": np.sum(~np.isfinite(energies)),
        "stretch_hole": max((depth(curve.energy) for curve in curves), default=0.0),
        "stretch_fall": max((fall(curve.energy) for curve in curves), default=0.0),
        "stretch_minimum": np.abs(np.subtract(own, meant)).max(initial=0.0),
        "angle_hole": depth(closing),
        "scaling_hole": depth(scaling),
    }
    return checks, curves


def stretch_curve(surface, mol, start: Start, bond, reference, points: int) -> Curve:
    """Energy along one bond, between STRETCHES of its length in the reference."""
    (length,) = bond_lengths(reference, bond)
    wanted = np.linspace(*STRETCHES, points) * length
    geometries = [stretched(mol, start.positions, bond, one) for one in wanted]
    names = "–".join(mol.GetAtomWithIdx(int(atom)).GetSymbol() for atom in bond)
    return Curve(names, wanted, surface.many(geometries)[0] - start.energy)


def depth(energy) -> float:
    """How far the lowest of energies [points] lies below zero, kcal/mol."""
    return float(max(0.0, -np.nanmin(energy, initial=np.inf)))


def fall(energy) -> float:
    """The largest fall of a curve [points] on its ways out from its minimum, kcal/mol."""
    energy = energy[np.isfinite(energy)]
    if not len(energy):
        return np.nan
    low = int(np.argmin(energy))
    ways = energy[low:], energy[: low + 1][::-1]
    return float(max((np.maximum.accumulate(way) - way).max() for way in ways))
