"""Coupling of a torsion with its two end bonds."""

from forceladder.energy.term import Term
from forceladder.energy.terms.torsion_cosine import fourier


def ends_with_torsion(displacements: tuple, phi, amplitudes: tuple):
    """Σ over both ends of Δ Σₙ Aₙ cos nφ: energy, and slopes by Δ₁, Δ₂ and φ."""
    (first, second), (amplitude_1, amplitude_2) = displacements, amplitudes
    value_1, slope_1 = fourier(phi, amplitude_1)
    value_2, slope_2 = fourier(phi, amplitude_2)
    energy = first * value_1 + second * value_2
    return energy, (value_1, value_2, first * slope_1 + second * slope_2)


def end_bond_torsion_energy(coordinates: tuple, parameters: dict):
    """E = (b₁ − b₁⁰) Σₙ Bₙ cos nφ + (b₃ − b₃⁰) Σₙ Cₙ cos nφ, n = 1…3, as in CFF93.

    b₁, b₃: [instances] Å      φ: rad      length_1, length_3: Å
    amplitude_1 Bₙ, amplitude_3 Cₙ: [instances, 3] kcal/mol/Å
    returns: [instances] kcal/mol and its slopes; bounded below together with the bonds' own
    energies (model.bounds)
    """
    b_1, b_3, phi = coordinates
    stretches = b_1 - parameters["length_1"], b_3 - parameters["length_3"]
    return ends_with_torsion(stretches, phi, (parameters["amplitude_1"], parameters["amplitude_3"]))


END_BOND_TORSION = Term(
    table="torsion",
    coordinates=(("bond", 0), ("bond", 2), ("torsion", 0)),
    parameters={
        "length_1": "angstrom", "length_3": "angstrom",
        "amplitude_1": "kcal/mol/angstrom", "amplitude_3": "kcal/mol/angstrom",
    },
    energy=end_bond_torsion_energy,
)  # fmt: skip
