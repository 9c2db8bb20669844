"""Coupling of two bonds that share an atom."""

from torch import Tensor

from forceladder.energy.term import Term


def bond_bond_energy(coordinates: tuple[Tensor, Tensor], parameters: dict):
    """E = M (b₁ − b₁⁰)(b₂ − b₂⁰), as in CFF93.

    b₁, b₂: [instances] Å      length_1, length_2: Å      coupling M: kcal/mol/Å²
    returns: [instances] kcal/mol and its slopes; bounded below together with the bonds' own
    energies (model.bounds)
    """
    stretch_1 = coordinates[0] - parameters["length_1"]
    stretch_2 = coordinates[1] - parameters["length_2"]
    slope_1 = parameters["coupling"] * stretch_2
    return slope_1 * stretch_1, (slope_1, parameters["coupling"] * stretch_1)


BOND_BOND = Term(
    table="angle",
    coordinates=(("bond", 0), ("bond", 1)),
    parameters={
        "length_1": "angstrom", "length_2": "angstrom", "coupling": "kcal/mol/angstrom^2"
    },
    energy=bond_bond_energy,
)  # fmt: skip
