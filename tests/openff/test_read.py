"""Dataset files of QCSubmit, its own and ours, read back."""

import bz2
import gzip
import json
import lzma

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from examples import mol_of, read
from forceladder import files
from forceladder.errors import ConfigError, CorruptFileError, MoleculeError
from forceladder.molecules.conformers import minimized_conformers
from forceladder.molecules.connectivity import perceived_bonds
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.openff.packages import HOW
from forceladder.openff.read import order_of_rows, read_dataset
from forceladder.qm import datasets
from forceladder.units import BOHR_IN_ANGSTROM

pytest.importorskip("openff.qcsubmit", reason=f"openff-qcsubmit is not installed here; {HOW}.")

EIGHTH_DECIMAL = 5.1e-9 * BOHR_IN_ANGSTROM  # Å, what QCElemental rounds to
MOLECULES = ["CCO", "CC(=O)[O-]", "C[C@H](N)C(=O)O", "C/C=C/O", "COP(=O)([O-])OCC", "c1ccsc1"]
OPENERS = {"json": open, "json.xz": lzma.open, "json.gz": gzip.open, "json.bz2": bz2.open}


def geometries_of(smiles: str) -> list[dict]:
    minima = minimized_conformers(mol_of(smiles), 2, candidates=4, prune_rmsd=0.0, seed=1)
    return [{"positions": x, "kind": "conformer", "temperature": 0.0} for x in minima]


def written(path, dataset: dict):
    ending = path.name.partition(".")[2]
    with OPENERS[ending](path, "wt") as file:
        json.dump(dataset, file)
    return path


def native_dataset(factory: str, smiles: list[str], **entry) -> dict:
    """JSON of a dataset that QCSubmit itself made of SMILES; one entry each, one conformer."""
    from openff.qcsubmit import factories
    from openff.toolkit import Molecule

    dataset = getattr(factories, factory)().create_dataset(
        "native", [], "made by QCSubmit", "made by QCSubmit", verbose=False
    )
    for item in smiles:
        molecule = Molecule.from_smiles(item)
        molecule.generate_conformers(n_conformers=1)
        index = molecule.to_smiles(explicit_hydrogens=False)
        dataset.add_molecule(index=index, molecule=molecule, **entry)
    return json.loads(dataset.json())


@pytest.mark.parametrize("ending", OPENERS)
@pytest.mark.parametrize("smiles", MOLECULES)
def test_our_own_datasets_come_back_as_they_were(tmp_path, smiles, ending, b3lyp_spec):
    molecule, geometries = read(smiles), geometries_of(smiles)
    dataset = datasets.gradient_dataset(molecule, geometries, "reference", b3lyp_spec)
    ((same, again),) = read_dataset(written(tmp_path / f"dataset.{ending}", dataset))
    assert same == molecule
    for one, two in zip(geometries, again, strict=True):
        np.testing.assert_allclose(one["positions"], two["positions"], atol=EIGHTH_DECIMAL, rtol=0)
        assert one["kind"] == two["kind"] and one["temperature"] == two["temperature"]


def test_scans_come_back_as_they_were(tmp_path, b3lyp_spec):
    scans = [
        {"index": 0, "torsions": [[0, 1, 2, 8]], "spacing_degrees": [15.0]},
        {"index": 1, "torsions": [[3, 0, 1, 2], [0, 1, 2, 8]], "spacing_degrees": [30.0, 30.0]},
    ]
    geometries = [
        geometry | {"kind": "torsion_scan", "scan": scan | {"angles_degrees": angles}}
        for geometry, scan, angles in zip(
            geometries_of("CCO"), scans, [[-165.0], [30.0, 60.0]], strict=True
        )
    ]
    dataset = datasets.torsiondrive_dataset(read("CCO"), geometries, "reference", b3lyp_spec)
    ((_, again),) = read_dataset(written(tmp_path / "scans.json", dataset))
    assert [geometry["scan"] for geometry in again] == [g["scan"] for g in geometries]
    fixed = datasets.gradient_dataset(read("CCO"), geometries, "reference", b3lyp_spec)
    ((_, again),) = read_dataset(written(tmp_path / "fixed.json", fixed))
    assert [geometry["scan"] for geometry in again] == [g["scan"] for g in geometries]


@pytest.mark.parametrize("factory", ["BasicDatasetFactory", "OptimizationDatasetFactory"])
def test_datasets_of_others_become_molecules_in_our_order(tmp_path, factory):
    """Whatever order their atoms have, bonds of a geometry are the bonds of the molecule."""
    smiles = ["OCC", "O=C([O-])C", "OC(=O)[C@@H](N)C", "F/C=C/F", "C1CCCCC1", "c1ccccc1"]
    path = written(tmp_path / "native.json", native_dataset(factory, smiles))
    found = read_dataset(path)
    assert len(found) == len(smiles)
    for source, (molecule, (geometry,)) in zip(smiles, found, strict=True):
        assert molecule == read(source) | {"id": molecule["id"]}
        mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
        numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
        bonds = {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}
        assert perceived_bonds(numbers, geometry["positions"]) == bonds
        mol.AddConformer(conformer := Chem.Conformer(mol.GetNumAtoms()))
        mol.GetConformer(conformer.GetId()).SetPositions(geometry["positions"])
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == molecule["smiles"]
        assert geometry["kind"] == "imported"
    names = [molecule["id"].lower() for molecule, _ in found]
    assert len(set(names)) == len(names) and not any("/" in name for name in names)


