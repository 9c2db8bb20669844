"""A neighbour list holds every atom of the same conformer within the cutoff, and no other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from examples import mol_of
from force_fields import VARIETY, embedded, geometry_of, topology
from forceladder.energy import neighbours as module
from forceladder.energy.neighbours import bonds_between, find_neighbours

CUTOFF = 3.0


def lists_of(molecules, positions, cutoff=CUTOFF):
    """The geometry and neighbours of conformers [conformers, atoms, 3] of each molecule."""
    graph = topology(*molecules)
    geometry = geometry_of(graph, positions)
    found = find_neighbours(
        graph, geometry.positions, geometry.position_atom, geometry.position_conformer, cutoff
    )
    return geometry, found


def random_conformers(molecules, seed):
    random = np.random.default_rng(seed)
    return [
        embedded(m) + random.normal(scale=0.3, size=(random.integers(1, 4), *embedded(m).shape))
        for m in molecules
    ]


def by_brute_force(geometry, cutoff):
    x, conformer = geometry.positions.numpy(), geometry.position_conformer.numpy()
    distance = np.linalg.norm(x[:, None] - x[None], axis=-1)
    near = (distance < cutoff) & (conformer[:, None] == conformer[None])
    np.fill_diagonal(near, False)
    return [np.flatnonzero(row).tolist() for row in near]


def as_lists(found):
    return [
        row[mask].tolist()
        for row, mask in zip(found.index.numpy(), found.mask.numpy(), strict=True)
    ]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(VARIETY), min_size=1, max_size=4), st.integers(0, 2**31))
def test_lists_are_those_of_brute_force_in_the_order_of_the_rows(molecules, seed):
    geometry, found = lists_of(molecules, random_conformers(molecules, seed))
    assert as_lists(found) == by_brute_force(geometry, CUTOFF)
    assert found.index.shape[1] == max(map(len, as_lists(found)))  # no slot is for nothing


def test_padding_points_to_the_own_row_and_relates_to_nothing():
    geometry, found = lists_of(VARIETY, random_conformers(VARIETY, 1))
    own = torch.arange(len(geometry.positions))[:, None].expand_as(found.index)
    assert bool((~found.mask).any())
    assert torch.equal(found.index[~found.mask], own[~found.mask])
    assert bool((found.relation[~found.mask] == 0).all())


@pytest.mark.parametrize("budget", [1, 300, 5000])
def test_size_of_the_chunks_changes_nothing(budget, monkeypatch):
    positions = random_conformers(VARIETY, 2)
    _, expected = lists_of(VARIETY, positions)
    monkeypatch.setattr(module, "DISTANCES_PER_CHUNK", budget)
    _, found = lists_of(VARIETY, positions)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_chunks_hold_every_conformer_once_within_the_budget(monkeypatch):
    monkeypatch.setattr(module, "DISTANCES_PER_CHUNK", 100)
    counts = [3, 4, 9, 2, 2, 20, 1, 1, 5]
    chunks = module._chunks(counts)
    assert [row for chunk in chunks for row in range(len(counts))[chunk]] == list(range(9))
    for chunk in chunks:
        part = counts[chunk]
        assert len(part) == 1 or len(part) * max(part) ** 2 <= 100


def test_lists_are_mutual():
    _, found = lists_of(VARIETY, random_conformers(VARIETY, 3))
    pairs = {(i, j) for i, row in enumerate(as_lists(found)) for j in row}
    assert pairs == {(j, i) for i, j in pairs}


@pytest.mark.parametrize("smiles", VARIETY)
def test_relation_is_the_number_of_bonds_on_the_shortest_path(smiles):
    graph = topology(smiles)
    atoms = torch.arange(len(graph.atomic_number))
    paths = torch.as_tensor(Chem.GetDistanceMatrix(mol_of(smiles))).long()
    paths[paths > 3] = 0
    assert torch.equal(bonds_between(graph, atoms[:, None], atoms[None]), paths)


def test_relation_of_neighbours_is_that_of_their_atoms():
    graph = topology(*VARIETY)
    geometry, found = lists_of(VARIETY, random_conformers(VARIETY, 4))
    atom = geometry.position_atom
    expected = bonds_between(graph, atom[:, None], atom[found.index])
    assert torch.equal(found.relation[found.mask], expected[found.mask])
    assert set(found.relation[found.mask].tolist()) == {0, 1, 2, 3}


def test_atoms_at_the_cutoff_and_beyond_are_no_neighbours():
    far = np.array([[0.0, 0.0, 0.0], [CUTOFF, 0.0, 0.0]])
    _, found = lists_of(["[H][H]"], [far])
    assert found.index.shape == (2, 0)
    _, found = lists_of(["[H][H]"], [far * (1.0 - 1e-12)])
    assert as_lists(found) == [[1], [0]]


def test_positions_are_not_differentiated():
    graph = topology("O")
    geometry = geometry_of(graph, [embedded("O")])
    x = geometry.positions.requires_grad_(True)
    found = find_neighbours(graph, x, geometry.position_atom, geometry.position_conformer, CUTOFF)
    assert not any(part.requires_grad for part in found)
