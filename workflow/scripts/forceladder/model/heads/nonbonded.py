"""Charges and Lennard-Jones parameters of atoms, and of the pairs that they make."""

import torch
from torch import Tensor

from forceladder.energy.topology import Topology
from forceladder.model import priors
from forceladder.model.charges import equalized_charges
from forceladder.model.heads.head import Head, Writing
from forceladder.model.readout import Readout, bounded

# 1–4 interactions: AMBER's (Cornell et al., J. Am. Chem. Soc. 117, 5179, 1995), as in Sage
LENNARD_JONES_14 = 0.5
COULOMB_14 = 1.0 / 1.2

ELECTRONEGATIVITY = 3.0  # Pauling units
HARDNESS_LOG = 0.7
# Where a rung fits them (network.fit_lennard_jones): radii ± 35 %, wells × or ÷ 7.4; a deviation
# of one moves a radius by 10 %
RADIUS_LOG, RADIUS_SCALE, WELL_LOG = 0.3, 0.1, 2.0
MINIMUM_OF_SIGMA = 2.0 ** (1.0 / 6.0)  # r₀/σ of 12-6


def charge_readout(settings: dict):
    """Electronegativity and hardness of every atom."""
    return Readout(atoms=1, width=settings["width"], extra=0, outputs=2)


def charges(topology: Topology, deviation: Tensor) -> Tensor:
    """Charge e [atoms]: from equalized electronegativities, or what the user gave."""
    electronegativity = priors.electronegativity(topology) + bounded(
        deviation[:, 0], ELECTRONEGATIVITY
    )
    hardness = priors.HARDNESS * torch.exp(bounded(deviation[:, 1], HARDNESS_LOG))
    found = equalized_charges(electronegativity, hardness, topology.molecule, topology.net_charge)
    return torch.where(topology.user_charge.isnan(), found, topology.user_charge)


def lennard_jones_readout(settings: dict):
    """Radius and well of every atom, where the rung fits them; else the table is all there is."""
    if not settings["fit_lennard_jones"]:
        return None
    return Readout(atoms=1, width=settings["width"], extra=0, outputs=2)


def lennard_jones_atoms(topology: Topology, deviation: Tensor | None) -> tuple[Tensor, Tensor]:
    """sigma Å and epsilon kcal/mol [atoms]."""
    if deviation is None:
        return topology.lj_sigma, topology.lj_epsilon
    return (
        topology.lj_sigma * torch.exp(bounded(RADIUS_SCALE * deviation[:, 0], RADIUS_LOG)),
        topology.lj_epsilon * torch.exp(bounded(deviation[:, 1], WELL_LOG)),
    )


def pair_scale(topology: Topology, scale_14: float) -> Tensor:
    """[pairs]: `scale_14` for atoms three bonds apart, else one."""
    return 1.0 - (1.0 - scale_14) * topology.pair_is_14.to(topology.lj_sigma.dtype)


def lennard_jones(writing: Writing, deviation):
    """sigma Å and epsilon kcal/mol [pairs]."""
    return _with_14(writing, lorentz_berthelot)


def lennard_jones_96(writing: Writing, deviation):
    """minimum Å and epsilon kcal/mol [pairs]."""
    return _with_14(writing, sixth_powers)


def _with_14(writing: Writing, mix):
    """Mixed for all pairs, 1–4 pairs scaled."""
    pairs = writing.topology.atoms["pair"]
    mixed = mix(writing.atoms["lj_sigma"], writing.atoms["lj_epsilon"], pairs)
    scale = pair_scale(writing.topology, LENNARD_JONES_14)
    return mixed | {"epsilon": scale * mixed["epsilon"]}


def lorentz_berthelot(sigma: Tensor, epsilon: Tensor, pairs: Tensor) -> dict[str, Tensor]:
    """sigma Å and epsilon kcal/mol of pairs [pairs, 2] of atoms, unscaled."""
    first, second = pairs.unbind(dim=1)
    depth = torch.sqrt(epsilon[first] * epsilon[second])
    return {"sigma": 0.5 * (sigma[first] + sigma[second]), "epsilon": depth}


def sixth_powers(sigma: Tensor, epsilon: Tensor, pairs: Tensor) -> dict[str, Tensor]:
    """minimum Å and epsilon kcal/mol of pairs [pairs, 2] of atoms, unscaled (Waldman & Hagler,
    J. Comput. Chem. 14, 1077, 1993); an atom's minimum is that of the 12-6 table, 2^⅙ σ."""
    first, second = pairs.unbind(dim=1)
    cube = (MINIMUM_OF_SIGMA * sigma) ** 3
    squares = cube[first] ** 2 + cube[second] ** 2
    depth = 2.0 * torch.sqrt(epsilon[first] * epsilon[second]) * cube[first] * cube[second]
    return {"minimum": (0.5 * squares) ** (1.0 / 6.0), "epsilon": depth / squares}


def coulomb(writing: Writing, deviation):
    """charge_product e² [pairs], 1–4 pairs scaled."""
    first, second = writing.topology.atoms["pair"].unbind(dim=1)
    charge = writing.atoms["charge"]
    scale = pair_scale(writing.topology, COULOMB_14)
    return {"charge_product": scale * charge[first] * charge[second]}


LENNARD_JONES = Head(lennard_jones_readout, "atom", lennard_jones)
LENNARD_JONES_96 = Head(lennard_jones_readout, "atom", lennard_jones_96)
COULOMB = Head(charge_readout, "atom", coulomb)
