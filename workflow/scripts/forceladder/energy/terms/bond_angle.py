"""Coupling of an angle with its two bonds."""

from torch import Tensor

from forceladder.energy.term import Term


def bond_angle_energy(coordinates: tuple[Tensor, Tensor, Tensor], parameters: dict):
    """E = [N₁ (b₁ − b₁⁰) + N₂ (b₂ − b₂⁰)] (θ − θ₀), as in CFF93.

    b₁, b₂: [instances] Å      θ: rad
    length_1, length_2: Å      angle θ₀: rad      coupling_1, coupling_2: kcal/mol/Å/rad
    returns: [instances] kcal/mol and its slopes; bounded below together with the bonds' and
    angles' own energies (model.bounds)
    """
    b_1, b_2, theta = coordinates
    bend = theta - parameters["angle"]
    n_1, n_2 = parameters["coupling_1"], parameters["coupling_2"]
    pull = n_1 * (b_1 - parameters["length_1"]) + n_2 * (b_2 - parameters["length_2"])
    return pull * bend, (n_1 * bend, n_2 * bend, pull)


BOND_ANGLE = Term(
    table="angle",
    coordinates=(("bond", 0), ("bond", 1), ("angle", 0)),
    parameters={
        "length_1": "angstrom", "length_2": "angstrom", "angle": "radian",
        "coupling_1": "kcal/mol/angstrom/radian", "coupling_2": "kcal/mol/angstrom/radian",
    },
    energy=bond_angle_energy,
)  # fmt: skip
