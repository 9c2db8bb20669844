"""Fourier series of proper torsions."""

import torch
from torch import Tensor

from forceladder.energy.term import Term


def cosine_torsion_energy(coordinates: tuple[Tensor], parameters: dict) -> Tensor:
    """V(φ) = Σₙ Vₙ (1 + cos nφ), n = 1…N.

    All phases are zero: a minimum where a phase of π would put it is a negative
    amplitude, so V stays smooth in everything the network predicts.

    φ: [instances] rad      amplitude Vₙ: [instances, N] kcal/mol, of either sign
    returns: [instances] kcal/mol, bounded below by Σₙ min(0, 2 Vₙ)
    """
    (phi,) = coordinates
    amplitude = parameters["amplitude"]
    order = torch.arange(1, amplitude.shape[-1] + 1, device=phi.device, dtype=phi.dtype)
    return (amplitude * (1.0 + torch.cos(phi[:, None] * order))).sum(dim=-1)


TORSION_COSINE = Term(
    table="torsion",
    coordinates=((0, 1, 2, 3),),
    parameters={"amplitude": "kcal/mol"},
    energy=cosine_torsion_energy,
)
