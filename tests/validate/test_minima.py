"""RMSD, torsion fingerprints and ddE of minima, against hand-made geometries."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms
from scipy.spatial.transform import Rotation

from examples import mol_of
from forceladder.validate.minima import energy_differences, geometry_errors


def embedded(smiles, seed=1):
    mol = mol_of(smiles)
    assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
    return mol, mol.GetConformer().GetPositions()


@pytest.mark.parametrize("smiles", ["O", "CO", "CCCC", "CC(=O)NC", "c1ccccc1", "CC(=O)[O-]"])
@pytest.mark.parametrize("seed", range(2))
def test_a_geometry_that_was_moved_and_turned_has_no_errors(smiles, seed):
    mol, positions = embedded(smiles)
    moved = Rotation.random(random_state=seed).apply(positions) + [1.0, -3.0, 2.0]
    found = geometry_errors(mol, positions, moved)
    assert found["rmsd"] == pytest.approx(0.0, abs=1e-4)  # RDKit's alignment ends there
    assert found.get("heavy_rmsd", 0.0) == pytest.approx(0.0, abs=1e-4)
    assert found.get("tfd", 0.0) == pytest.approx(0.0, abs=1e-4)


def test_rmsd_of_a_stretched_bond_is_that_of_its_ends():
    """N₂ and H₂ are centred by superposition: each end is off by half the stretch."""
    for smiles, heavy in (("N#N", True), ("[H][H]", False)):
        mol = mol_of(smiles)
        reference = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        found = geometry_errors(mol, reference, 1.2 * reference)
        assert found["rmsd"] == pytest.approx(0.1)
        assert ("heavy_rmsd" in found) == heavy
        assert "tfd" not in found


def test_hydrogens_count_in_one_rmsd_and_not_in_the_other():
    mol, positions = embedded("CO")
    hydrogen = next(a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 1)
    moved = positions.copy()
    moved[hydrogen] += [0.3, 0.0, 0.0]
    found = geometry_errors(mol, positions, moved)
    assert found["heavy_rmsd"] == pytest.approx(0.0, abs=1e-4)
    assert 0.03 < found["rmsd"] <= np.sqrt(0.3**2 / 6)


def test_equivalent_atoms_may_change_places():
    """A methyl whose hydrogens are renamed by a third of a turn is the same geometry."""
    mol, positions = embedded("CC(=O)NC")
    (methyl, *_) = mol.GetSubstructMatches(Chem.MolFromSmarts("[CH3]"))
    hydrogens = [a.GetIdx() for a in mol.GetAtomWithIdx(methyl[0]).GetNeighbors()
                 if a.GetAtomicNum() == 1]  # fmt: skip
    renamed = positions.copy()
    renamed[hydrogens] = positions[np.roll(hydrogens, 1)]
    assert geometry_errors(mol, positions, renamed)["rmsd"] == pytest.approx(0.0, abs=1e-4)


def test_order_of_atoms_does_not_matter():
    mol, positions = embedded("CCC=O", seed=1)
    other = positions + np.random.default_rng(0).normal(0.0, 0.1, positions.shape)
    order = np.random.default_rng(1).permutation(len(positions)).tolist()
    plain = geometry_errors(mol, positions, other)
    renamed = geometry_errors(Chem.RenumberAtoms(mol, order), positions[order], other[order])
    for name, value in plain.items():
        assert renamed[name] == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("turn", [10.0, 60.0, 120.0])
def test_torsion_fingerprint_of_one_torsion_is_its_turn_over_180_degrees(turn):
    """Schulz-Gasch et al.: the deviation of a torsion over the largest there can be."""
    mol, positions = embedded("CCCC")
    copy = Chem.Mol(mol)
    chain = mol.GetSubstructMatch(Chem.MolFromSmarts("CCCC"))
    start = rdMolTransforms.GetDihedralDeg(mol.GetConformer(), *chain)
    rdMolTransforms.SetDihedralDeg(copy.GetConformer(), *chain, start + turn)
    found = geometry_errors(mol, positions, copy.GetConformer().GetPositions())
    end = rdMolTransforms.GetDihedralDeg(copy.GetConformer(), *chain)
    expected = abs((end - start + 180.0) % 360.0 - 180.0) / 180.0
    assert found["tfd"] == pytest.approx(expected, abs=1e-3)


def test_energy_differences_are_above_the_references_lowest_minimum():
    reference, ours = np.array([5.0, 3.0, 4.5]), np.array([-10.0, -11.0, -11.5])
    found = energy_differences(reference, ours)
    assert np.isnan(found[1])  # zero by definition
    assert found[[0, 2]] == pytest.approx([1.0 - 2.0, -0.5 - 1.5])


def test_a_minimum_without_an_energy_has_no_difference_and_a_lost_lowest_one_leaves_none():
    reference = np.array([5.0, 3.0, 4.5])
    found = energy_differences(reference, np.array([np.nan, 0.0, 1.0]))
    assert np.isnan(found[:2]).all() and found[2] == pytest.approx(-0.5)
    assert np.isnan(energy_differences(reference, np.array([1.0, np.nan, 2.0]))).all()
    assert np.isnan(energy_differences(np.array([3.0]), np.array([1.0]))).all()
