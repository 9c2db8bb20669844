"""Dataset files are what QCSubmit, QCElemental and the geometry itself say they are."""

import numpy as np
import pytest
import qcelemental
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import SMILES, mol_of, read
from forceladder import files
from forceladder.molecules.connectivity import perceived_bonds
from forceladder.molecules.listing import MAPPED
from forceladder.qm.datasets import build_datasets, gradient_dataset
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


# kinds of datasets


PROCEDURES = {"minima_per_molecule": 2, "torsion_scans": "relaxed"}
GLYCOL = {**read("OCCO"), "id": "glycol"}


def at_random(kind: str, temperature: float, seed: int, scan=None) -> dict:
    """A geometry of glycol as far as a dataset looks at it."""
    positions = np.random.default_rng(seed).normal(size=(10, 3))
    geometry = {"positions": positions, "kind": kind, "temperature": temperature}
    return geometry | ({"scan": scan} if scan else {})


def point(index: int, *angles: float) -> dict:
    torsions = [[0, 1, 2, 3], [4, 0, 1, 2]][: len(angles)]
    scan = {"index": index, "torsions": torsions, "spacing_degrees": [120] * len(angles)}
    return scan | {"angles_degrees": list(angles)}


@pytest.fixture
def glycol():
    """Three conformers, an MD frame, an imported geometry, a 1-D scan and a 2-D one."""
    return [
        *(at_random("conformer", 0.0, seed) for seed in range(3)),
        at_random("sampled", 300.0, 3),
        at_random("imported", 0.0, 4),
        *(
            at_random("torsion_scan", 0.0, 5 + k, point(0, angle))
            for k, angle in enumerate((-60.0, 60.0, 180.0))
        ),
        *(
            at_random("torsion_scan", 0.0, 8 + k, point(2, angle, 60.0))
            for k, angle in enumerate((-60.0, 180.0))
        ),
    ]


def molecules_of(dataset) -> list[dict]:
    return [m for entry in dataset["dataset"].values() for m in entry["initial_molecules"]]


def where(molecules, geometries) -> list[int]:
    """Which of the geometries these molecules are."""
    rows = {tuple(np.ravel(g["positions"]) / BOHR_IN_ANGSTROM): k for k, g in enumerate(geometries)}
    return [rows[tuple(molecule["geometry"])] for molecule in molecules]


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, {"gradients": [0, 1, 2, 3, 4], "minima": [0, 1], "torsion_scans": [5, 6, 7, 8, 9]}),
        ({"minima_per_molecule": 0},
         {"gradients": [0, 1, 2, 3, 4], "torsion_scans": [5, 6, 7, 8, 9]}),
        ({"minima_per_molecule": 9, "torsion_scans": "wavefront"},
         {"gradients": [0, 1, 2, 3, 4], "minima": [0, 1, 2], "torsion_scans": [5, 6, 7, 8, 9]}),
        ({"torsion_scans": "fixed"}, {"gradients": [*range(10)], "minima": [0, 1]}),
        ({"torsion_scans": "none"}, {"gradients": [0, 1, 2, 3, 4], "minima": [0, 1]}),
    ],
)  # fmt: skip
def test_every_geometry_goes_where_the_procedures_say(glycol, xtb_spec, changes, expected):
    """The conformers that are relaxed are the first ones, which are the lowest."""
    datasets = build_datasets(GLYCOL, glycol, "spec", xtb_spec, PROCEDURES | changes)
    found = {kind: where(molecules_of(dataset), glycol) for kind, dataset in datasets.items()}
    assert found == expected


def test_molecule_without_geometries_has_no_dataset(xtb_spec):
    assert build_datasets(GLYCOL, [], "spec", xtb_spec, PROCEDURES) == {}