def test_torsion_drives_of_others_become_scans_at_the_angles_they_start_from(tmp_path):
    dataset = native_dataset("TorsiondriveDatasetFactory", ["OCC"], dihedrals=[(3, 0, 1, 2)])
    (entry,) = dataset["dataset"].values()
    assert entry["initial_molecules"][0]["symbols"][:4] == ["O", "C", "C", "H"]
    ((molecule, (geometry,)),) = read_dataset(written(tmp_path / "drive.json", dataset))
    scan = geometry["scan"]
    symbols = [
        a.GetSymbol() for a in molecule_from_mapped_smiles(molecule["mapped_smiles"]).GetAtoms()
    ]
    (torsion,) = scan["torsions"]
    assert [symbols[row] for row in torsion] == ["H", "O", "C", "C"]
    theirs = np.reshape(entry["initial_molecules"][0]["geometry"], (-1, 3))
    conformer = Chem.Conformer(len(theirs))
    conformer.SetPositions(np.ascontiguousarray(theirs, float))
    expected = rdMolTransforms.GetDihedralDeg(conformer, 3, 0, 1, 2)
    assert scan["angles_degrees"] == [pytest.approx(expected, abs=1e-5)]
    assert scan["index"] == 0 and scan["spacing_degrees"] == [15.0]


def test_our_importer_without_openff_reads_the_same(tmp_path):
    qcsubmit = pytest.importorskip("forceladder.training_set.importers.qcsubmit")
    smiles = ["OCC", "O=C([O-])C", "OC(=O)[C@@H](N)C", "c1ccccc1"]
    path = written(tmp_path / "native.json", native_dataset("BasicDatasetFactory", smiles))
    elements, fractions = ["H", "C", "N", "O"], {"validation": 0.1, "test": 0.1}
    plain, rejected = qcsubmit.molecules_and_geometries(path, elements, 100, fractions)
    assert not rejected
    for (one, geometries), (two, again, *_) in zip(
        read_dataset(path, elements, 100, fractions), plain, strict=True
    ):
        assert one == two
        for a, b in zip(geometries, again, strict=True):
            np.testing.assert_allclose(a["positions"], b["positions"], atol=EIGHTH_DECIMAL)


def test_entries_of_one_molecule_are_joined(tmp_path, b3lyp_spec):
    molecule, geometries = read("CCO"), geometries_of("CCO")
    dataset = datasets.gradient_dataset(molecule, geometries[:1], "reference", b3lyp_spec)
    more = datasets.gradient_dataset(molecule | {"id": "b"}, geometries[1:], "r", b3lyp_spec)
    dataset["dataset"] |= more["dataset"]
    ((same, again),) = read_dataset(written(tmp_path / "dataset.json", dataset))
    assert same["id"] == "example" and len(again) == 2


def test_what_does_not_fit_is_rejected_by_name(tmp_path, b3lyp_spec):
    dataset = {}
    for name, smiles in (("good", "CCO"), ("swapped", "CO"), ("thiol", "CS")):
        part = datasets.gradient_dataset(
            read(smiles) | {"id": name}, geometries_of(smiles), "reference", b3lyp_spec
        )
        dataset = dataset or part
        dataset["dataset"] |= part["dataset"]
    for molecule in dataset["dataset"]["swapped"]["initial_molecules"]:
        molecule["symbols"][:2] = "O", "C"
    path = written(tmp_path / "dataset.json", dataset)
    with pytest.raises(MoleculeError, match="not those that"):
        read_dataset(path)
    rejected = []
    found = read_dataset(path, elements=["H", "C", "O"], rejected=rejected)
    assert [molecule["id"] for molecule, _ in found] == ["good"]
    assert [(line["id"], line["code"]) for line in rejected] == [
        ("swapped", "atoms_disagree"), ("thiol", "element_not_allowed")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change, error, words",
    [
        (lambda d: d.update(type="ReactionDataset"), ConfigError, "its type is 'ReactionDataset'"),
        (lambda d: d.pop("dataset_tagline"), CorruptFileError, "dataset_tagline"),
        (lambda d: d["dataset"]["example"].pop("attributes"), CorruptFileError, "attributes"),
        (
            lambda d: d["dataset"]["example"]["initial_molecules"].clear(),
            CorruptFileError, "not a dataset that QCSubmit accepts",
        ),
        (
            lambda d: d["dataset"]["example"]["initial_molecules"][0]["geometry"].pop(),
            CorruptFileError, "not a dataset that QCSubmit accepts",
        ),
    ],
)  # fmt: skip
def test_what_qcsubmit_refuses_is_said_in_a_sentence(tmp_path, change, error, words, b3lyp_spec):
    dataset = datasets.gradient_dataset(read("CCO"), geometries_of("CCO"), "r", b3lyp_spec)
    change(dataset)
    with pytest.raises(error, match=words):
        read_dataset(written(tmp_path / "dataset.json", dataset))


@pytest.mark.parametrize("ending", OPENERS)
def test_a_damaged_file_is_named(tmp_path, ending, b3lyp_spec):
    dataset = datasets.gradient_dataset(read("CCO"), geometries_of("CCO"), "r", b3lyp_spec)
    path = written(tmp_path / f"dataset.{ending}", dataset)
    files.write_bytes(path, path.read_bytes()[:-200])
    with pytest.raises(CorruptFileError, match=rf"{path.name} cannot be read"):
        read_dataset(path)
    with pytest.raises(ConfigError, match="does not exist"):
        read_dataset(tmp_path / f"nothing.{ending}")


def test_atoms_that_are_in_our_order_stay_where_they_are():
    smiles = read("CC(C)(C)C")["mapped_smiles"]  # with 12 equivalent hydrogens
    np.testing.assert_array_equal(order_of_rows(smiles, smiles), np.arange(17))
