"""Coupling of a torsion with the product of its two angles."""

from forceladder.energy.term import Term


def angle_angle_torsion_energy(coordinates: tuple, parameters: dict):
    """E = M (θ₁ − θ₁⁰)(θ₂ − θ₂⁰) cos φ, as in CFF93.

    θ₁, θ₂, φ: [instances] rad      angle_1, angle_2: rad      coupling M: kcal/mol/rad²
    returns: [instances] kcal/mol and its slopes; bounded, because angles are
    """
    theta_1, theta_2, phi = coordinates
    bend_1, bend_2 = theta_1 - parameters["angle_1"], theta_2 - parameters["angle_2"]
    turned = parameters["coupling"] * phi.cosine[:, 0]
    product = parameters["coupling"] * bend_1 * bend_2
    return turned * bend_1 * bend_2, (turned * bend_2, turned * bend_1, -product * phi.sine[:, 0])


ANGLE_ANGLE_TORSION = Term(
    table="torsion",
    coordinates=(("angle", 0), ("angle", 1), ("torsion", 0)),
    parameters={"angle_1": "radian", "angle_2": "radian", "coupling": "kcal/mol/radian^2"},
    energy=angle_angle_torsion_energy,
)
