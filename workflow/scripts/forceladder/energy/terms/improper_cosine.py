"""Improper torsions that keep three-coordinate centres planar."""

from forceladder.energy.coordinates import IMPROPER_ORDERS
from forceladder.energy.term import Term

SIX = len(IMPROPER_ORDERS)


def cosine_improper_energy(coordinates: tuple, parameters: dict):
    """E = K/6 Σ (1 − cos 2χ) over the six improper torsions χ of a planar centre: the angle
    between the plane of its three neighbours and that of two of them and itself. SMIRNOFF's
    trefoil is three of them with K/3, which are these six in pairs.

    χ: six of [instances] rad      amplitude K: [instances] kcal/mol
    returns: [instances] kcal/mol, bounded below by zero for K > 0; its slopes
    """
    share = parameters["amplitude"] / SIX
    lifted = sum(1.0 - chi.cosine[:, 1] for chi in coordinates)
    return share * lifted, tuple(2.0 * share * chi.sine[:, 1] for chi in coordinates)


IMPROPER_COSINE = Term(
    table="improper",
    coordinates=tuple((f"improper_torsion_{k}", 0) for k in range(SIX)),
    parameters={"amplitude": "kcal/mol"},
    energy=cosine_improper_energy,
)
