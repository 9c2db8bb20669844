"""Terms that OpenMM reads as expressions, written as in `energy.terms`.

Names in an expression are the term's parameters, of those that have several numbers a row each
by its place (amplitude_1).
"""

from itertools import combinations

import openmm

from forceladder.energy.terms import TERMS
from forceladder.export.openmm.units import openmm_factor
from forceladder.export.openmm.vectors import bond, cross, dot, norm

WELL = "quadratic*d^2+cubic*d^3+quartic*d^4"

BOND_ENERGIES = {
    "bond_quartic": f"{WELL};d=r-length",
    "lennard_jones_96": "epsilon*(2*(minimum/r)^9-3*(minimum/r)^6)",
}
ANGLE_ENERGIES = {"angle_quartic": f"{WELL};d=theta-angle"}
# sin χ of each bond u with the plane of the two others is v over its length and their |n|. Exact
# and smooth where the centre is planar; the three χ have one sign.
OUT_OF_PLANE = ";".join([
    "quadratic*chi^2;chi=(asin(v/(b1*m23))+asin(v/(b2*m13))+asin(v/(b3*m12)))/3",
    f"v={dot('u1', 'n23')}",
    *(f"b{i}={norm(f'u{i}')}" for i in (1, 2, 3)),
    *(f"m{i}{j}={norm(f'n{i}{j}')}" for i, j in combinations((1, 2, 3), 2)),
    *(cross(f"n{i}{j}", f"u{i}", f"u{j}") for i, j in combinations((1, 2, 3), 2)),
    *(bond(f"u{i}", i + 1, 1) for i in (1, 2, 3)),
])  # fmt: skip


def bond_force(name: str, term: dict) -> openmm.Force:
    """Of a function of the distance r of two atoms."""
    force = openmm.CustomBondForce(BOND_ENERGIES[name])
    rows = [numbers_of_row(name, term, row) for row in range(len(term["atoms"]))]
    for parameter in rows[0]:
        force.addPerBondParameter(parameter)
    for atoms, numbers in zip(term["atoms"], rows, strict=True):
        force.addBond(*atoms, list(numbers.values()))
    return force


def angle_force(name: str, term: dict) -> openmm.Force:
    """Of a function of the angle theta of three atoms."""
    force = openmm.CustomAngleForce(ANGLE_ENERGIES[name])
    rows = [numbers_of_row(name, term, row) for row in range(len(term["atoms"]))]
    for parameter in rows[0]:
        force.addPerAngleParameter(parameter)
    for atoms, numbers in zip(term["atoms"], rows, strict=True):
        force.addAngle(*atoms, list(numbers.values()))
    return force


def torsion_force(term: dict) -> openmm.Force:
    """Σₙ Vₙ (1 + cos nφ) as one function of the angle theta of four atoms."""
    orders = range(1, len(term["amplitude"][0]) + 1)
    force = openmm.CustomTorsionForce("+".join(f"amplitude_{n}*(1+cos({n}*theta))" for n in orders))
    for n in orders:
        force.addPerTorsionParameter(f"amplitude_{n}")
    for row, atoms in enumerate(term["atoms"]):
        force.addTorsion(*atoms, list(numbers_of_row("torsion_cosine", term, row).values()))
    return force


def out_of_plane_force(term: dict) -> openmm.Force:
    """K χ², χ the mean of the three Wilson angles of a centre, its first atom."""
    rows = [numbers_of_row("out_of_plane", term, row) for row in range(len(term["atoms"]))]
    return compound_force(OUT_OF_PLANE, term["atoms"], rows)


def compound_force(energy: str, atoms: list[list[int]], rows: list[dict]) -> openmm.Force:
    """Of a function of several coordinates of the atoms of a row.

    rows: parameter → number; zero in a row that has none
    """
    force = openmm.CustomCompoundBondForce(len(atoms[0]), energy)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        force.addPerBondParameter(name)
    for members, numbers in zip(atoms, rows, strict=True):
        force.addBond(members, [numbers.get(name, 0.0) for name in names])
    return force


def numbers_of_row(name: str, term: dict, row: int) -> dict[str, float]:
    """Parameter → number in OpenMM's units; numbers of a series by their place."""
    found = {}
    for parameter, unit in TERMS[name].parameters.items():
        value, factor = term[parameter][row], openmm_factor(unit)
        if isinstance(value, list):
            found |= {f"{parameter}_{n}": v * factor for n, v in enumerate(value, start=1)}
        else:
            found[parameter] = value * factor
    return found
