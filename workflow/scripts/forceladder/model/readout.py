"""Symmetric readouts: embeddings of a row's atoms → its numbers.

Janossy pooling (Wang et al., Chem. Sci. 13, 12016, 2022): the sum of a network over the
orders of the atoms that name the same row, so that reversing a bond, angle or torsion,
or permuting an improper's neighbours, changes nothing. Numbers that belong to one end of
a row, such as the coupling of its first bond, are read in that end's order alone, so that
reversing the row swaps them.
"""

import torch
from torch import Tensor, nn


class Readout(nn.Module):
    """Embeddings [atoms, width] and a table [rows, k] → numbers [rows, outputs].

    per_end: return numbers of either end instead, [rows, 2, outputs]
    The last layer starts at zero: an untrained model is its prior exactly.
    """

    def __init__(self, atoms: int, width: int, extra: int, outputs: int, per_end: bool = False):
        super().__init__()
        self.per_end = per_end
        self.inner = nn.Linear(atoms * width + extra, width)
        self.outer = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs)
        )
        nn.init.zeros_(self.outer[-1].weight)
        nn.init.zeros_(self.outer[-1].bias)

    def forward(self, embedding: Tensor, table: Tensor, extra: Tensor | None = None) -> Tensor:
        one, other = self.orders(embedding, table, extra)
        if self.per_end:
            return torch.stack([self.outer(one), self.outer(other)], dim=1)
        # the sum stands inside, so that one pass through the outer layers serves both orders
        return self.last_layers(nn.functional.silu(one) + nn.functional.silu(other))

    def last_layers(self, activated: Tensor) -> Tensor:
        """`outer` after its first activation; a slice of it would be built anew at every call."""
        _, middle, activation, last = self.outer
        return last(activation(middle(activated)))

    def orders(self, embedding, table, extra) -> list[Tensor]:
        """The first layer in the order of the row and in the reverse, [rows, width] each."""
        return self.first_layer(embedding, (table, table.flip(1)), extra)

    def first_layer(self, embedding: Tensor, tables, extra: Tensor | None) -> list[Tensor]:
        """`inner` of the joined embeddings, for each order of a row's atoms; every atom is
        multiplied once for each place in a row, not once per row and order."""
        width, (rows, places) = embedding.shape[1], tables[0].shape
        outputs = self.inner.out_features
        by_place, of_extra = self.inner.weight.split(
            [width * places, self.inner.in_features - width * places], dim=1
        )
        blocks = by_place.unflatten(1, (places, width)).permute(2, 1, 0).flatten(1)
        products = (embedding @ blocks).view(len(embedding) * places, outputs)
        place = torch.arange(places, device=embedding.device)
        constant = self.inner.bias if extra is None else self.inner.bias + extra @ of_extra.T
        return [
            constant
            + products.index_select(0, (table * places + place).flatten())
            .view(rows, places, outputs)
            .sum(dim=1)
            for table in tables
        ]


class SharedBondReadout(Readout):
    """For two angles with a centre and a bond in common: their outer ends have no order.

    table: [rows, 4], shared neighbour, centre, the two others
    """

    def orders(self, embedding, table, extra):
        return self.first_layer(embedding, (table, table[:, [0, 1, 3, 2]]), extra)


class CentreReadout(nn.Module):
    """For a centre (first atom of a row) and three neighbours without order."""

    def __init__(self, width: int, outputs: int):
        super().__init__()
        self.readout = Readout(atoms=2, width=width, extra=0, outputs=outputs)

    def forward(self, embedding: Tensor, table: Tensor, extra: Tensor | None = None) -> Tensor:
        # sorted by value before summing: floating-point sums of three depend on their order
        total = embedding[table[:, 1:]].sort(dim=1).values.sum(dim=1)
        joined = torch.cat([embedding[table[:, 0]], total], dim=1)
        one = nn.functional.silu(self.readout.inner(joined))
        return self.readout.last_layers(one)


def bounded(value: Tensor, limit: float) -> Tensor:
    """Smooth, odd, slope one at zero, within ± limit."""
    return limit * torch.tanh(value / limit)
