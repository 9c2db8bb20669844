"""What every network for the term `correction` is to the rest of the house."""

import torch
from torch import Tensor, nn

from forceladder.energy.neighbours import Neighbours
from forceladder.energy.topology import Topology

ENVELOPE_POWER = 6  # value, slope and curvature vanish at the cutoff
TYPICAL_NEIGHBOURS = 10.0  # keeps densities near one


class Correction(nn.Module):
    """Energy of each atom from its surroundings; untrained it is zero.

    An architecture says what it knows of atoms beforehand (`embedding`), what an atom has for
    energy among others (`atomic_energy`), and which weights come last (`last_weights`).

    settings of every architecture:
      cutoff_angstrom
      max_energy_kcal_per_atom  bound of every |ε_i|, None for no bound
    """

    def __init__(self, settings: dict):
        super().__init__()
        self.settings = dict(settings)

    def forward(
        self, embedding: Tensor, position_atom: Tensor, positions: Tensor, neighbours: Neighbours
    ) -> Tensor:
        """Energy of each atom, kcal/mol, [positions]; exactly zero for an atom on its own.

        embedding: [atoms, …] of `embedding`      position_atom: [positions] atom row of each
        positions: [positions, 3] Å; differentiate with respect to them for forces
        neighbours: at least all within the cutoff
        """
        index = neighbours.index.flatten()
        vector = positions.index_select(0, index).view(*neighbours.index.shape, 3)
        vector = vector - positions[:, None]
        # padding lies at the cutoff, where nothing is felt and nothing is singular
        at_cutoff = vector.new_tensor([self.settings["cutoff_angstrom"], 0.0, 0.0])
        vector = torch.where(neighbours.mask[..., None], vector, at_cutoff)
        distance = vector.norm(dim=-1)
        felt = (distance < self.settings["cutoff_angstrom"]) & neighbours.mask
        energy = self.atomic_energy(embedding, position_atom, vector, distance, felt, neighbours)
        energy = torch.where(felt.any(1), energy, 0.0)
        bound = self.settings["max_energy_kcal_per_atom"]
        return energy if bound is None else bound * torch.tanh(energy / bound)

    def atomic_energy(
        self, embedding: Tensor, position_atom: Tensor, vector: Tensor, distance: Tensor,
        felt: Tensor, neighbours: Neighbours,
    ) -> Tensor:  # fmt: skip
        """Energy of each atom less that of the atom on its own, kcal/mol, [positions].

        vector: [positions, slots, 3] Å to each neighbour      distance: its length
        felt: [positions, slots] whether the neighbour is within the cutoff
        """
        raise NotImplementedError

    def embedding(self, encoder: nn.Module, topology: Topology, backend: str) -> Tensor:
        """What it is told of each atom, [atoms, …]."""
        raise NotImplementedError

    def last_weights(self) -> list[nn.Parameter]:
        """Weights that energies are linear in; they start at zero."""
        raise NotImplementedError
