"""Symmetric readouts: embeddings of a row's atoms → its numbers.

Janossy pooling (Wang et al., Chem. Sci. 13, 12016, 2022): the sum of a network over the
orders of the atoms that name the same row, so that reversing a bond, angle or torsion,
or permuting an improper's neighbours, changes nothing.
"""

import torch
from torch import Tensor, nn


class Readout(nn.Module):
    """[rows, atoms, width] and [rows, extra] → [rows, outputs].

    The last layer starts at zero: an untrained model is its prior exactly.
    """

    def __init__(self, atoms: int, width: int, extra: int, outputs: int):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(atoms * width + extra, width), nn.SiLU())
        self.outer = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs))
        nn.init.zeros_(self.outer[-1].weight)
        nn.init.zeros_(self.outer[-1].bias)

    def forward(self, embeddings: Tensor, extra: Tensor | None = None) -> Tensor:
        parts = [embeddings.flatten(start_dim=1), embeddings.flip(1).flatten(start_dim=1)]
        if extra is not None:
            parts = [torch.cat([part, extra], dim=1) for part in parts]
        return self.outer(self.inner(parts[0]) + self.inner(parts[1]))


class CentreReadout(Readout):
    """As Readout, for a centre (first atom) and neighbours without order."""

    def __init__(self, width: int, outputs: int):
        super().__init__(atoms=2, width=width, extra=0, outputs=outputs)

    def forward(self, embeddings: Tensor, extra: Tensor | None = None) -> Tensor:
        centre, first, second, third = embeddings.unbind(dim=1)
        # sorted by value before summing: floating-point sums of three depend on their order
        total = torch.stack([first, second, third], dim=1).sort(dim=1).values.sum(dim=1)
        return self.outer(self.inner(torch.cat([centre, total], dim=1)))


def bounded(value: Tensor, limit: float) -> Tensor:
    """Smooth, odd, slope one at zero, within ± limit."""
    return limit * torch.tanh(value / limit)
