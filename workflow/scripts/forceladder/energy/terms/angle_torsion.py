"""Coupling of a torsion with its two angles."""

from forceladder.energy.term import Term
from forceladder.energy.terms.end_bond_torsion import ends_with_torsion


def angle_torsion_energy(coordinates: tuple, parameters: dict):
    """E = (θ₁ − θ₁⁰) Σₙ Dₙ cos nφ + (θ₂ − θ₂⁰) Σₙ Eₙ cos nφ, n = 1…3, as in CFF93.

    θ₁, θ₂, φ: [instances] rad      angle_1, angle_2: rad
    amplitude_1 Dₙ, amplitude_2 Eₙ: [instances, 3] kcal/mol/rad
    returns: [instances] kcal/mol and its slopes; bounded, because angles are
    """
    theta_1, theta_2, phi = coordinates
    bends = theta_1 - parameters["angle_1"], theta_2 - parameters["angle_2"]
    return ends_with_torsion(bends, phi, (parameters["amplitude_1"], parameters["amplitude_2"]))


ANGLE_TORSION = Term(
    table="torsion",
    coordinates=(("angle", 0), ("angle", 1), ("torsion", 0)),
    parameters={
        "angle_1": "radian", "angle_2": "radian",
        "amplitude_1": "kcal/mol/radian", "amplitude_2": "kcal/mol/radian",
    },
    energy=angle_torsion_energy,
)  # fmt: skip
