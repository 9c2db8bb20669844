"""Coupling of two torsions in a chain of five atoms."""

import torch

from forceladder.energy.term import Term

ORDERS = ((1, 1), (1, 2), (2, 1), (2, 2))  # (n, m) of the columns of the amplitudes


def torsion_torsion_energy(coordinates: tuple, parameters: dict):
    """E = Σₙₘ Aₙₘ cos nφ₁ cos mφ₂ + Bₙₘ sin nφ₁ sin mφ₂, n and m of ORDERS.

    The lowest terms, even under reflection, of the map that CHARMM's CMAP tabulates (MacKerell
    et al., J. Am. Chem. Soc. 126, 698, 2004). CFF has none.

    φ₁, φ₂: [instances] rad      cosine Aₙₘ, sine Bₙₘ: [instances, 4] kcal/mol
    returns: [instances] kcal/mol, bounded by Σ|A| + |B|; its slopes
    """
    first, second = coordinates
    a, b = parameters["cosine"], parameters["sine"]
    n, m = torch.tensor(ORDERS, device=a.device).unbind(dim=1)
    cos_1, sin_1 = (wave.index_select(1, n - 1) for wave in first)
    cos_2, sin_2 = (wave.index_select(1, m - 1) for wave in second)
    energy = (a * (cos_1 * cos_2) + b * (sin_1 * sin_2)) @ a.new_ones(len(ORDERS))
    slope_1 = (b * (cos_1 * sin_2) - a * (sin_1 * cos_2)) @ n.to(a.dtype)
    slope_2 = (b * (sin_1 * cos_2) - a * (cos_1 * sin_2)) @ m.to(a.dtype)
    return energy, (slope_1, slope_2)


TORSION_TORSION = Term(
    table="torsion_pair",
    coordinates=(("torsion", 0), ("torsion", 1)),
    parameters={"cosine": "kcal/mol", "sine": "kcal/mol"},
    energy=torsion_torsion_energy,
)
