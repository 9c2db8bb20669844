"""Lennard-Jones 9-6 of CFF93 and COMPASS."""

from torch import Tensor

from forceladder.energy.term import Term


def lennard_jones_96_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = ε [2 (r₀/r)⁹ − 3 (r₀/r)⁶], ε scaled already for pairs three bonds apart.

    Its wall is softer than that of 12-6, and nearer to quantum chemistry's (Sun, J. Phys. Chem.
    B 102, 7338, 1998).

    r: [instances] Å      minimum r₀: Å      epsilon: kcal/mol
    returns: [instances] kcal/mol, bounded below by −ε; its slopes
    """
    (r,) = coordinates
    cube = (parameters["minimum"] / r) ** 3
    depth = parameters["epsilon"] * cube * cube
    return depth * (2.0 * cube - 3.0), (18.0 * depth * (1.0 - cube) / r,)


LENNARD_JONES_96 = Term(
    table="pair",
    coordinates=(("pair", 0),),
    parameters={"minimum": "angstrom", "epsilon": "kcal/mol"},
    energy=lennard_jones_96_energy,
)
