"""Functional groups: the table's own examples, atom by atom; and what holds for any molecule."""

import numpy as np
import pytest
from rdkit import Chem

from examples import SMILES, mol_of
from forceladder.validate.groups import functional_groups, group_table

ROWS = {row["group"]: row for row in group_table()}


def mapped_molecule(smiles: str) -> tuple[Chem.Mol, set[int]]:
    """The molecule with explicit hydrogens and the rows that carry a map number."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rows = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomMapNum()}
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return mol, rows


def test_every_group_is_named_once_and_documented():
    assert len(ROWS) == len(group_table()) >= 40
    for row in ROWS.values():
        assert None not in row and all(row.values()), row["group"]
        assert len(row["misses"].split()) >= 1


@pytest.mark.parametrize("group", ROWS)
def test_smarts_names_its_atoms(group):
    pattern = Chem.MolFromSmarts(ROWS[group]["smarts"])
    assert pattern is not None
    assert any(atom.GetAtomMapNum() for atom in pattern.GetAtoms())


@pytest.mark.parametrize("group", ROWS)
def test_group_is_found_where_the_table_says_atom_by_atom(group):
    for smiles in ROWS[group]["hits"].split():
        mol, expected = mapped_molecule(smiles)
        found = functional_groups(mol)[group]
        heavy = {row for row in found if mol.GetAtomWithIdx(row).GetAtomicNum() > 1}
        assert heavy == expected, smiles
        hydrogens = {
            neighbour.GetIdx()
            for row in expected
            for neighbour in mol.GetAtomWithIdx(row).GetNeighbors()
            if neighbour.GetAtomicNum() == 1
        }
        assert set(found) - heavy == hydrogens, smiles


@pytest.mark.parametrize("group", ROWS)
def test_group_is_not_found_where_the_table_says(group):
    for smiles in ROWS[group]["misses"].split():
        assert group not in functional_groups(Chem.AddHs(Chem.MolFromSmiles(smiles))), smiles


@pytest.mark.parametrize("smiles", SMILES[:40])
def test_groups_follow_the_atoms_when_these_are_renumbered(smiles):
    mol = mol_of(smiles)
    order = np.random.default_rng(0).permutation(mol.GetNumAtoms())
    moved = functional_groups(Chem.RenumberAtoms(mol, order.tolist()))
    place = np.argsort(order)  # old row → new row
    plain = functional_groups(mol)
    assert moved == {name: sorted(place[rows].tolist()) for name, rows in plain.items()}


def test_paracetamol_has_the_groups_that_a_chemist_names():
    groups = functional_groups(mol_of("CC(=O)Nc1ccc(O)cc1"))
    assert set(groups) == {"alkane", "arene", "phenol", "amide_secondary"}
    assert len(groups["phenol"]) == 2  # oxygen and its hydrogen
    assert len(groups["amide_secondary"]) == 4


def test_spellings_of_a_sulfoxide_are_one_group():
    one, other = mol_of("CS(=O)C"), mol_of("C[S+]([O-])C")
    assert "sulfoxide" in functional_groups(one) and "sulfoxide" in functional_groups(other)


@pytest.mark.parametrize("smiles", ["CCO", "CC(=O)Nc1ccc(O)cc1", "CSSC", "S", "N", "CN=O", "C#N"])
def test_every_atom_of_an_ordinary_molecule_is_in_a_group(smiles):
    mol = mol_of(smiles)
    rows = set().union(*functional_groups(mol).values())
    assert rows == set(range(mol.GetNumAtoms()))
