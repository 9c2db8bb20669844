"""Lennard-Jones 12-6."""

from torch import Tensor

from forceladder.energy.term import Term


def lennard_jones_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = 4 ε [(σ/r)¹² − (σ/r)⁶], ε scaled already for pairs three bonds apart.

    r: [instances] Å      sigma: Å      epsilon: kcal/mol
    returns: [instances] kcal/mol, bounded below by −ε; its slopes
    """
    (r,) = coordinates
    attraction = (parameters["sigma"] / r) ** 6
    depth = 4.0 * parameters["epsilon"] * attraction
    return depth * (attraction - 1.0), (depth * (6.0 - 12.0 * attraction) / r,)


LENNARD_JONES = Term(
    table="pair",
    coordinates=(("pair", 0),),
    parameters={"sigma": "angstrom", "epsilon": "kcal/mol"},
    energy=lennard_jones_energy,
)
