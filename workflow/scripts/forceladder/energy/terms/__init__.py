"""The terms of a force field, one file each; a rung of the ladder is a list of their names.

A new term is one file and one line here.
"""

from forceladder.energy.term import Term
from forceladder.energy.terms.angle_harmonic import ANGLE_HARMONIC
from forceladder.energy.terms.bond_harmonic import BOND_HARMONIC
from forceladder.energy.terms.coulomb import COULOMB_POINT_CHARGES
from forceladder.energy.terms.improper_cosine import IMPROPER_COSINE
from forceladder.energy.terms.lennard_jones import LENNARD_JONES
from forceladder.energy.terms.torsion_cosine import TORSION_COSINE

TERMS: dict[str, Term] = {
    "bond_harmonic": BOND_HARMONIC,
    "angle_harmonic": ANGLE_HARMONIC,
    "torsion_cosine": TORSION_COSINE,
    "improper_cosine": IMPROPER_COSINE,
    "lennard_jones": LENNARD_JONES,
    "coulomb": COULOMB_POINT_CHARGES,
}
