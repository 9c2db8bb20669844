"""Harmonic bond stretching."""

from torch import Tensor

from forceladder.energy.term import Term


def harmonic_bond_energy(coordinates: tuple[Tensor], parameters: dict) -> Tensor:
    """E = ½ k (b − b₀)².

    b: [instances] Å      length b₀: Å      force_constant k: kcal/mol/Å²
    returns: [instances] kcal/mol, bounded below by zero for k > 0
    """
    (b,) = coordinates
    return 0.5 * parameters["force_constant"] * (b - parameters["length"]) ** 2


BOND_HARMONIC = Term(
    table="bond",
    coordinates=((0, 1),),
    parameters={"length": "angstrom", "force_constant": "kcal/mol/angstrom^2"},
    energy=harmonic_bond_energy,
)
