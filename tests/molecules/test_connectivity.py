"""A molecule is itself for as long as its bonds are."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import SMILES, WATER, mol_of
from force_fields import embedded
from forceladder.molecules.connectivity import (
    changed_bonds,
    connectivity_change,
    moved_protons,
    perceived_bonds,
)


@pytest.mark.parametrize("smiles", SMILES)
def test_embedded_molecule_has_the_bonds_that_were_drawn(smiles):
    mol = mol_of(smiles)
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    AllChem.UFFOptimizeMolecule(mol)
    assert connectivity_change(mol, mol.GetConformer().GetPositions()) is None


def test_broken_and_formed_bonds_are_named_by_atom():
    water = mol_of("O")
    positions = WATER.copy()
    positions[1] += 3.0
    assert connectivity_change(water, positions) == "O1-H2 broken"
    positions = np.array([[0.0, 0, 0], [0, 0, 0.96], [0, 0.3, 0.96]])
    assert connectivity_change(water, positions) == "H2-H3 formed"


def test_long_list_of_changes_is_cut():
    methane = mol_of("C")
    change = connectivity_change(methane, np.arange(15.0).reshape(5, 3) * 5)
    assert change == "C1-H2 broken, C1-H3 broken, C1-H4 broken, C1-H5 broken"
    change = connectivity_change(methane, np.zeros((5, 3)))
    assert change == "H2-H3 formed, H2-H4 formed, H2-H5 formed, H3-H4 formed, …"


@pytest.mark.parametrize("factor, bonded", [(1.29, True), (1.31, False)])
def test_bond_ends_at_1_3_times_the_sum_of_radii(factor, bonded):
    radius = Chem.GetPeriodicTable().GetRcovalent(6)
    positions = [[0, 0, 0], [0, 0, factor * 2 * radius]]
    assert perceived_bonds([6, 6], positions) == ({(0, 1)} if bonded else set())


def moved(smiles: str, hydrogen: int, heavy: int, distance: float):
    """The embedded molecule with a hydrogen put at a distance (Å) from another heavy atom."""
    mol, positions = mol_of(smiles), embedded(smiles).copy()
    away = positions[heavy] - positions.mean(axis=0)
    positions[hydrogen] = positions[heavy] + distance * away / np.linalg.norm(away)
    return mol, changed_bonds(mol, positions)


def test_proton_that_changed_its_heavy_atom_is_told_with_where_it_went():
    mol, changes = moved("CC(=O)[O-]", hydrogen=4, heavy=3, distance=0.97)
    assert changes == ([(0, 4)], [(3, 4)])
    assert moved_protons(mol, *changes) == "H5 moved from C1 to O4"


def test_proton_between_two_heavy_atoms_is_shared():
    mol = mol_of("[OH3+]")
    positions = np.array([[0.0, 0, 0], [0.97, 0, 0], [-0.3, 0.9, 0], [-0.3, -0.9, 0]])
    assert moved_protons(mol, *changed_bonds(mol, positions)) is None
    pair = Chem.AddHs(Chem.MolFromSmiles("O.O"))
    positions = np.array([[0.0, 0, 0], [2.4, 0, 0], [1.2, 0, 0], [-0.3, 0.9, 0], [2.7, 0.9, 0],
                          [2.7, -0.9, 0]])  # fmt: skip
    changes = changed_bonds(pair, positions)
    assert changes == ([], [(1, 2)])
    assert moved_protons(pair, *changes) == "H3 is shared by O1 and O2"


@pytest.mark.parametrize(
    "broken, formed",
    [
        ([(0, 4)], []),  # lost
        ([(0, 4)], [(4, 5)]),  # H2
        ([(0, 1)], []),  # heavy atoms
        ([(0, 1), (0, 4)], [(3, 4)]),  # a proton moved, and more
        ([(0, 4)], [(2, 4), (3, 4)]),  # to two at once
        ([], []),
    ],
)
def test_any_other_change_is_no_moved_proton(broken, formed):
    assert moved_protons(mol_of("CC(=O)[O-]"), broken, formed) is None
