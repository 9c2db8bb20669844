"""Couplings at a centre: of its bonds and of the angles between them."""

from collections import defaultdict
from itertools import combinations

import openmm

from forceladder.export.openmm.couplings import REST, add_numbers, in_row, numbers_in_row
from forceladder.export.openmm.custom import compound_force
from forceladder.export.openmm.vectors import bond, cross, dot, norm

ENERGIES = {
    "bond_bond": "coupling*q1*q2",
    "bond_angle": "(coupling_1*q1+coupling_2*q2)*q3",
    "angle_angle": "coupling*q1*q2",
}
TINY = 1e-30  # nm⁴: the sine of a straight angle has a slope then, and it is zero


def corner_forces(terms: dict[str, dict]) -> list[openmm.Force]:
    """A row, the centre first, for each three of its neighbours, or for both; one force for
    each of these two sorts.

    Two angles that share a bond have three neighbours, and are in the row of these; an angle with
    its bonds is in the first row that has it.
    """
    corners, rows = first_corners(terms), {}
    for name, term in terms.items():
        turned = reversed_rows(term)
        for row, (first, centre, *others) in enumerate(term["atoms"]):
            ends = (first, *others)
            corner = corners[centre, tuple(sorted(ends))]
            place, values = [1 + corner.index(atom) for atom in ends], term
            if len(place) == 2 and place[0] > place[1]:
                place, values = place[::-1], turned
            numbers = numbers_in_row(values, name, row, displacements(name, place), tag(place))
            add_numbers(rows.setdefault((centre, *corner), {}), numbers)
    return [
        corner_force(terms, size, {atoms: row for atoms, row in rows.items() if len(atoms) == size})
        for size in sorted({len(atoms) for atoms in rows})
    ]


def reversed_rows(term: dict) -> dict:
    """The same numbers for rows that are read from their other end."""
    other = {"_1": "_2", "_2": "_1"}
    return {name[:-2] + other.get(name[-2:], name[-2:]): values for name, values in term.items()}


def first_corners(terms: dict[str, dict]) -> dict:
    """(centre, two or three of its neighbours) → the neighbours in the row where they are."""
    around = defaultdict(set)
    for term in terms.values():
        for first, centre, *others in term["atoms"]:
            around[centre] |= {first, *others}
    found = {}
    for centre, neighbours in around.items():
        for corner in combinations(sorted(neighbours), min(3, len(neighbours))):
            for ends in (corner, *combinations(corner, 2)):
                found.setdefault((centre, ends), corner)
    return found


def corner_force(terms, size: int, rows: dict) -> openmm.Force:
    ends = range(1, size)
    pairs = list(combinations(ends, 2))
    sharing = [(i, *(j for j in ends if j != i)) for i in ends]
    places = {"bond_bond": pairs, "bond_angle": pairs, "angle_angle": sharing if size == 4 else []}
    energies = [
        in_row(ENERGIES[name], name, displacements(name, place), tag(place))
        for name in terms
        for place in places[name]
    ]
    return compound_force(
        f"{'+'.join(energies)};{coordinates(ends)}",
        [list(atoms) for atoms in rows],
        list(rows.values()),
    )


def displacements(name: str, place) -> list[str]:
    """Of the bonds and angles of a term.

    place: numbers of its neighbours; of two angles, that of their shared bond first
    """
    if name == "angle_angle":
        return [angle(place[0], other) for other in place[1:]]
    bonds = [f"d{i}" for i in place]
    return bonds if name == "bond_bond" else [*bonds, angle(*place)]


def angle(i: int, j: int) -> str:
    return f"a{min(i, j)}{max(i, j)}"


def tag(place) -> str:
    """Tells the terms of one name in a corner apart."""
    return f"_{place[0]}" if len(place) > 2 else f"_{place[0]}{place[1]}"


def coordinates(ends) -> str:
    """Bond i leads from the centre to neighbour i; angles are named by their two neighbours."""
    found = [f"d{i}=b{i}-{REST}d{i};b{i}={norm(f'u{i}')}" for i in ends]
    for i, j in combinations(ends, 2):
        n, cosine = f"n{i}{j}", dot(f"u{i}", f"u{j}")
        found.append(f"a{i}{j}=atan2(sqrt({dot(n, n)}+{TINY}),{cosine})-{REST}a{i}{j}")
    found += [cross(f"n{i}{j}", f"u{i}", f"u{j}") for i, j in combinations(ends, 2)]
    return ";".join([*found, *(bond(f"u{i}", i + 1, 1) for i in ends)])
