"""Terms that OpenMM reads as expressions, written as in `energy.terms`.

Names in an expression are the term's parameters, of those that have several numbers a row each
by its place (amplitude_1), and the internal coordinates of the row: b bonds and t angles,
counted along it; c and s are cosine and sine of a torsion, cc and ss those of twice it.
"""

import re

import openmm

from forceladder.energy.terms import TERMS
from forceladder.export.openmm.units import openmm_factor


def series(amplitude: str) -> str:
    """Σₙ Aₙ cos nφ, by Chebyshev's polynomials in c = cos φ: one cosine, not three."""
    return f"({amplitude}_1*c+{amplitude}_2*(2*c^2-1)+{amplitude}_3*(4*c^3-3*c))"


WELL = "quadratic*d^2+cubic*d^3+quartic*d^4"
BEND_BEND = "coupling*(t1-angle_1)*(t2-angle_2)"

BOND_ENERGIES = {
    "bond_quartic": f"{WELL};d=r-length",
    "lennard_jones_96": "epsilon*(2*(minimum/r)^9-3*(minimum/r)^6)",
}
ANGLE_ENERGIES = {"angle_quartic": f"{WELL};d=theta-angle"}
COUPLING_ENERGIES = {
    "bond_bond": "coupling*(b1-length_1)*(b2-length_2)",
    "bond_angle": "(coupling_1*(b1-length_1)+coupling_2*(b2-length_2))*(t1-angle)",
    "angle_angle": BEND_BEND,
    "middle_bond_torsion": f"(b2-length)*{series('amplitude')}",
    "end_bond_torsion": (
        f"(b1-length_1)*{series('amplitude_1')}+(b3-length_3)*{series('amplitude_3')}"
    ),
    "angle_torsion": (f"(t1-angle_1)*{series('amplitude_1')}+(t2-angle_2)*{series('amplitude_2')}"),
    "angle_angle_torsion": f"{BEND_BEND}*c",
    "bond_bond_13": "coupling*(b1-length_1)*(b3-length_2)",
    "bond_angle_13": (
        "(coupling_1+turned_1*c)*(b1-length_1)*(t2-angle_2)"
        "+(coupling_3+turned_3*c)*(b3-length_3)*(t1-angle_1)"
    ),
    "angle_angle_13": BEND_BEND,
    "torsion_torsion": (
        "cosine_1*c1*c2+cosine_2*c1*cc2+cosine_3*cc1*c2+cosine_4*cc1*cc2"
        "+sine_1*s1*s2+sine_2*s1*ss2+sine_3*ss1*s2+sine_4*ss1*ss2"
    ),
}
COORDINATES = {  # of a row of a table, by the order of its atoms
    "angle": "b1=distance(p1,p2);b2=distance(p2,p3);t1=angle(p1,p2,p3)",
    "angle_pair": "t1=angle(p1,p2,p3);t2=angle(p1,p2,p4)",
    "torsion": (
        "b1=distance(p1,p2);b2=distance(p2,p3);b3=distance(p3,p4);"
        "t1=angle(p1,p2,p3);t2=angle(p2,p3,p4);c=cos(dihedral(p1,p2,p3,p4))"
    ),
    "torsion_pair": (
        "cc1=2*c1^2-1;cc2=2*c2^2-1;ss1=2*s1*c1;ss2=2*s2*c2;"
        "c1=cos(phi1);c2=cos(phi2);s1=sin(phi1);s2=sin(phi2);"
        "phi1=dihedral(p1,p2,p3,p4);phi2=dihedral(p2,p3,p4,p5)"
    ),
}
# With s the sines of the angles at the centre and the torsion of two planes about the bond that
# they share, sin χ of each bond with the plane of the others is v over the sine of these others.
# Exact and smooth where the centre is planar; the three χ have one sign.
OUT_OF_PLANE = (
    "quadratic*chi^2;chi=(asin(v/s12)+asin(v/s23)+asin(v/s31))/3;"
    "v=s12*s23*sin(dihedral(p2,p1,p3,p4));"
    "s12=sin(angle(p2,p1,p3));s23=sin(angle(p3,p1,p4));s31=sin(angle(p4,p1,p2))"
)


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


def out_of_plane_force(term: dict) -> openmm.Force:
    """K χ², χ the mean of the three Wilson angles of a centre, its first atom."""
    rows = [numbers_of_row("out_of_plane", term, row) for row in range(len(term["atoms"]))]
    return compound_force(OUT_OF_PLANE, term["atoms"], rows)


def coupling_force(terms: dict[str, dict]) -> openmm.Force:
    """Couplings of the rows of one table: together, because coordinates and their slopes are
    what costs time. Each is multiplied by a global parameter of its name, which is one; zero
    switches the term off.
    """
    table = TERMS[next(iter(terms))].table
    atoms = next(iter(terms.values()))["atoms"]
    rows = [
        {
            f"{name}_{parameter}": number
            for name, term in terms.items()
            for parameter, number in numbers_of_row(name, term, row).items()
        }
        for row in range(len(atoms))
    ]
    energy = "+".join(f"{name}*({of_term(name, term)})" for name, term in terms.items())
    force = compound_force(f"{energy};{COORDINATES[table]}", atoms, rows)
    for name in terms:
        force.addGlobalParameter(name, 1.0)
    return force


def of_term(name: str, term: dict) -> str:
    """The energy of a coupling, its parameters named after it."""
    own = "|".join(numbers_of_row(name, term, 0))
    return re.sub(rf"\b({own})\b", rf"{name}_\1", COUPLING_ENERGIES[name])


def compound_force(energy: str, atoms: list[list[int]], rows: list[dict]) -> openmm.Force:
    """Of a function of several coordinates of the atoms of a row."""
    force = openmm.CustomCompoundBondForce(len(atoms[0]), energy)
    for parameter in rows[0]:
        force.addPerBondParameter(parameter)
    for members, numbers in zip(atoms, rows, strict=True):
        force.addBond(members, list(numbers.values()))
    return force


def switches(force: openmm.Force) -> list[str]:
    """The terms of a `coupling_force`, none of any other."""
    if not isinstance(force, openmm.CustomCompoundBondForce):
        return []
    return [force.getGlobalParameterName(k) for k in range(force.getNumGlobalParameters())]


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
