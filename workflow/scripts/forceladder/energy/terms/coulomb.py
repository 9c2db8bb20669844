"""Coulomb's law between fixed atomic charges."""

from torch import Tensor

from forceladder.energy.term import Term
from forceladder.units import COULOMB


def coulomb_energy(coordinates: tuple[Tensor], parameters: dict):
    """E = C qᵢqⱼ / r, the product scaled already for pairs three bonds apart.

    r: [instances] Å      charge_product: e²      C = 332.0637 kcal/mol Å/e²
    returns: [instances] kcal/mol and its slopes
    """
    (r,) = coordinates
    energy = COULOMB * parameters["charge_product"] / r
    return energy, (-energy / r,)


COULOMB_POINT_CHARGES = Term(
    table="pair",
    coordinates=(("pair", 0),),
    parameters={"charge_product": "e^2"},
    energy=coulomb_energy,
)
