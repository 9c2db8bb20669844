"""Harmonic angle bending."""

from torch import Tensor

from forceladder.energy.term import Term


def harmonic_angle_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = ½ k (θ − θ₀)².

    θ: [instances] rad      angle θ₀: rad      force_constant k: kcal/mol/rad²
    returns: [instances] kcal/mol, bounded below by zero for k > 0; its slopes
    """
    (theta,) = coordinates
    k, bend = parameters["force_constant"], theta - parameters["angle"]
    return 0.5 * k * bend**2, (k * bend,)


ANGLE_HARMONIC = Term(
    table="angle",
    coordinates=(("angle", 0),),
    parameters={"angle": "radian", "force_constant": "kcal/mol/radian^2"},
    energy=harmonic_angle_energy,
)
