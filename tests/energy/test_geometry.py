"""Rows of ragged tables meet the right positions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from force_fields import VARIETY, dataset_of, embedded, geometry_of, shaken
from forceladder.energy.coordinates import COORDINATES, harmonics
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.fields import FIELDS, TABLES
from forceladder.training_set.dataset import row_ranges

# (table, kind of member) → columns of each member's atoms
CHAINS = {
    ("angle", "bond"): ([0, 1], [1, 2]),
    ("angle_pair", "angle"): ([0, 1, 2], [0, 1, 3]),
    ("torsion", "bond"): ([0, 1], [1, 2], [2, 3]),
    ("torsion", "angle"): ([0, 1, 2], [1, 2, 3]),
    ("torsion_pair", "torsion"): ([0, 1, 2, 3], [1, 2, 3, 4]),
}
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
        expected, rows, places, conformer = [], [], [], 0
        for molecule, stack in enumerate(positions):
            for row in range(*ranges[table][molecule : molecule + 2]):
                expected += [x[dataset[f"{table}_atoms"].values[row]] for x in stack]
                rows += [row] * len(stack)
                places += range(conformer, conformer + len(stack))
            conformer += len(stack)
        instances = geometry.instances(table)
        assert instances.row.tolist() == rows
        assert instances.conformer.tolist() == places
        present, first, count = np.unique(rows, return_index=True, return_counts=True)
        np.testing.assert_array_equal(instances.first[present], first)
        np.testing.assert_array_equal(instances.count[present], count)
        expected = np.reshape(expected, (-1, width, 3))
        np.testing.assert_array_equal(geometry.positions[instances.atoms], expected)


@given(COUNTS)
def test_coordinate_is_its_function_of_the_rows_atoms(counts):
    geometry = geometry_of(topology_of(dataset_of(*VARIETY)), conformers(counts))
    for name, (table, columns, function, periodic) in COORDINATES.items():
        atoms = geometry.instances(table).atoms[:, columns]
        expected, expected_derivatives = function(geometry.positions[atoms])
        values, derivatives, rows = geometry.coordinate(name)
        assert torch.equal(rows, atoms)
        assert torch.equal(derivatives, expected_derivatives)
        found, by_hand = (values, harmonics(expected)) if periodic else ([values], [expected])
        assert all(torch.equal(one, other) for one, other in zip(found, by_hand, strict=True))


@given(COUNTS)
def test_member_is_the_bond_or_angle_of_the_same_atoms_in_the_same_conformer(counts):
    geometry = geometry_of(topology_of(dataset_of(*VARIETY)), conformers(counts))
    for (table, kind), chains in CHAINS.items():
        here, there = geometry.instances(table), geometry.instances(kind)
        for member, columns in enumerate(chains):
            place = geometry.member(table, kind, member)
            assert torch.equal(there.conformer[place], here.conformer)
            found, wanted = there.atoms[place].tolist(), here.atoms[:, columns].tolist()
            for one, other in zip(found, wanted, strict=True):
                assert one in (other, other[::-1])


def test_member_of_its_own_table_is_the_row_itself():
    geometry = geometry_of(topology_of(dataset_of("CCO")), [embedded("CCO")])
    assert geometry.member("angle", "angle", 0) is None


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
    assert geometry.coordinate("angle")[0] is geometry.coordinate("angle")[0]
    place = geometry.member("torsion", "bond", 2)
    assert geometry.member("torsion", "bond", 2) is place


def test_wrong_number_of_positions_is_an_error_with_both_numbers():
    topology = topology_of(dataset_of("O"))
    with pytest.raises(ValueError, match="4 positions for 3 atoms"):
        Geometry(topology, torch.tensor([1]), torch.zeros(4, 3, dtype=torch.float64))
