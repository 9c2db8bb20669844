"""Neighbour lists: which atoms of the same conformer lie within a cutoff.

Lists are padded to the longest, so that a sum over neighbours is a batched matrix product
over slots. Nothing here is differentiated: a list only says who may be felt.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from forceladder.energy.topology import Topology

FURTHER = 0
RELATIONS = 4  # further, and one, two or three bonds apart
DISTANCES_PER_CHUNK = 4_000_000  # of one block of conformers: 0.2 GB at most, whatever the set


class Neighbours(NamedTuple):
    """A position's neighbours in the order of their rows, then padding.

    index     [positions, slots] position row of each neighbour; the own row where padded
    mask      [positions, slots] bool, False where padded
    relation  [positions, slots] bonds between the two atoms: 1, 2, 3, or 0 for further and padding
    """

    index: Tensor
    mask: Tensor
    relation: Tensor


def find_neighbours(
    topology: Topology,
    positions: Tensor,
    position_atom: Tensor,
    position_conformer: Tensor,
    cutoff: float,
) -> Neighbours:
    """Every other atom of the same conformer closer than `cutoff` (Å).

    positions: [positions, 3] Å, a conformer's rows together
    position_atom: [positions] atom row of the topology
    position_conformer: [positions] conformer, counted from zero in ascending order
    """
    positions = positions.detach()
    count = torch.bincount(position_conformer)
    first = torch.cumsum(count, 0) - count
    blocks = [
        _within(positions, first[rows], count[rows], cutoff) for rows in _chunks(count.tolist())
    ]
    slots = max((block.shape[1] for block in blocks), default=0)
    padded = [nn.functional.pad(b, (0, slots - b.shape[1]), value=-1) for b in blocks]
    index = torch.cat([position_atom.new_zeros(0, slots), *padded])
    mask = index >= 0
    own = torch.arange(len(positions), device=positions.device)[:, None]
    index = torch.where(mask, index, own)
    relation = bonds_between(topology, position_atom[own], position_atom[index])
    return Neighbours(index, mask, torch.where(mask, relation, FURTHER))


def bonds_between(topology: Topology, one: Tensor, other: Tensor) -> Tensor:
    """Number of bonds on the shortest path between atom rows: 1, 2, 3, or 0 if there are more."""
    tables = (
        topology.atoms["bond"],
        topology.atoms["angle"][:, [0, 2]],
        topology.atoms["pair"][topology.pair_is_14],
    )
    bonds = torch.cat([torch.full_like(t[:, 0], n) for n, t in enumerate(tables, start=1)])
    i, j = torch.cat(tables).unbind(1)
    atoms = len(topology.atomic_number)
    # a pair and its relation as one number; the shortest path of a pair comes first
    keys = torch.cat([i * atoms + j, j * atoms + i]) * RELATIONS + bonds.repeat(2)
    keys = torch.cat([keys, keys.new_full((1,), torch.iinfo(torch.long).max)]).sort().values
    wanted = (one * atoms + other) * RELATIONS
    found = keys[torch.searchsorted(keys, wanted)] - wanted
    return torch.where(found < RELATIONS, found, FURTHER)


def _chunks(counts: list[int]) -> list[slice]:
    """Runs of conformers whose distance matrices, padded to the widest, fit into a chunk."""
    chunks, start, widest = [], 0, 0
    for row, count in enumerate(counts):
        widest = max(widest, count)
        if row > start and (row + 1 - start) * widest**2 > DISTANCES_PER_CHUNK:
            chunks.append(slice(start, row))
            start, widest = row, count
    return [*chunks, slice(start, len(counts))] if counts else []


def _within(positions: Tensor, first: Tensor, count: Tensor, cutoff: float) -> Tensor:
    """Neighbours of the positions of some conformers, −1 where there is none.

    first, count: [conformers] first position row, number of atoms
    returns: [positions, slots] position rows
    """
    place = torch.arange(int(count.max()), device=positions.device)
    real = place < count[:, None]
    x = positions[torch.where(real, first[:, None] + place, first[:, None])]
    near = (x[:, :, None] - x[:, None, :]).square().sum(-1) < cutoff**2
    near &= real[:, None, :] & (place[:, None] != place)
    near = near[real]
    slots = int(near.sum(-1).max())
    place = torch.argsort(near.logical_not().byte(), dim=1, stable=True)[:, :slots]
    row = torch.repeat_interleave(first, count)[:, None] + place
    return torch.where(near.gather(1, place), row, -1)
