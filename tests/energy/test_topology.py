"""Tables that are worked out from the training set's: members, and pairs of angles."""

from itertools import combinations

import torch
from hypothesis import given
from hypothesis import strategies as st

from examples import mol_of
from force_fields import VARIETY, topology
from forceladder.energy.terms import TERMS
from forceladder.energy.topology import angle_pairs, matching_rows

MOLECULES = (*VARIETY, "CS(=O)(=O)[O-]", "OP(O)(O)=O", "C12C3C4C1C5C2C3C45")


@given(st.lists(st.sampled_from(MOLECULES), min_size=1, max_size=4))
def test_pairs_of_angles_are_all_that_share_a_centre_and_a_bond(molecules):
    """Against loops over RDKit's neighbours: three for each three neighbours of an atom."""
    graph, expected, first = topology(*molecules), set(), 0
    for smiles in molecules:
        mol = mol_of(smiles)
        for atom in mol.GetAtoms():
            around = [first + neighbour.GetIdx() for neighbour in atom.GetNeighbors()]
            for three in combinations(around, 3):
                for shared in three:
                    ends = frozenset(three) - {shared}
                    expected.add((shared, first + atom.GetIdx(), ends))
        first += mol.GetNumAtoms()
    rows = graph.atoms["angle_pair"].tolist()
    found = [(shared, centre, frozenset(ends)) for shared, centre, *ends in rows]
    assert len(found) == len(set(found))
    assert set(found) == expected


@given(st.lists(st.sampled_from(MOLECULES), min_size=1, max_size=3))
def test_pairs_of_torsions_are_all_chains_of_five_atoms(molecules):
    """Every two rows that overlap in three atoms; around a ring of four, the fifth is the first."""
    graph = topology(*molecules)
    torsions = {tuple(row): n for n, row in enumerate(graph.atoms["torsion"].tolist())}
    torsions |= {row[::-1]: n for row, n in torsions.items()}
    following = {}
    for row in torsions:
        following.setdefault(row[:3], []).append(row)
    expected = {
        (*row, other[3]): (torsions[row], torsions[other])
        for row in torsions
        for other in following.get(row[1:], [])
    }
    rows, members = graph.atoms["torsion_pair"], graph.members["torsion_pair"]["torsion"]
    found = dict(zip(map(tuple, rows.tolist()), map(tuple, members.tolist()), strict=True))
    assert len(rows) == len(expected) // 2
    found |= {chain[::-1]: pair[::-1] for chain, pair in found.items()}
    assert found == expected


@given(st.lists(st.sampled_from(MOLECULES), min_size=1, max_size=4))
def test_rows_of_a_molecule_lie_together_in_every_table(molecules):
    graph = topology(*molecules)
    for table, count in graph.count.items():
        expected = torch.repeat_interleave(torch.arange(len(molecules)), count)
        assert torch.equal(graph.molecule[graph.atoms[table][:, 0]], expected), table


def test_members_have_what_the_terms_ask_for():
    graph = topology(*VARIETY)
    for name, term in TERMS.items():
        for kind, member in term.coordinates:
            if kind in ("bond", "angle") and kind != term.table:
                rows = graph.members[term.table][kind]
                assert len(rows) == len(graph.atoms[term.table]), name
                assert member < rows.shape[1], name


@given(st.sampled_from(MOLECULES), st.integers(0, 2**31))
def test_rows_are_found_from_either_side(smiles, seed):
    graph = topology(smiles)
    shuffle = torch.Generator().manual_seed(seed)
    for table, columns in (("bond", (0, 1)), ("angle", (0, 1, 2))):
        rows = graph.atoms[table]
        order = torch.randperm(len(rows), generator=shuffle)
        for chains in (rows[order], rows[order].flip(1)):
            assert torch.equal(matching_rows(rows, chains, [columns])[:, 0], order)


def test_molecules_without_angles_have_no_pairs_of_them():
    for smiles in ("[H][H]", "O", "[OH-]"):
        assert topology(smiles).atoms["angle_pair"].shape == (0, 4)
    pairs, rows = angle_pairs(torch.zeros(0, 3, dtype=torch.long))
    assert pairs.shape == (0, 4)
    assert rows.shape == (0, 2)
