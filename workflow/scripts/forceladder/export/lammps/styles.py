"""Bonded terms as LAMMPS' styles.

Where its definitions differ from ours:

- Harmonic constants have no ½.
- Torsions are Vₙ [1 + cos(nφ − d)] in style `fourier`, of any order and sign; style `class2` ends
  at n = 3, so it has the couplings alone and a series of zeros.
- One class II improper i-j-k-l, j the centre, carries the Wilson angle of three neighbours and the
  couplings of their three angles. A centre of four has four of them.
- The six improper torsions of a planar centre are six impropers of style `cvff`.
- A coupling of an angle with its bonds has no angle of its own: the reference is the angle's.
"""

import math
from itertools import combinations
from typing import NamedTuple

from forceladder.energy.coordinates import IMPROPER_ORDERS
from forceladder.model.alternatives import LENNARD_JONES


class Interaction(NamedTuple):
    """atoms: counted from zero, in LAMMPS' order
    style: name of the bond, angle, dihedral or improper style
    numbers: section of a data file → coefficients; whole numbers are int"""

    atoms: tuple[int, ...]
    style: str
    numbers: dict[str, tuple]


# kind → section → the term whose parameters stand there, in this order
CLASS2 = {
    "bond": {"Bond Coeffs": ("bond_quartic", "length quadratic cubic quartic")},
    "angle": {
        "Angle Coeffs": ("angle_quartic", "angle quadratic cubic quartic"),
        "BondBond Coeffs": ("bond_bond", "coupling length_1 length_2"),
        "BondAngle Coeffs": ("bond_angle", "coupling_1 coupling_2 length_1 length_2"),
    },
    "dihedral": {
        "MiddleBondTorsion Coeffs": ("middle_bond_torsion", "amplitude length"),
        "EndBondTorsion Coeffs": (
            "end_bond_torsion", "amplitude_1 amplitude_3 length_1 length_3"
        ),
        "AngleTorsion Coeffs": ("angle_torsion", "amplitude_1 amplitude_2 angle_1 angle_2"),
        "AngleAngleTorsion Coeffs": ("angle_angle_torsion", "coupling angle_1 angle_2"),
        "BondBond13 Coeffs": ("bond_bond_13", "coupling length_1 length_2"),
    },
}  # fmt: skip
ORDERS = 3  # of the series in class II couplings


def terms_of(kind: str) -> set[str]:
    return {term for term, _ in CLASS2[kind].values()}


STYLED = {
    "bond_harmonic", "angle_harmonic", "torsion_cosine", "improper_cosine", "out_of_plane",
    "angle_angle",
}.union(*map(terms_of, CLASS2))  # fmt: skip


def lennard_jones_of(parameters: dict) -> str | None:
    """The form of Lennard-Jones that the rung has."""
    return next((name for name in LENNARD_JONES if name in parameters["terms"]), None)


def interactions_of(parameters: dict) -> dict[str, list[Interaction]]:
    """Kind (bond, angle, dihedral, improper) → its interactions, for the kinds that there are."""
    terms = {name: term for name, term in parameters["terms"].items() if term["atoms"]}
    found = {
        "bond": bonds(parameters["bonds"], terms),
        "angle": angles(terms),
        "dihedral": dihedrals(terms),
        "improper": impropers(terms),
    }
    return {kind: listed for kind, listed in found.items() if listed}


def bonds(atoms: list, terms: dict) -> list[Interaction]:
    """Every bond: LAMMPS finds pairs one, two and three bonds apart from them, so a rung without
    an energy of bonds has them with none."""
    if "bond_quartic" in terms:
        return class2_rows("bond", terms)
    term = terms.get("bond_harmonic") or {
        "atoms": atoms, "length": [1.0] * len(atoms), "force_constant": [0.0] * len(atoms)
    }  # fmt: skip
    rows = zip(term["atoms"], term["length"], term["force_constant"], strict=True)
    return [
        Interaction(tuple(members), "harmonic", {"Bond Coeffs": (0.5 * k, length)})
        for members, length, k in rows
    ]


def angles(terms: dict) -> list[Interaction]:
    harmonic = terms.get("angle_harmonic")
    if terms.keys() & terms_of("angle"):
        return class2_rows("angle", terms | angle_wells(terms))
    if harmonic is None:
        return []
    rows = zip(harmonic["atoms"], harmonic["angle"], harmonic["force_constant"], strict=True)
    return [
        Interaction(tuple(members), "harmonic", {"Angle Coeffs": (0.5 * k, math.degrees(angle))})
        for members, angle, k in rows
    ]


