"""Harmonic bond stretching."""

from torch import Tensor

from forceladder.energy.term import Term


def harmonic_bond_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = ½ k (b − b₀)².

    b: [instances] Å      length b₀: Å      force_constant k: kcal/mol/Å²
    returns: [instances] kcal/mol, bounded below by zero for k > 0; its slopes
    """
    (b,) = coordinates
    k, stretch = parameters["force_constant"], b - parameters["length"]
    return 0.5 * k * stretch**2, (k * stretch,)


BOND_HARMONIC = Term(
    table="bond",
    coordinates=(("bond", 0),),
    parameters={"length": "angstrom", "force_constant": "kcal/mol/angstrom^2"},
    energy=harmonic_bond_energy,
)
