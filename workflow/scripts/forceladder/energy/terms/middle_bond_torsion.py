"""Coupling of a torsion with the bond that it turns about."""

from forceladder.energy.term import Term
from forceladder.energy.terms.torsion_cosine import fourier


def middle_bond_torsion_energy(coordinates: tuple, parameters: dict):
    """E = (b − b₀) Σₙ Aₙ cos nφ, n = 1…3, as in CFF93.

    b: [instances] Å      φ: rad      length b₀: Å      amplitude Aₙ: [instances, 3] kcal/mol/Å
    returns: [instances] kcal/mol and its slopes; bounded below together with the bond's own
    energy (model.bounds)
    """
    b, phi = coordinates
    stretch = b - parameters["length"]
    value, slope = fourier(phi, parameters["amplitude"])
    return stretch * value, (value, stretch * slope)


MIDDLE_BOND_TORSION = Term(
    table="torsion",
    coordinates=(("bond", 1), ("torsion", 0)),
    parameters={"length": "angstrom", "amplitude": "kcal/mol/angstrom"},
    energy=middle_bond_torsion_energy,
)
