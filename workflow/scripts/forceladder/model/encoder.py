"""Graph network: what each atom is, told by its neighbourhood."""

from itertools import islice

import torch
from torch import Tensor, nn

from forceladder.energy.topology import Topology
from forceladder.model.graph import message_sum


class Encoder(nn.Module):
    """Residual message passing; the receptive field is `layers` bonds.

    h ← h + MLP[norm(h), Σ_neighbours silu(W h' + U bond)]
    """

    def __init__(self, atom_features: int, bond_features: int, width: int, layers: int):
        super().__init__()
        self.embed = nn.Linear(atom_features, width)
        self.node = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.edge = nn.ModuleList(nn.Linear(bond_features, width) for _ in range(layers))
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.update = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(layers)
        )
        self.final_norm = nn.LayerNorm(width)

    def forward(
        self, topology: Topology, backend: str = "auto", layers: int | None = None
    ) -> Tensor:
        """Atom embeddings [atoms, width]; equal on graph-equivalent atoms.

        layers: of message passing, all by default; none leaves an atom's own features
        """
        sum_messages = message_sum(topology, backend)
        features = topology.bond_features
        both_ways = torch.cat([features, features])
        h = self.embed(topology.atom_features)
        steps = zip(self.node, self.edge, self.norm, self.update, strict=True)
        for node, edge, norm, update in islice(steps, layers):
            normal = norm(h)
            h = h + update(torch.cat([normal, sum_messages(node(normal), edge(both_ways))], -1))
        return self.final_norm(h)
