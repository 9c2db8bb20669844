"""Rows of ragged tables meet the right positions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from force_fields import VARIETY, dataset_of, embedded, geometry_of, shaken
from forceladder.energy.coordinates import BY_ATOM_COUNT
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.fields import FIELDS, TABLES
from forceladder.training_set.dataset import row_ranges

COUNTS = st.lists(st.integers(0, 3), min_size=len(VARIETY), max_size=len(VARIETY))


def conformers(counts):
    return [
        np.stack([shaken(smiles, seed, 0.1) for seed in range(count)])
        if count
        else np.zeros((0, len(embedded(smiles)), 3))
        for smiles, count in zip(VARIETY, counts, strict=True)
    ]


@given(COUNTS)
def test_each_instance_is_its_row_in_its_conformer(counts):
    """Against plain loops over molecules, conformers and rows."""
    dataset, positions = dataset_of(*VARIETY), conformers(counts)
    topology = topology_of(dataset)
    geometry = geometry_of(topology, positions)
    ranges = row_ranges(dataset)
    for table in TABLES:
        width = dataset[f"{table}_atoms"].shape[1]
        assert FIELDS[f"{table}_atoms"].dims[0] == table
        expected, rows, places = [], [], []
        conformer = 0
        for molecule, stack in enumerate(positions):
            first, end = ranges[table][molecule : molecule + 2]
            for x in stack:
                for row in range(first, end):
                    expected.append(x[dataset[f"{table}_atoms"].values[row]])
                    rows.append(row)
                    places.append(conformer)
                conformer += 1
        instances = geometry.instances[table]
        assert instances.row.tolist() == rows
        assert instances.conformer.tolist() == places
        expected = np.reshape(expected, (-1, width, 3))
        np.testing.assert_array_equal(geometry.positions[instances.atoms], expected)
        values, derivatives, atoms = geometry.coordinate(table, tuple(range(width)))
        by_hand = BY_ATOM_COUNT[width](torch.as_tensor(expected))
        torch.testing.assert_close((values, derivatives), by_hand, rtol=1e-14, atol=1e-14)
        assert torch.equal(atoms, instances.atoms)


@given(COUNTS)
def test_each_position_knows_its_atom_and_conformer(counts):
    topology = topology_of(dataset_of(*VARIETY))
    geometry = geometry_of(topology, conformers(counts))
    atoms = topology.atom_count.tolist()
    first = np.cumsum([0, *atoms])
    expected = [
        (conformer, first[molecule] + atom)
        for conformer, molecule in enumerate(np.repeat(range(len(counts)), counts))
        for atom in range(atoms[molecule])
    ]
    found = zip(geometry.position_conformer.tolist(), geometry.position_atom.tolist(), strict=True)
    assert list(found) == expected
    assert geometry.molecule.tolist() == np.repeat(range(len(counts)), counts).tolist()


def test_coordinates_are_worked_out_once():
    topology = topology_of(dataset_of("CCO"))
    geometry = geometry_of(topology, [embedded("CCO")])
    first = geometry.coordinate("angle", (0, 1, 2))
    assert geometry.coordinate("angle", (0, 1, 2))[0] is first[0]


def test_wrong_number_of_positions_is_an_error_with_both_numbers():
    topology = topology_of(dataset_of("O"))
    with pytest.raises(ValueError, match="4 positions for 3 atoms"):
        Geometry(topology, torch.tensor([1]), torch.zeros(4, 3, dtype=torch.float64))
