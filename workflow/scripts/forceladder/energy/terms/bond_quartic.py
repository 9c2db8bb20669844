"""Quartic bond stretching of CFF93 and COMPASS."""

from torch import Tensor

from forceladder.energy.term import Term


def quartic_energy(displacement: Tensor, parameters: dict):
    """K₂Δ² + K₃Δ³ + K₄Δ⁴ and its slope; no ½, as in CFF."""
    k2, k3, k4 = (parameters[name] for name in ("quadratic", "cubic", "quartic"))
    square = displacement * displacement
    energy = square * (k2 + displacement * (k3 + displacement * k4))
    slope = displacement * (2.0 * k2 + displacement * (3.0 * k3 + displacement * 4.0 * k4))
    return energy, slope


def quartic_bond_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = K₂Δ² + K₃Δ³ + K₄Δ⁴, Δ = b − b₀ (Maple et al., J. Comput. Chem. 15, 162, 1994).

    b: [instances] Å      length b₀: Å
    quadratic K₂, cubic K₃, quartic K₄: kcal/mol/Å², /Å³, /Å⁴
    returns: [instances] kcal/mol, bounded below by zero for K₃² ≤ 4 K₂K₄; its slopes
    """
    (b,) = coordinates
    energy, slope = quartic_energy(b - parameters["length"], parameters)
    return energy, (slope,)


BOND_QUARTIC = Term(
    table="bond",
    coordinates=(("bond", 0),),
    parameters={
        "length": "angstrom",
        "quadratic": "kcal/mol/angstrom^2",
        "cubic": "kcal/mol/angstrom^3",
        "quartic": "kcal/mol/angstrom^4",
    },
    energy=quartic_bond_energy,
)
