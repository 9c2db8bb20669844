"""Improper torsions that keep three-coordinate centres planar."""

import torch
from torch import Tensor

from forceladder.energy.term import Term

# The centre is column 0 of the table. Every order of its three neighbours, so that the
# energy is exactly the same however they are listed (three cyclic ones are not enough).
ORDERS = ((1, 0, 2, 3), (2, 0, 3, 1), (3, 0, 1, 2), (2, 0, 1, 3), (1, 0, 3, 2), (3, 0, 2, 1))


def cosine_improper_energy(coordinates: tuple[Tensor, ...], parameters: dict) -> Tensor:
    """E = K/6 Σ (1 − cos 2χ) over the six improper torsions χ of a planar centre.

    χ: six of [instances] rad      amplitude K: [instances] kcal/mol
    returns: [instances] kcal/mol, bounded below by zero for K > 0
    """
    lifted = torch.stack([1.0 - torch.cos(2.0 * chi) for chi in coordinates]).sum(dim=0)
    return parameters["amplitude"] / len(ORDERS) * lifted


IMPROPER_COSINE = Term(
    table="improper",
    coordinates=ORDERS,
    parameters={"amplitude": "kcal/mol"},
    energy=cosine_improper_energy,
)
