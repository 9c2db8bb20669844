"""A rung of the ladder: a graph network that writes the parameters of a list of terms, and
the correction, where the rung has one."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from forceladder.energy.terms import TERMS
from forceladder.energy.topology import Topology
from forceladder.errors import ConfigError, VersionError
from forceladder.model.alternatives import EITHER, LENNARD_JONES
from forceladder.model.corrections import make_correction
from forceladder.model.encoder import Encoder
from forceladder.model.heads import HEADS
from forceladder.model.heads.head import Writing
from forceladder.model.heads.nonbonded import charges, lennard_jones_atoms

CORRECTION = "correction"  # the one term that is no function of internal coordinates
ELEMENTS = 119  # rows of a table by atomic number


class Parameters(NamedTuple):
    """terms: term → parameter → [rows, …]
    charge e, lj_sigma Å, lj_epsilon kcal/mol: [atoms]
    deviations: head → [rows, …], dimensionless, zero at the prior
    embedding: [atoms, width], what the correction knows of an atom's place in the graph"""

    terms: dict
    charge: Tensor
    lj_sigma: Tensor
    lj_epsilon: Tensor
    deviations: dict
    embedding: Tensor


class Rung(nn.Module):
    """settings: terms; width, layers, torsion_orders, fit_lennard_jones; correction, where the
    terms name it; and the names of the features that the model was made for, atom_features and
    bond_features."""

    def __init__(self, settings: dict):
        super().__init__()
        check_terms(settings["terms"])
        self.settings = dict(settings)
        self.encoder = Encoder(
            len(settings["atom_features"]), len(settings["bond_features"]), settings["width"],
            settings["layers"],
        )  # fmt: skip
        readouts = {
            name: HEADS[name].readout(settings) for name in mechanical_terms(settings["terms"])
        }
        self.readouts = nn.ModuleDict({k: v for k, v in readouts.items() if v is not None})
        self.correction = None
        if CORRECTION in settings["terms"]:
            self.correction = make_correction(settings["correction"], settings["width"])
        # kcal/mol by atomic number, of atoms on their own; set at the end of a fit (fit.references)
        self.register_buffer("atomic_energy", torch.zeros(ELEMENTS))
        # bespoke molecules: mapped SMILES → head → [rows, …], added to what the network says
        self.offsets: dict[str, dict[str, Tensor]] = {}

    def forward(self, topology: Topology, backend: str = "auto") -> Parameters:
        """Parameters of every row of the topology; each molecule is seen once.

        raises: VersionError if the topology has other features than the model
        """
        self.check_features(topology)
        embedding = self.encoder(topology, backend) if self.readouts else None
        deviations = self.with_offsets(topology, self.deviations(topology, embedding))
        if self.correction is not None:
            embedding = self.correction.embedding(self.encoder, topology, backend)
        return self.write(topology, deviations, embedding)

    def write(self, topology: Topology, deviations: dict, embedding: Tensor) -> Parameters:
        """Parameters of given deviations."""
        return write_parameters(self.settings, topology, deviations, embedding)

    def with_offsets(self, topology: Topology, deviations: dict) -> dict:
        """Deviations with the offsets of the molecules that have some."""
        if not self.offsets:
            return deviations
        moved = {head: values.clone() for head, values in deviations.items()}
        for molecule, name in enumerate(topology.mapped_smiles):
            for head, offset in self.offsets.get(name, {}).items():
                rows = topology.rows(HEADS[head].table, molecule)
                moved[head][rows] += offset.to(moved[head])
        return moved

    def deviations(self, topology: Topology, embedding: Tensor) -> dict[str, Tensor]:
        """What the network says: head → [rows, …]."""
        found = {}
        for name, readout in self.readouts.items():
            head = HEADS[name]
            extra = head.extra(topology) if head.extra else None
            found[name] = readout(embedding, topology.atoms[head.table], extra)
        return found

    def check_features(self, topology: Topology):
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


def check_terms(terms):
    """raises: ConfigError for a term that is not known, or two that are one"""
    if unknown := set(terms) - {*TERMS, CORRECTION}:
        known = ", ".join(sorted([*TERMS, CORRECTION]))
        raise ConfigError(f"unknown term {sorted(unknown)[0]!r}; known are {known}.")
    for kinds in EITHER:
        if set(kinds) <= set(terms):
            raise ConfigError(f"a rung has either {kinds[0]} or {kinds[1]} in its terms, not both.")


def mechanical_terms(terms) -> list[str]:
    """The terms of molecular mechanics among a rung's."""
    return [name for name in terms if name != CORRECTION]


def write_parameters(
    settings: dict, topology: Topology, deviations: dict[str, Tensor], embedding: Tensor
) -> Parameters:
    """Deviations → parameters in their physical ranges; nothing here is learned."""
    terms = mechanical_terms(settings["terms"])
    pairs = next((name for name in LENNARD_JONES if name in terms), None)
    sigma, epsilon = lennard_jones_atoms(topology, deviations.get(pairs))
    charge = torch.zeros_like(sigma)
    if "coulomb" in terms:
        charge = charges(topology, deviations["coulomb"])
    atoms = {"charge": charge, "lj_sigma": sigma, "lj_epsilon": epsilon}
    writing = Writing(topology, settings, deviations, {}, atoms, {})
    for name, head in HEADS.items():
        if name in terms:
            writing.terms[name] = head.parameters(writing, deviations.get(name))
    ordered = {name: writing.terms[name] for name in terms}
    return Parameters(ordered, **atoms, deviations=deviations, embedding=embedding)


def make_rung(settings: dict, topology: Topology, seed: int) -> Rung:
    """A new model in float64; its weights depend on `seed` alone.

    settings: terms and network (and correction), as in the config's rungs
    """
    known = {
        "atom_features": topology.atom_feature_names,
        "bond_features": topology.bond_feature_names,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Rung({**settings, **known}).to(torch.float64)