def test_each_scan_is_an_entry_with_its_torsions_and_grid(glycol, b3lyp_spec):
    dataset = build_datasets(GLYCOL, glycol, "spec", b3lyp_spec, PROCEDURES)["torsion_scans"]
    one, two = dataset["dataset"].values()
    assert list(dataset["dataset"]) == [one["index"], two["index"]]
    assert one["dihedrals"] == [[0, 1, 2, 3]]
    assert two["dihedrals"] == [[0, 1, 2, 3], [4, 0, 1, 2]]
    assert [entry["keywords"]["grid_spacing"] for entry in (one, two)] == [[120], [120, 120]]
    scans = [[m["extras"]["scan"] for m in entry["initial_molecules"]] for entry in (one, two)]
    assert [scan["angles_degrees"] for scan in scans[0]] == [[-60.0], [60.0], [180.0]]
    assert [scan["index"] for scan in scans[1]] == [2, 2]
    assert one["attributes"] == two["attributes"]


def test_only_points_of_a_scan_carry_one(glycol, xtb_spec):
    datasets = build_datasets(GLYCOL, glycol, "spec", xtb_spec, PROCEDURES)
    for kind in ("gradients", "minima"):
        assert not any("scan" in m["extras"] for m in molecules_of(datasets[kind]))


def relaxed_scan(smiles, torsions, angles, index=0):
    """Points of a scan at embedded geometries; QCSubmit looks at their bonds, not at angles."""
    mol = mol_of(smiles)
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    AllChem.UFFOptimizeMolecule(mol)
    positions = mol.GetConformer().GetPositions()
    scan = {"index": index, "torsions": torsions, "spacing_degrees": [120] * len(torsions)}
    return [
        {"positions": positions + 1e-3 * k, "kind": "torsion_scan", "temperature": 0.0,
         "scan": scan | {"angles_degrees": list(place)}}
        for k, place in enumerate(angles)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["b3lyp_spec", "xtb_spec"])
def test_qcsubmit_loads_minima_and_scans_and_loses_nothing(tmp_path, request, name):
    """Also one and two torsions in one dataset."""
    pytest.importorskip("openff.qcsubmit")
    from openff.qcsubmit.datasets import (
        OptimizationDataset,
        TorsiondriveDataset,
        load_dataset,
    )

    conformers = [
        g | {"kind": "conformer"} for g in dataset_of("OCCO", request.getfixturevalue(name))[1]
    ]
    one = relaxed_scan("OCCO", [[0, 1, 2, 3]], [(-60.0,), (60.0,), (180.0,)])
    two = relaxed_scan("OCCO", [[0, 1, 2, 3], [4, 0, 1, 2]], [(60.0, 60.0), (60.0, 180.0)], 1)
    spec = request.getfixturevalue(name)
    datasets = build_datasets(GLYCOL, conformers + one + two, "spec", spec, PROCEDURES)
    loaded = {}
    for kind, dataset in datasets.items():
        files.write_json(tmp_path / f"{kind}.json.xz", dataset)
        loaded[kind] = load_dataset(str(tmp_path / f"{kind}.json.xz"))
        loaded[kind].export_dataset(str(tmp_path / "again.json"))
        again = files.read_json(tmp_path / "again.json")
        assert dataset.keys() <= again.keys()
        for before, after in zip(molecules_of(dataset), molecules_of(again), strict=True):
            assert after["geometry"] == pytest.approx(before["geometry"], abs=1e-8)
            assert after["extras"] == before["extras"]
    assert isinstance(loaded["minima"], OptimizationDataset)
    assert isinstance(loaded["torsion_scans"], TorsiondriveDataset)
    assert len(loaded["minima"].dataset["glycol"].initial_molecules) == 2
    first, second = loaded["torsion_scans"].dataset.values()
    assert [list(map(list, e.dihedrals)) for e in (first, second)] == [
        one[0]["scan"]["torsions"], two[0]["scan"]["torsions"]
    ]  # fmt: skip
    assert list(first.keywords.grid_spacing) == [120]
    assert list(second.keywords.grid_spacing) == [120, 120]
    for entry in (first, second):
        assert entry.get_off_molecule().to_inchikey() == GLYCOL["inchikey"]
