"""Dataset files are what QCSubmit, QCElemental and the geometry itself say they are."""

import numpy as np
import pytest
import qcelemental
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import SMILES, mol_of, read
from forceladder import files
from forceladder.molecules.connectivity import perceived_bonds
from forceladder.qm.datasets import MAPPED, gradient_dataset
from forceladder.units import BOHR_IN_ANGSTROM


def dataset_of(smiles, spec, count=2):
    """A dataset of embedded geometries and these geometries."""
    mol = mol_of(smiles)
    geometries = []
    for seed in range(1, count + 1):
        assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
        AllChem.UFFOptimizeMolecule(mol)
        positions = mol.GetConformer().GetPositions()
        geometries.append({"positions": positions, "kind": "sampled", "temperature": 300.0})
    return gradient_dataset(read(smiles), geometries, "reference", spec), geometries


@pytest.mark.parametrize("smiles", SMILES)
def test_molecules_are_valid_qcschema_with_the_bonds_that_the_geometry_has(smiles, b3lyp_spec):
    dataset, geometries = dataset_of(smiles, b3lyp_spec)
    (entry,) = dataset["dataset"].values()
    for molecule, geometry in zip(entry["initial_molecules"], geometries, strict=True):
        model = qcelemental.models.Molecule(**molecule)
        angstrom = np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
        np.testing.assert_allclose(angstrom, geometry["positions"], atol=1e-12)
        np.testing.assert_allclose(model.geometry * BOHR_IN_ANGSTROM, angstrom, atol=5e-7)
        bonds = {tuple(sorted(bond[:2])) for bond in molecule["connectivity"]}
        assert bonds == perceived_bonds(model.atomic_numbers, angstrom)
        assert molecule["molecular_charge"] == read(smiles)["net_charge"]
        assert molecule["extras"]["temperature_kelvin"] == 300.0


@pytest.mark.parametrize("smiles", SMILES)
def test_attributes_describe_the_molecule_that_was_asked_for(smiles, b3lyp_spec):
    (entry,) = dataset_of(smiles, b3lyp_spec, count=1)[0]["dataset"].values()
    attributes = entry["attributes"]
    mol = Chem.MolFromSmiles(smiles)
    assert attributes["canonical_isomeric_smiles"] == Chem.CanonSmiles(smiles)
    assert attributes["inchi_key"] == Chem.MolToInchiKey(mol)
    assert attributes["standard_inchi"] == Chem.MolToInchi(mol)
    assert attributes[MAPPED] == read(smiles)["mapped_smiles"]
    formula = qcelemental.models.Molecule(**entry["initial_molecules"][0])
    assert attributes["molecular_formula"] == formula.get_molecular_formula(order="hill")


def test_equal_inputs_give_equal_files(tmp_path, b3lyp_spec):
    for name in ("one", "two"):
        files.write_json(tmp_path / f"{name}.json.xz", dataset_of("CCO", b3lyp_spec)[0])
    assert (tmp_path / "one.json.xz").read_bytes() == (tmp_path / "two.json.xz").read_bytes()


def test_charge_is_no_part_of_the_formula(b3lyp_spec):
    for smiles, formula in (("CC(=O)[O-]", "C2H3O2"), ("C[NH3+]", "CH6N"), ("[OH-]", "HO")):
        (entry,) = dataset_of(smiles, b3lyp_spec, count=1)[0]["dataset"].values()
        assert entry["attributes"]["molecular_formula"] == formula


@pytest.mark.parametrize("name, program", [("b3lyp_spec", "psi4"), ("xtb_spec", "xtb")])
def test_qcsubmit_loads_the_dataset_and_loses_nothing(tmp_path, request, name, program):
    pytest.importorskip("openff.qcsubmit")
    from openff.qcsubmit.datasets import load_dataset

    dataset, geometries = dataset_of("C[C@H](N)C(=O)[O-]", request.getfixturevalue(name))
    path = tmp_path / "dataset.json.xz"
    files.write_json(path, dataset)
    loaded = load_dataset(str(path))
    (entry,) = loaded.dataset.values()
    molecule = entry.get_off_molecule()
    assert molecule.to_inchikey() == read("C[C@H](N)C(=O)[O-]")["inchikey"]
    numbers = [atom.atomic_number for atom in molecule.atoms]
    assert numbers == list(entry.initial_molecules[0].atomic_numbers)
    assert len(loaded.to_tasks()[program]) == len(geometries)
    loaded.export_dataset(str(tmp_path / "again.json"))
    again = files.read_json(tmp_path / "again.json")
    assert dataset.keys() <= again.keys()
    for key in ("description", "dataset_tagline", "driver", "dataset_tags", "compute_tag"):
        assert again[key] == dataset[key]
    (before,), (after,) = dataset["dataset"].values(), again["dataset"].values()
    assert before["attributes"].items() <= after["attributes"].items()
