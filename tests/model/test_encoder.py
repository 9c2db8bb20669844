"""Embeddings know the graph, the whole neighbourhood, and nothing but it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from examples import mol_of
from force_fields import VARIETY, dataset_of_mapped, random_rung, reordered, topology
from forceladder.energy.topology import topology_of


def embedding(graph, layers=2, seed=0):
    with torch.no_grad():
        return random_rung(graph, seed, layers=layers).encoder(graph)


# SMARTS, and the groups of its atoms that the graph cannot tell apart
EQUIVALENT = [
    ("CCO", "[CH3]([#1:1])([#1:2])[#1:3]"),
    ("CC(=O)[O-]", "C([O:1])=[O:2]"),
    ("c1ccccc1", "[c:1]1[c:2][c:3][c:4][c:5][c:6]1"),
    ("C[N+](=O)[O-]", "[O:1]=[N+][O-:2]"),
    ("NC(N)=[NH2+]", "[N:1]C([N:2])=[N:3]"),
    ("CS(=O)(=O)[O-]", "[O:1]=S(=[O:2])[O-:3]"),
    ("CC#CC", "[CH3:1]C#C[CH3:2]"),
    ("Cc1ccccc1", "c1([CH3])[cH:1]ccc[cH:2]1"),
]


@pytest.mark.parametrize("smiles, pattern", EQUIVALENT)
def test_equivalent_atoms_have_equal_embeddings(smiles, pattern):
    mol, query = mol_of(smiles), Chem.MolFromSmarts(pattern)
    match = mol.GetSubstructMatch(query)
    atoms = [match[a.GetIdx()] for a in query.GetAtoms() if a.GetAtomMapNum()]
    rows = embedding(topology(smiles), layers=4)[atoms]
    torch.testing.assert_close(rows, rows[:1].expand_as(rows), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_receptive_field_is_one_bond_per_layer(layers):
    """Hexane: changing one end is felt `layers` bonds away and no further, bit for bit."""
    graph = topology("CCCCCC")
    mol = mol_of("CCCCCC")
    ends = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 6 and a.GetDegree() == 4
            and sum(n.GetAtomicNum() == 6 for n in a.GetNeighbors()) == 1]  # fmt: skip
    changed = graph.atom_features.clone()
    changed[ends[0]] += 1.0
    before = embedding(graph, layers)
    after = embedding(graph._replace(atom_features=changed), layers)
    distance = Chem.GetDistanceMatrix(mol)[ends[0]]
    moved = (before != after).any(dim=1).numpy()
    np.testing.assert_array_equal(moved, distance <= layers)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(VARIETY), min_size=2, max_size=5))
def test_molecule_is_embedded_in_a_batch_as_alone(molecules):
    together = embedding(topology(*molecules))
    alone = torch.cat([embedding(topology(smiles)) for smiles in molecules])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)


@settings(max_examples=20)
@given(st.sampled_from(VARIETY), st.integers(0, 2**31))
def test_embeddings_follow_their_atoms(smiles, seed):
    order = np.random.default_rng(seed).permutation(mol_of(smiles).GetNumAtoms())
    other = topology_of(dataset_of_mapped([reordered(smiles, order)]))
    expected = embedding(topology(smiles))[order.tolist()]
    torch.testing.assert_close(embedding(other), expected, rtol=1e-12, atol=1e-12)
