"""Fourier series of proper torsions."""

import torch
from torch import Tensor

from forceladder.energy.coordinates import Harmonics
from forceladder.energy.term import Term


def fourier(phi: Harmonics, amplitude: Tensor) -> tuple[Tensor, Tensor]:
    """Σₙ Aₙ cos nφ and its slope by φ, n = 1…N; amplitude [instances, N]."""
    orders = amplitude.shape[-1]
    order = torch.arange(1, orders + 1, device=amplitude.device, dtype=amplitude.dtype)
    # products with a vector: torch sums short rows six times more slowly
    value = (amplitude * phi.cosine[:, :orders]) @ torch.ones_like(order)
    return value, -((amplitude * phi.sine[:, :orders]) @ order)


def cosine_torsion_energy(coordinates: tuple[Harmonics], parameters: dict):
    """V(φ) = Σₙ Vₙ (1 + cos nφ), n = 1…N.

    All phases are zero: a minimum where a phase of π would put it is a negative
    amplitude, so V stays smooth in everything the network predicts.

    φ: [instances] rad      amplitude Vₙ: [instances, N] kcal/mol, of either sign
    returns: [instances] kcal/mol, bounded below by Σₙ min(0, 2 Vₙ); its slopes
    """
    (phi,) = coordinates
    amplitude = parameters["amplitude"]
    value, slope = fourier(phi, amplitude)
    return value + amplitude.sum(dim=-1), (slope,)


TORSION_COSINE = Term(
    table="torsion",
    coordinates=(("torsion", 0),),
    parameters={"amplitude": "kcal/mol"},
    energy=cosine_torsion_energy,
)
