"""QCSubmit datasets as molecules and geometries to compute."""

import gzip
import json
import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import ELEMENTS, FRACTIONS, mol_of, read
from forceladder.errors import (
    ConfigError,
    CorruptFileError,
)
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.listing import MAPPED, molecule_rows
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.qm.datasets import gradient_dataset
from forceladder.training_set.importers import identity
from forceladder.training_set.importers.qcsubmit import molecules_and_geometries


def shuffled_dataset(smiles: str, count: int, seed: int) -> tuple[dict, list]:
    """A QCSubmit BasicDataset of ours whose atoms were put in another order, and its positions."""
    molecule, mol = {**read(smiles), "id": "m"}, mol_of(smiles)
    AllChem.EmbedMultipleConfs(mol, count, randomSeed=3)
    positions = [conformer.GetPositions() for conformer in mol.GetConformers()]
    geometries = [{"positions": x, "kind": "conformer", "temperature": 0.0} for x in positions]
    dataset = gradient_dataset(molecule, geometries, "xtb", {"engine": "gfn2-xtb", "method": "x"})
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    other = Chem.RenumberAtoms(mol, order)
    for atom in other.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    (entry,) = dataset["dataset"].values()
    entry["attributes"][MAPPED] = Chem.MolToSmiles(other)
    for item in entry["initial_molecules"]:
        item["symbols"] = [item["symbols"][row] for row in order]
        item["geometry"] = np.reshape(item["geometry"], (-1, 3))[order].ravel().tolist()
    return dataset, positions, order


@pytest.mark.parametrize("suffix", [".json", ".json.xz", ".json.bz2", ".json.gz"])
def test_qcsubmit_dataset_gives_the_workflows_own_molecule(tmp_path, suffix):
    import bz2

    dataset, positions, _ = shuffled_dataset("C[C@H](N)C(=O)O", 3, seed=5)
    packed = {".json": bytes, ".json.xz": lzma.compress, ".json.bz2": bz2.compress,
              ".json.gz": gzip.compress}[suffix]  # fmt: skip
    path = tmp_path / f"set{suffix}"
    path.write_bytes(packed(json.dumps(dataset).encode()))
    ((molecule, geometries, torsions),), rejected = molecules_and_geometries(
        path, ELEMENTS, 100, FRACTIONS
    )
    assert rejected == torsions == []
    assert molecule == {**read("C[C@H](N)C(=O)O"), "id": "m"}
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    assert [geometry["kind"] for geometry in geometries] == ["imported"] * 3
    for geometry, expected in zip(geometries, positions, strict=True):
        # equivalent hydrogens may swap places: distances to heavy atoms and the SMILES may not
        assert connectivity_change(mol, geometry["positions"]) is None
        heavy = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() > 1]
        carbons = geometry["positions"][heavy]
        np.testing.assert_allclose(carbons, expected[heavy], atol=1e-9)
        everything = np.sort(geometry["positions"].ravel())
        np.testing.assert_allclose(everything, np.sort(expected.ravel()), atol=1e-9)
    (row,) = molecule_rows(path)
    assert read(row["source"])["mapped_smiles"] == molecule["mapped_smiles"]
    assert row["id"] == "m"


@given(seed=st.integers(0, 2**31))
@settings(max_examples=5)
def test_geometry_of_a_qcsubmit_dataset_keeps_its_handedness(tmp_path_factory, seed):
    dataset, _, _ = shuffled_dataset("C[C@H](N)C(=O)O", 1, seed)
    path = tmp_path_factory.mktemp("set") / "a.json"
    path.write_text(json.dumps(dataset))
    ((molecule, (geometry,), _),), _ = molecules_and_geometries(path, ELEMENTS, 100, FRACTIONS)
    mol = Chem.Mol(molecule_from_mapped_smiles(molecule["mapped_smiles"]))
    found = identity.with_stereo_of(mol, geometry["positions"])
    assert Chem.MolToInchiKey(found) == molecule["inchikey"]


def test_torsions_to_drive_follow_their_atoms(tmp_path):
    dataset, _, order = shuffled_dataset("CCO", 1, seed=2)
    (entry,) = dataset["dataset"].values()
    dataset["type"] = "TorsionDriveDataset"
    driven = [order.index(row) for row in (0, 1, 2, 8)]  # C, C, O, H in our order
    dataset["dataset"] = {
        "[H:1]a": entry | {"dihedrals": [driven]}, "[H:2]b": entry | {"dihedrals": [driven[::-1]]}
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(dataset))
    ((molecule, geometries, torsions),), _ = molecules_and_geometries(
        tmp_path / "a.json", ELEMENTS, 100, FRACTIONS
    )
    assert molecule["id"] == "entry-1"
    assert len(geometries) == 2
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    symbols = [[mol.GetAtomWithIdx(a).GetSymbol() for a in scan[0]] for scan in torsions]
    assert symbols == [["C", "C", "O", "H"], ["H", "O", "C", "C"]]
    assert torsions[0][0][3] == torsions[1][0][0] == 8


def test_qcsubmit_molecules_that_do_not_fit_are_listed(tmp_path):
    dataset, _, _ = shuffled_dataset("CCO", 1, seed=2)
    (tmp_path / "a.json").write_text(json.dumps(dataset))
    found, rejected = molecules_and_geometries(tmp_path / "a.json", ["H", "C"], 100, FRACTIONS)
    assert found == []
    assert [line["code"] for line in rejected] == ["element_not_allowed"]


def test_what_is_no_qcsubmit_dataset_is_said_in_one_sentence(tmp_path):
    path = tmp_path / "a.json"
    for text, kind in [("{", CorruptFileError), ("[]", CorruptFileError), ("{}", ConfigError),
                       ('{"type": "Other", "dataset": {}}', ConfigError)]:  # fmt: skip
        path.write_text(text)
        with pytest.raises(kind, match=r"a\.json"):
            molecules_and_geometries(path, ELEMENTS, 100, FRACTIONS)
