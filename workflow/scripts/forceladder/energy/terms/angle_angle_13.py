"""Coupling of the two angles of a torsion, whatever its own angle."""

from forceladder.energy.term import Term
from forceladder.energy.terms.angle_angle import ANGLE_ANGLE, angle_angle_energy

# E = M (θ₁ − θ₁⁰)(θ₂ − θ₂⁰): the constant beside CFF's angle_angle_torsion
ANGLE_ANGLE_13 = Term(
    table="torsion",
    coordinates=(("angle", 0), ("angle", 1)),
    parameters=ANGLE_ANGLE.parameters,
    energy=angle_angle_energy,
)
