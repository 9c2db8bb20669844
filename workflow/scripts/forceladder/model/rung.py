"""A rung of the ladder: a graph network that writes the parameters of a list of terms."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from forceladder.energy.terms import TERMS
from forceladder.energy.topology import Topology
from forceladder.errors import ConfigError, VersionError
from forceladder.model.encoder import Encoder
from forceladder.model.parameters import HEADS, ChargeHead, charge_products


class Parameters(NamedTuple):
    """terms: term → parameter → [rows, …]; charge: [atoms] e; deviations: head → [rows, …],
    dimensionless, zero at the prior."""

    terms: dict
    charge: Tensor
    deviations: dict


class Rung(nn.Module):
    """settings: terms, width, layers, torsion_orders, and the names of the features that the
    model was made for, atom_features and bond_features."""

    def __init__(self, settings: dict):
        super().__init__()
        if unknown := set(settings["terms"]) - set(TERMS):
            raise ConfigError(
                f"unknown term {sorted(unknown)[0]!r}; known are {', '.join(sorted(TERMS))}."
            )
        self.settings = dict(settings)
        self.encoder = Encoder(
            len(settings["atom_features"]), len(settings["bond_features"]), settings["width"],
            settings["layers"],
        )  # fmt: skip
        self.heads = nn.ModuleDict(
            {name: HEADS[name](settings) for name in settings["terms"] if name in HEADS}
        )
        self.charge_head = ChargeHead(settings)

    def forward(self, topology: Topology, backend: str = "auto") -> Parameters:
        """Parameters of every row of the topology; each molecule is seen once.

        raises: VersionError if the topology has other features than the model
        """
        for kind in ("atom", "bond"):
            known, given = (
                self.settings[f"{kind}_features"],
                getattr(topology, f"{kind}_feature_names"),
            )
            if known != given:
                difference = ", ".join(sorted(set(known) ^ set(given))) or "their order"
                raise VersionError(
                    f"the model was made for other {kind} features than the molecules have "
                    f"({difference}); use the version of forceladder that made the model, or fit "
                    "it anew."
                )
        embedding = self.encoder(topology, backend)
        charge, deviation = self.charge_head(topology, embedding)
        terms, deviations = {}, {"charge": deviation}
        for name in self.settings["terms"]:
            if name == "coulomb":
                terms[name] = charge_products(topology, charge)
            else:
                terms[name], deviations[name] = self.heads[name](topology, embedding)
        return Parameters(terms, charge, deviations)


def make_rung(settings: dict, topology: Topology, seed: int) -> Rung:
    """A new model in float64; its weights depend on `seed` alone.

    settings: terms, width, layers, torsion_orders, as in the config's rungs
    """
    known = {
        "atom_features": topology.atom_feature_names,
        "bond_features": topology.bond_feature_names,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Rung({**settings, **known}).to(torch.float64)
