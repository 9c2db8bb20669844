"""MACE (Batatia et al., NeurIPS 2022) of the package mace-torch, where that is installed.

It knows an atom by its element alone, and nothing of bonds.
"""

import torch
from torch import Tensor, nn

from forceladder.energy.neighbours import Neighbours
from forceladder.energy.topology import Topology
from forceladder.errors import MissingProgramError
from forceladder.model.corrections.correction import ENVELOPE_POWER, TYPICAL_NEIGHBOURS, Correction
from forceladder.units import EV_IN_KCAL

ATOMIC_NUMBERS = (1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 35, 53)  # that the topology has features of


class Mace(Correction):
    """settings, beside those of every correction:
    layers            interactions; atoms feel each other up to layers × cutoff apart
    channels          of every irreducible representation
    message_degree    highest degree of what atoms tell each other, MACE's L
    max_degree        of the spherical harmonics of a neighbour's direction
    correlation       of the products; a layer has body order correlation + 1
    radial_functions  Bessel functions in a distance
    hidden            width of the last layer's readout
    """

    def __init__(self, settings: dict, width: int):
        """width: of the graph embedding, which MACE is not told

        raises: MissingProgramError where mace-torch is missing
        """
        super().__init__(settings)
        modules, o3 = _mace()
        channels, degrees = settings["channels"], range(settings["message_degree"] + 1)
        irreps = o3.Irreps([(channels, (degree, (-1) ** degree)) for degree in degrees])
        self.network = modules.MACE(
            r_max=settings["cutoff_angstrom"],
            num_bessel=settings["radial_functions"],
            num_polynomial_cutoff=ENVELOPE_POWER,  # its own default is 5
            max_ell=settings["max_degree"],
            # the first without a residual: so an atom on its own has no energy
            interaction_cls_first=modules.interaction_classes["RealAgnosticInteractionBlock"],
            interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            num_interactions=settings["layers"],
            num_elements=len(ATOMIC_NUMBERS),
            hidden_irreps=irreps,
            MLP_irreps=o3.Irreps([(settings["hidden"], (0, 1))]),
            atomic_energies=torch.zeros(len(ATOMIC_NUMBERS)).numpy(),
            avg_num_neighbors=TYPICAL_NEIGHBOURS,
            atomic_numbers=list(ATOMIC_NUMBERS),
            correlation=settings["correlation"],
            gate=nn.functional.silu,
        )
        for weight in self.last_weights():
            nn.init.zeros_(weight)

    def embedding(self, encoder: nn.Module, topology: Topology, backend: str) -> Tensor:
        """[atoms, elements], one where the atom is of the element."""
        known = torch.tensor(ATOMIC_NUMBERS, device=topology.atomic_number.device)
        found = topology.atomic_number[:, None] == known
        return found.to(topology.atom_features.dtype)

    def last_weights(self) -> list[nn.Parameter]:
        *linear, last = self.network.readouts
        return [*(readout.linear.weight for readout in linear), last.linear_2.weight]

    def atomic_energy(
        self, embedding: Tensor, position_atom: Tensor, vector: Tensor, distance: Tensor,
        felt: Tensor, neighbours: Neighbours,
    ) -> Tensor:  # fmt: skip
        """See `Correction`. MACE's own energies are in eV, for which its weights are scaled."""
        own = torch.arange(len(vector), device=vector.device)[:, None].expand_as(felt)
        edges = torch.stack([neighbours.index[felt], own[felt]])
        # from the neighbour to the atom. MACE takes it from positions and shifts; with all
        # positions at the origin the shift is the vector
        shifts = -vector[felt]
        origin = vector.new_zeros(len(vector), 3)
        found = self.network(
            {
                "positions": origin, "shifts": shifts, "edge_index": edges,
                "unit_shifts": torch.zeros_like(shifts), "cell": vector.new_zeros(3, 3),
                "node_attrs": embedding[position_atom],
                "batch": position_atom.new_zeros(len(vector)),
                "ptr": position_atom.new_tensor([0, len(vector)]),
            },
            compute_force=False,
        )  # fmt: skip
        return found["node_energy"] * EV_IN_KCAL


def _mace():
    """The modules of MACE and e3nn.

    raises: MissingProgramError
    """
    try:
        from mace import modules  # first: it makes e3nn's constants readable for this torch

        from e3nn import o3  # isort: skip
    except ImportError as error:
        raise MissingProgramError(
            f"a rung asks for the architecture mace, and mace-torch cannot be imported ({error}); "
            "install envs/mace.yaml, or pip install mace-torch."
        ) from error
    return modules, o3
