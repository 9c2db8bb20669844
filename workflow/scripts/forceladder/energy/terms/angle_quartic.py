"""Quartic angle bending of CFF93 and COMPASS."""

from torch import Tensor

from forceladder.energy.term import Term
from forceladder.energy.terms.bond_quartic import quartic_energy


def quartic_angle_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = H₂Δ² + H₃Δ³ + H₄Δ⁴, Δ = θ − θ₀ (Maple et al., J. Comput. Chem. 15, 162, 1994).

    θ: [instances] rad      angle θ₀: rad
    quadratic H₂, cubic H₃, quartic H₄: kcal/mol/rad², /rad³, /rad⁴; where θ₀ = π, H₃ = 0, so
    that the energy is smooth when the atoms pass through the line
    returns: [instances] kcal/mol, bounded below by zero for H₃² ≤ 4 H₂H₄; its slopes
    """
    (theta,) = coordinates
    energy, slope = quartic_energy(theta - parameters["angle"], parameters)
    return energy, (slope,)


ANGLE_QUARTIC = Term(
    table="angle",
    coordinates=(("angle", 0),),
    parameters={
        "angle": "radian",
        "quadratic": "kcal/mol/radian^2",
        "cubic": "kcal/mol/radian^3",
        "quartic": "kcal/mol/radian^4",
    },
    energy=quartic_angle_energy,
)
