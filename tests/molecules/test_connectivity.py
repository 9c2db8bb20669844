"""A molecule is itself for as long as its bonds are."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import SMILES, WATER, mol_of
from forceladder.molecules.connectivity import connectivity_change, perceived_bonds


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
