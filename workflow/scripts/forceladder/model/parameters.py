"""From atom embeddings to the parameters of every term, each in its physical range.

Each head predicts dimensionless deviations from the prior, squashed so that no
parameter leaves the range in which the energy is bounded below: force constants stay
positive, lengths near their prior, angles within (0, π).
"""

import math

import torch
from torch import Tensor, nn

from forceladder.energy.topology import Topology
from forceladder.model import priors
from forceladder.model.charges import equalized_charges
from forceladder.model.readout import CentreReadout, Readout, bounded

# 1–4 interactions: AMBER's (Cornell et al., J. Am. Chem. Soc. 117, 5179, 1995), as in Sage
LENNARD_JONES_14 = 0.5
COULOMB_14 = 1.0 / 1.2

# Limits of the deviations. Lengths ± 26 %, force constants × or ÷ 4.5, …
LENGTH_LOG = 0.3
FORCE_CONSTANT_LOG = 1.5
ANGLE_LOGIT = 1.0
TORSION_AMPLITUDE = 15.0  # kcal/mol a bond, shared among its torsions
IMPROPER_LOG = 2.0
ELECTRONEGATIVITY = 3.0  # Pauling units
HARDNESS_LOG = 0.7


class Head(nn.Module):
    """Base of all heads: `forward` returns the parameters and the deviations behind them."""

    def __init__(self, settings: dict):
        super().__init__()
        self.settings = settings

    def forward(self, topology: Topology, embedding: Tensor) -> tuple[dict, Tensor]:
        raise NotImplementedError


class BondHead(Head):
    """length Å and force_constant kcal/mol/Å² [bonds]."""

    def __init__(self, settings: dict):
        super().__init__(settings)
        extra = len(settings["bond_features"])
        self.readout = Readout(atoms=2, width=settings["width"], extra=extra, outputs=2)

    def forward(self, topology, embedding):
        atoms = topology.atoms["bond"]
        deviation = self.readout(embedding[atoms], topology.bond_features)
        length = priors.bond_length(topology, priors.bond_order(topology), atoms)
        force_constant = priors.bond_force_constant(topology, length)
        return {
            "length": length * torch.exp(bounded(deviation[:, 0], LENGTH_LOG)),
            "force_constant": force_constant
            * torch.exp(bounded(deviation[:, 1], FORCE_CONSTANT_LOG)),
        }, deviation


class AngleHead(Head):
    """angle rad and force_constant kcal/mol/rad² [angles]; a linear angle stays at π."""

    def __init__(self, settings: dict):
        super().__init__(settings)
        self.readout = Readout(atoms=3, width=settings["width"], extra=4, outputs=2)

    def forward(self, topology, embedding):
        atoms = topology.atoms["angle"]
        in_ring = torch.stack([topology.angle_ring == size for size in (3, 4, 5, 6)], dim=1)
        deviation = self.readout(embedding[atoms], in_ring.to(embedding.dtype))
        angle = priors.equilibrium_angle(topology)
        orders = priors.bond_order(topology)
        lengths = torch.stack(
            [
                priors.bond_length(
                    topology, orders[priors.bond_rows(topology, atoms[:, ends])], atoms[:, ends]
                )
                for ends in ([0, 1], [1, 2])
            ],
            dim=1,
        )
        force_constant = priors.angle_force_constant(topology, angle, lengths)
        share = (angle / math.pi).clamp(max=1.0 - 1e-6)
        bent = math.pi * torch.sigmoid(torch.logit(share) + bounded(deviation[:, 0], ANGLE_LOGIT))
        return {
            "angle": torch.where(priors.is_linear(topology), angle, bent),
            "force_constant": force_constant
            * torch.exp(bounded(deviation[:, 1], FORCE_CONSTANT_LOG)),
        }, deviation


class TorsionHead(Head):
    """amplitude kcal/mol [torsions, orders]."""

    def __init__(self, settings: dict):
        super().__init__(settings)
        orders = settings["torsion_orders"]
        self.readout = Readout(atoms=4, width=settings["width"], extra=0, outputs=orders)

    def forward(self, topology, embedding):
        deviation = self.readout(embedding[topology.atoms["torsion"]])
        paths = topology.torsion_paths[:, None]
        prior = priors.torsion_amplitudes(topology, self.settings["torsion_orders"])
        return {"amplitude": prior + bounded(deviation, TORSION_AMPLITUDE) / paths}, deviation


class ImproperHead(Head):
    """amplitude kcal/mol [impropers]."""

    def __init__(self, settings: dict):
        super().__init__(settings)
        self.readout = CentreReadout(width=settings["width"], outputs=1)

    def forward(self, topology, embedding):
        deviation = self.readout(embedding[topology.atoms["improper"]])
        scale = torch.exp(bounded(deviation[:, 0], IMPROPER_LOG))
        return {"amplitude": priors.IMPROPER_AMPLITUDE * scale}, deviation


class LennardJonesHead(Head):
    """sigma Å and epsilon kcal/mol [pairs]: Lorentz-Berthelot from a table, not fitted."""

    def forward(self, topology, embedding):
        first, second = topology.atoms["pair"].unbind(dim=1)
        sigma, epsilon = topology.lj_sigma, topology.lj_epsilon
        scale = 1.0 - (1.0 - LENNARD_JONES_14) * topology.pair_is_14.to(sigma.dtype)
        return {
            "sigma": 0.5 * (sigma[first] + sigma[second]),
            "epsilon": scale * torch.sqrt(epsilon[first] * epsilon[second]),
        }, embedding.new_zeros(0)


class ChargeHead(Head):
    """charge e [atoms]."""

    def __init__(self, settings: dict):
        super().__init__(settings)
        self.readout = Readout(atoms=1, width=settings["width"], extra=0, outputs=2)

    def forward(self, topology, embedding):
        deviation = self.readout(embedding[:, None])
        electronegativity = priors.electronegativity(topology) + bounded(
            deviation[:, 0], ELECTRONEGATIVITY
        )
        hardness = priors.HARDNESS * torch.exp(bounded(deviation[:, 1], HARDNESS_LOG))
        charge = equalized_charges(
            electronegativity, hardness, topology.molecule, topology.net_charge
        )
        return charge, deviation


def charge_products(topology: Topology, charge: Tensor) -> dict[str, Tensor]:
    """charge_product e² [pairs], 1–4 pairs scaled."""
    first, second = topology.atoms["pair"].unbind(dim=1)
    scale = 1.0 - (1.0 - COULOMB_14) * topology.pair_is_14.to(charge.dtype)
    return {"charge_product": scale * charge[first] * charge[second]}


HEADS = {
    "bond_harmonic": BondHead,
    "angle_harmonic": AngleHead,
    "torsion_cosine": TorsionHead,
    "improper_cosine": ImproperHead,
    "lennard_jones": LennardJonesHead,
}
