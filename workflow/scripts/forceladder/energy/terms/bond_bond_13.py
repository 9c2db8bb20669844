"""Coupling of the two end bonds of a torsion."""

from forceladder.energy.term import Term
from forceladder.energy.terms.bond_bond import BOND_BOND, bond_bond_energy

# E = N (b₁ − b₁⁰)(b₃ − b₃⁰), as in CFF93: the form of bonds that share an atom
BOND_BOND_13 = Term(
    table="torsion",
    coordinates=(("bond", 0), ("bond", 2)),
    parameters=BOND_BOND.parameters,
    energy=bond_bond_energy,
)