def angle_wells(terms: dict) -> dict:
    """The quartic angles that style `class2` wants: of harmonic ones, or of none but the reference
    of the coupling with bonds."""
    if "angle_quartic" in terms:
        return {}
    term = terms.get("angle_harmonic") or terms.get("bond_angle") or terms["bond_bond"]
    nothing = [0.0] * len(term["atoms"])
    well = {
        "atoms": term["atoms"],
        "angle": term.get("angle", nothing),
        "quadratic": [0.5 * k for k in term.get("force_constant", nothing)],
        "cubic": nothing,
        "quartic": nothing,
    }
    return {"angle_quartic": well}


def dihedrals(terms: dict) -> list[Interaction]:
    """The couplings of torsions and, on the same atoms, their own series."""
    found = []
    if terms.keys() & terms_of("dihedral"):
        for row in class2_rows("dihedral", terms):
            series = {"Dihedral Coeffs": (0.0,) * 2 * ORDERS}
            found.append(row._replace(numbers=series | row.numbers))
    if torsion := terms.get("torsion_cosine"):
        for members, amplitudes in zip(torsion["atoms"], torsion["amplitude"], strict=True):
            series = [len(amplitudes)]
            for order, amplitude in enumerate(amplitudes, start=1):
                series += [amplitude, order, 0.0]
            numbers = {"Dihedral Coeffs": tuple(series)}
            found.append(Interaction(tuple(members), "fourier", numbers))
    return found


def class2_rows(kind: str, terms: dict) -> list[Interaction]:
    """One for each row of the kind's table; zeros for terms that the rung has not."""
    sections = CLASS2[kind]
    atoms = next(terms[term]["atoms"] for term in terms_of(kind) if term in terms)
    return [
        Interaction(
            tuple(members),
            "class2",
            {
                section: numbers_of_row(terms.get(term), names.split(), row)
                for section, (term, names) in sections.items()
            },
        )
        for row, members in enumerate(atoms)
    ]


def numbers_of_row(term: dict | None, names: list[str], row: int) -> tuple[float, ...]:
    """A row's parameters in this order: series one by one, angles in degrees."""
    found = []
    for name in names:
        series = name.startswith("amplitude")
        if term is None:
            found += [0.0] * (ORDERS if series else 1)
        elif series:
            found += term[name][row]
        else:
            value = term[name][row]
            found.append(math.degrees(value) if name.startswith("angle") else value)
    return tuple(found)


def impropers(terms: dict) -> list[Interaction]:
    found = []
    if planar := terms.get("improper_cosine"):
        for members, amplitude in zip(planar["atoms"], planar["amplitude"], strict=True):
            # K/6 (1 − cos 2χ): sign −1, order 2
            numbers = {"Improper Coeffs": (amplitude / len(IMPROPER_ORDERS), -1, 2)}
            for order in IMPROPER_ORDERS:
                atoms = tuple(members[column] for column in order)
                found.append(Interaction(atoms, "cvff", numbers))
    return found + class2_impropers(terms)


def class2_impropers(terms: dict) -> list[Interaction]:
    """One for each three neighbours a, b, c of a centre that are lifted or coupled, listed
    a-centre-b-c."""
    lifted, coupled, angle = {}, {}, {}
    if wilson := terms.get("out_of_plane"):
        for (centre, *ends), k in zip(wilson["atoms"], wilson["quadratic"], strict=True):
            lifted[centre, frozenset(ends)] = k
    if pairs := terms.get("angle_angle"):
        for row, (shared, centre, one, other) in enumerate(pairs["atoms"]):
            coupled[centre, shared, frozenset((one, other))] = pairs["coupling"][row]
            angle[centre, frozenset((shared, one))] = math.degrees(pairs["angle_1"][row])
            angle[centre, frozenset((shared, other))] = math.degrees(pairs["angle_2"][row])
    centres = lifted.keys() | {(centre, ends | {end}) for centre, end, ends in coupled}
    found = []
    for centre, ends in sorted(centres, key=lambda one: (one[0], sorted(one[1]))):
        a, b, c = sorted(ends)
        sharing = ((b, {a, c}), (a, {b, c}), (c, {a, b}))
        couplings = [coupled.get((centre, s, frozenset(rest)), 0.0) for s, rest in sharing]
        between = combinations((a, b, c), 2)  # ab, ac, bc
        angles = [angle.get((centre, frozenset(two)), 0.0) for two in between]
        numbers = {
            "Improper Coeffs": (lifted.get((centre, ends), 0.0), 0.0),
            "AngleAngle Coeffs": (*couplings, *angles),
        }
        found.append(Interaction((a, centre, b, c), "class2", numbers))
    return found
