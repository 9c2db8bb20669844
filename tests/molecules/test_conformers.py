"""Conformers are distinct minima of the molecule that was asked for."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from rdkit.Chem.rdForceFieldHelpers import MMFFGetMoleculeForceField, MMFFGetMoleculeProperties
from scipy.spatial.transform import Rotation

from examples import mol_of
from forceladder.errors import MoleculeError
from forceladder.molecules.conformers import minimized_conformers, without_carbon_hydrogens
from forceladder.molecules.connectivity import connectivity_change

SETTINGS = {"count": 10, "candidates": 20, "prune_rmsd": 0.3, "seed": 1}


@pytest.fixture(scope="module")
def butanol():
    mol = mol_of("CCCCO")
    return mol, minimized_conformers(mol, **SETTINGS)


def mmff(mol, positions):
    """Energy, kcal/mol, and gradient, kcal/mol/Å."""
    mol = Chem.Mol(mol)
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(positions)
    mol.AddConformer(conformer)
    field = MMFFGetMoleculeForceField(mol, MMFFGetMoleculeProperties(mol, "MMFF94s"))
    return field.CalcEnergy(), field.CalcGrad()


def best_rmsd(mol, a, b) -> float:
    """Smallest RMSD over rotations and relabellings of equal atoms, by scipy."""
    shape = without_carbon_hydrogens(mol)
    kept = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetAtomicNum() > 1 or atom.GetNeighbors()[0].GetAtomicNum() != 6
    ]
    a, b = (positions[kept] - positions[kept].mean(axis=0) for positions in (a, b))
    matches = shape.GetSubstructMatches(shape, uniquify=False)
    return min(Rotation.align_vectors(a, b[list(m)])[1] for m in matches) / np.sqrt(len(kept))


def test_conformers_are_minima_of_mmff(butanol):
    mol, conformers = butanol
    for positions in conformers:
        _, gradient = mmff(mol, positions)
        assert np.abs(gradient).max() < 0.05  # kcal/mol/Å; RDKit stops at about 1e-2


def test_lowest_conformer_comes_first(butanol):
    mol, conformers = butanol
    energies = [mmff(mol, positions)[0] for positions in conformers]
    assert energies == sorted(energies)


def test_no_two_conformers_are_within_the_pruning_distance(butanol):
    mol, conformers = butanol
    assert len(conformers) > 3
    for i, a in enumerate(conformers):
        for b in conformers[:i]:
            assert best_rmsd(mol, a, b) >= SETTINGS["prune_rmsd"] - 1e-3


def test_rigid_molecule_has_one_conformer():
    for smiles in ("c1ccccc1", "C", "O", "[H][H]", "CC(=O)[O-]"):
        assert len(minimized_conformers(mol_of(smiles), **SETTINGS)) == 1


def test_butane_has_one_anti_and_two_gauche_conformers():
    conformers = minimized_conformers(mol_of("CCCC"), **{**SETTINGS, "candidates": 30})
    dihedrals = []
    for positions in conformers:
        b1, b2, b3 = np.diff(positions[[0, 1, 2, 3]], axis=0)
        n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
        angle = np.arctan2(np.cross(n1, n2) @ b2 / np.linalg.norm(b2), n1 @ n2)
        dihedrals.append(round(np.degrees(angle)))
    assert abs(dihedrals[0]) == pytest.approx(180, abs=2)
    assert sorted(dihedrals[1:]) == pytest.approx([-65, 65], abs=4)  # MMFF94: ±65.3°


def test_hydroxyl_rotors_count_as_shape_and_methyls_do_not():
    assert without_carbon_hydrogens(mol_of("CCO")).GetNumAtoms() == 4


@pytest.mark.parametrize(
    "smiles", ["C[C@H](N)C(=O)O", "C/C=C\\C", "C[C@H]1CC[C@@H](C)CC1", "C[S@](=O)c1ccccc1",
               "[H]/N=C(\\C)N", "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O"],
)  # fmt: skip
def test_conformers_keep_stereochemistry_and_bonds(smiles):
    mol = mol_of(smiles)
    for positions in minimized_conformers(mol, count=3, candidates=5, prune_rmsd=0.1, seed=3):
        assert connectivity_change(mol, positions) is None
        blank = Chem.Mol(mol)
        Chem.RemoveStereochemistry(blank)
        conformer = Chem.Conformer(blank.GetNumAtoms())
        conformer.SetPositions(positions)
        blank.AddConformer(conformer)
        Chem.AssignStereochemistryFrom3D(blank)
        assert Chem.MolToSmiles(Chem.RemoveHs(blank)) == Chem.CanonSmiles(smiles)


def test_same_seed_gives_the_same_conformers_bit_for_bit(butanol):
    mol, conformers = butanol
    again = minimized_conformers(mol, **SETTINGS)
    assert all(np.array_equal(a, b) for a, b in zip(conformers, again, strict=True))
    other = minimized_conformers(mol, **{**SETTINGS, "seed": 2})
    assert not np.array_equal(conformers[0], other[0])


def test_count_is_an_upper_limit_that_keeps_the_lowest(butanol):
    mol, conformers = butanol
    fewer = minimized_conformers(mol, **{**SETTINGS, "count": 2})
    assert all(np.array_equal(a, b) for a, b in zip(fewer, conformers[:2], strict=True))


def test_molecule_that_mmff_does_not_know_is_minimized_by_uff():
    mol = mol_of("CC#P")
    assert not AllChem.MMFFHasAllMoleculeParams(mol)
    (positions, *_) = minimized_conformers(mol, **SETTINGS)
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    mol.GetConformer().SetPositions(positions)
    assert np.abs(AllChem.UFFGetMoleculeForceField(mol).CalcGrad()).max() < 0.05


def test_molecule_that_cannot_be_embedded_is_rejected():
    """Norbornane with one bridgehead turned inside out."""
    with pytest.raises(MoleculeError, match="ETKDG found no geometry") as caught:
        minimized_conformers(mol_of("C1C[C@@H]2CC[C@@H]1C2"), 1, 1, 0.1, seed=1)
    assert caught.value.code == "conformer_failed"
