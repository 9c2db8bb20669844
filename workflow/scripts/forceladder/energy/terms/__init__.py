"""The terms of a force field, one file each; a rung of the ladder is a list of their names.

A new term is one file and one line here, and one line in `model.heads` for what writes its
parameters.
"""

from forceladder.energy.term import Term
from forceladder.energy.terms.angle_angle import ANGLE_ANGLE
from forceladder.energy.terms.angle_angle_13 import ANGLE_ANGLE_13
from forceladder.energy.terms.angle_angle_torsion import ANGLE_ANGLE_TORSION
from forceladder.energy.terms.angle_harmonic import ANGLE_HARMONIC
from forceladder.energy.terms.angle_quartic import ANGLE_QUARTIC
from forceladder.energy.terms.angle_torsion import ANGLE_TORSION
from forceladder.energy.terms.bond_angle import BOND_ANGLE
from forceladder.energy.terms.bond_angle_13 import BOND_ANGLE_13
from forceladder.energy.terms.bond_bond import BOND_BOND
from forceladder.energy.terms.bond_bond_13 import BOND_BOND_13
from forceladder.energy.terms.bond_harmonic import BOND_HARMONIC
from forceladder.energy.terms.bond_quartic import BOND_QUARTIC
from forceladder.energy.terms.coulomb import COULOMB_POINT_CHARGES
from forceladder.energy.terms.end_bond_torsion import END_BOND_TORSION
from forceladder.energy.terms.improper_cosine import IMPROPER_COSINE
from forceladder.energy.terms.lennard_jones import LENNARD_JONES
from forceladder.energy.terms.lennard_jones_96 import LENNARD_JONES_96
from forceladder.energy.terms.middle_bond_torsion import MIDDLE_BOND_TORSION
from forceladder.energy.terms.out_of_plane import OUT_OF_PLANE
from forceladder.energy.terms.torsion_cosine import TORSION_COSINE
from forceladder.energy.terms.torsion_torsion import TORSION_TORSION

TERMS: dict[str, Term] = {
    "bond_harmonic": BOND_HARMONIC,
    "angle_harmonic": ANGLE_HARMONIC,
    "torsion_cosine": TORSION_COSINE,
    "improper_cosine": IMPROPER_COSINE,
    "lennard_jones": LENNARD_JONES,
    "coulomb": COULOMB_POINT_CHARGES,
    "bond_quartic": BOND_QUARTIC,
    "angle_quartic": ANGLE_QUARTIC,
    "out_of_plane": OUT_OF_PLANE,
    "bond_bond": BOND_BOND,
    "bond_angle": BOND_ANGLE,
    "angle_angle": ANGLE_ANGLE,
    "middle_bond_torsion": MIDDLE_BOND_TORSION,
    "end_bond_torsion": END_BOND_TORSION,
    "angle_torsion": ANGLE_TORSION,
    "angle_angle_torsion": ANGLE_ANGLE_TORSION,
    "bond_bond_13": BOND_BOND_13,
    "bond_angle_13": BOND_ANGLE_13,
    "angle_angle_13": ANGLE_ANGLE_13,
    "torsion_torsion": TORSION_TORSION,
    "lennard_jones_96": LENNARD_JONES_96,
}
