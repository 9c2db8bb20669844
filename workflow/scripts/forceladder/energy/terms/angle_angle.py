"""Coupling of two angles that share a centre and a bond."""

from torch import Tensor

from forceladder.energy.term import Term


def angle_angle_energy(coordinates: tuple[Tensor, Tensor], parameters: dict):
    """E = M (θ₁ − θ₁⁰)(θ₂ − θ₂⁰), as in CFF93.

    θ₁, θ₂: [instances] rad      angle_1, angle_2: rad      coupling M: kcal/mol/rad²
    returns: [instances] kcal/mol and its slopes; bounded, because angles are
    """
    bend_1 = coordinates[0] - parameters["angle_1"]
    bend_2 = coordinates[1] - parameters["angle_2"]
    slope_1 = parameters["coupling"] * bend_2
    return slope_1 * bend_1, (slope_1, parameters["coupling"] * bend_1)


ANGLE_ANGLE = Term(
    table="angle_pair",
    coordinates=(("angle", 0), ("angle", 1)),
    parameters={"angle_1": "radian", "angle_2": "radian", "coupling": "kcal/mol/radian^2"},
    energy=angle_angle_energy,
)
