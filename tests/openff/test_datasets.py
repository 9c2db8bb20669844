"""Datasets of QCSubmit's factories beside those of RDKit and plain JSON: the same calculations."""

import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import mol_of, read
from forceladder import files
from forceladder.errors import MoleculeError
from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.openff import datasets as theirs
from forceladder.openff.packages import HOW
from forceladder.openff.read import read_dataset
from forceladder.qm import datasets as ours
from forceladder.qm.tasks import make_task

pytest.importorskip("openff.qcsubmit", reason=f"openff-qcsubmit is not installed here; {HOW}.")

# Ions, stereo of each kind, P and S of odd valence, aromatic rings that OpenFF draws otherwise
MOLECULES = """
    CCO CC(=O)[O-] C[NH3+] NC(N)=[NH2+] C[C@H](N)C(=O)O F/C=C\\F C[C@H]1CC[C@@H](C)CC1
    COP(=O)([O-])OCC CCCC[P+](C)(C)C C[S@](=O)c1ccccc1 CS(=O)(=O)[O-] C[N+](=O)[O-]
    CN1C=NC2=C1C(=O)N(C(=O)N2C)C Cn1cc[n+](C)c1 [O-][n+]1ccccc1 CN=[N+]=[N-] OP(O)c1ccccc1 IC#C
""".split()
BUILDERS = ("gradient_dataset", "optimization_dataset", "torsiondrive_dataset")
SPELLED_BY_OPENFF = {
    "canonical_smiles", "canonical_isomeric_smiles", "canonical_explicit_hydrogen_smiles",
    "canonical_isomeric_explicit_hydrogen_smiles",
}  # fmt: skip


def geometries_of(smiles: str, count: int = 2) -> list[dict]:
    mol, geometries = mol_of(smiles), []
    for seed in range(1, count + 1):
        assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
        positions = mol.GetConformer().GetPositions()
        geometries.append({"positions": positions, "kind": "sampled", "temperature": 300.0})
    return geometries


def scanned(smiles: str) -> list[dict]:
    """Three points of a scan about one bond, one of a scan about two."""
    matches = mol_of(smiles).GetSubstructMatches(Chem.MolFromSmarts("[#1]-*-*-*"))
    torsions = list({tuple(sorted(match[1:3])): list(match) for match in matches}.values())
    scans = [
        {"index": 0, "torsions": torsions[:1], "spacing_degrees": [15.0]},
        {"index": 2, "torsions": torsions[:2], "spacing_degrees": [30.0, 30.0]},
    ]
    points = []
    for row, geometry in enumerate(geometries_of(smiles, count=4)):
        scan = scans[row // 3]
        angles = [15.0 * row - 165.0] * len(scan["torsions"])
        scan = scan | {"angles_degrees": angles}
        points.append(geometry | {"kind": "torsion_scan", "temperature": 0.0, "scan": scan})
    return points


def both(builder: str, smiles: str, spec) -> tuple[dict, dict]:
    """(RDKit's, QCSubmit's)"""
    geometries = scanned(smiles) if builder.startswith("torsion") else geometries_of(smiles)
    return tuple(
        getattr(room, builder)(read(smiles), geometries, "reference", spec)
        for room in (ours, theirs)
    )


@pytest.mark.parametrize("smiles", MOLECULES)
@pytest.mark.parametrize("builder", BUILDERS[:2])
def test_both_builders_make_the_same_molecules(builder, smiles, b3lyp_spec):
    one, two = both(builder, smiles, b3lyp_spec)
    (one_entry,), (two_entry,) = one["dataset"].values(), two["dataset"].values()
    for a, b in zip(one_entry["initial_molecules"], two_entry["initial_molecules"], strict=True):
        assert a["geometry"] == b["geometry"]  # to the last bit: it is part of a task's address
        assert a == {key: b[key] for key in a}
    for key, value in one_entry["attributes"].items():
        if key not in SPELLED_BY_OPENFF:
            assert two_entry["attributes"][key] == value, key


@pytest.mark.parametrize("smiles", [s for s in MOLECULES if s != "C[C@H]1CC[C@@H](C)CC1"])
def test_cmiles_that_openff_spells_otherwise_mean_the_same(smiles, b3lyp_spec):
    """But for 1,4-dimethylcyclohexane, whose cis and trans OpenFF does not tell apart."""
    parameters = Chem.SmilesParserParams()
    parameters.removeHs = False
    one, two = both("gradient_dataset", smiles, b3lyp_spec)
    (one,), (two,) = one["dataset"].values(), two["dataset"].values()
    for key in SPELLED_BY_OPENFF:
        spelled = [
            Chem.MolToSmiles(Chem.MolFromSmiles(entry["attributes"][key], parameters))
            for entry in (one, two)
        ]
        assert spelled[0] == spelled[1], key


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("name", ["b3lyp_spec", "xtb_spec"])
def test_both_builders_ask_for_the_same_calculations(builder, name, request):
    one, two = both(builder, "CCO", request.getfixturevalue(name))
    same = ("type", "driver", "dataset_name", "dataset_tagline", "description", "priority",
            "dataset_tags", "compute_tag", "qc_specifications", "filtered_molecules")  # fmt: skip
    assert {key: one[key] for key in same} == {key: two[key] for key in same}
    assert one["metadata"] == two["metadata"]
    for key in ("grid_spacing", "energy_upper_limit", "dihedral_ranges"):
        assert one.get(key) == two.get(key)
    procedures = one.get("optimization_procedure", {}), two.get("optimization_procedure", {})
    assert procedures[0].items() <= procedures[1].items()
    assert one["dataset"].keys() == two["dataset"].keys()
    for index, entry in one["dataset"].items():
        other = two["dataset"][index]
        assert entry["index"] == other["index"] and entry["extras"] == other["extras"]
        assert entry.get("dihedrals") == other.get("dihedrals")
        assert entry["keywords"].items() <= other["keywords"].items()
        assert entry.get("constraints", {}) == other.get("constraints", {})


def test_both_builders_lead_to_the_same_task(b3lyp_spec):
    """So that the cache answers whichever built the dataset."""
    digests = []
    for dataset in both("gradient_dataset", "C[C@H](N)C(=O)O", b3lyp_spec):
        (entry,) = dataset["dataset"].values()
        tasks = [make_task(m, b3lyp_spec, "1.3.2") for m in entry["initial_molecules"]]
        digests.append([task["digest"] for task in tasks])
    assert digests[0] == digests[1]


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("room", [ours, theirs], ids=["rdkit", "qcsubmit"])
def test_qcsubmit_loads_them_and_loses_nothing(tmp_path, builder, room, b3lyp_spec):
    from openff.qcsubmit.datasets import load_dataset

    smiles = "C[C@H](N)C(=O)[O-]"
    geometries = scanned(smiles) if builder.startswith("torsion") else geometries_of(smiles)
    dataset = getattr(room, builder)(read(smiles), geometries, "reference", b3lyp_spec)
    files.write_json(tmp_path / "dataset.json.xz", dataset)
    loaded = load_dataset(str(tmp_path / "dataset.json.xz"))
    if not builder.startswith("torsion"):  # of these QCSubmit makes no tasks
        ((program, tasks),) = loaded.to_tasks().items()
        assert program == ("psi4" if builder == "gradient_dataset" else "geometric")
        assert len(tasks) == len(geometries)
    loaded.export_dataset(str(tmp_path / "again.json"))
    again = files.read_json(tmp_path / "again.json")
    again["metadata"]["elements"].sort()
    assert_contains(again, json.loads(json.dumps(dataset)))


def assert_contains(whole, part, path=""):
    """`whole` has all that `part` has; geometries to the eighth decimal, as QCElemental keeps."""
    if isinstance(part, dict):
        assert part.keys() <= whole.keys() | {"trajectory"}, path  # QCElemental leaves defaults out
        for key in part.keys() & whole.keys():
            if key == "geometry":
                np.testing.assert_allclose(whole[key], part[key], atol=5.1e-9, rtol=0.0)
            else:
                assert_contains(whole[key], part[key], f"{path}/{key}")
    elif isinstance(part, list) and part and isinstance(part[0], dict):
        for row, (one, two) in enumerate(zip(whole, part, strict=True)):
            assert_contains(one, two, f"{path}/{row}")
    else:
        assert whole == part, path


def test_a_geometry_that_qcsubmit_built_keeps_all_digits_in_qcsubmit(tmp_path, b3lyp_spec):
    geometries = geometries_of("CCO")
    dataset = theirs.gradient_dataset(read("CCO"), geometries, "reference", b3lyp_spec)
    files.write_json(tmp_path / "dataset.json.xz", dataset)
    ((_, again),) = read_dataset(tmp_path / "dataset.json.xz")
    for one, two in zip(geometries, again, strict=True):
        np.testing.assert_allclose(one["positions"], two["positions"], rtol=0.0, atol=1e-14)


def test_equal_inputs_give_equal_datasets(b3lyp_spec):
    for builder in BUILDERS:
        one, two = (both(builder, "CCO", b3lyp_spec)[1] for _ in range(2))
        assert json.dumps(one) == json.dumps(two)


def test_multiplicity_is_that_of_the_molecule(b3lyp_spec):
    triplet = read("C=C", multiplicity="3")
    dataset = theirs.gradient_dataset(triplet, geometries_of("C=C"), "reference", b3lyp_spec)
    (entry,) = dataset["dataset"].values()
    assert [m["molecular_multiplicity"] for m in entry["initial_molecules"]] == [3, 3]


def test_a_radical_is_refused_in_a_sentence(b3lyp_spec):
    with pytest.raises(MoleculeError, match="is a radical, which OpenFF does not know") as raised:
        both("gradient_dataset", "[CH3]", b3lyp_spec)
    assert raised.value.code == "not_in_openff"


def test_the_mapped_smiles_is_ours_and_keeps_what_openff_loses(b3lyp_spec):
    smiles = "C[C@H]1CC[C@@H](C)CC1"
    _, dataset = both("gradient_dataset", smiles, b3lyp_spec)
    (entry,) = dataset["dataset"].values()
    kept = Chem.RemoveHs(molecule_from_mapped_smiles(entry["attributes"][MAPPED]))
    assert Chem.MolToSmiles(kept) == Chem.CanonSmiles(smiles)
    assert "@" not in entry["attributes"]["canonical_isomeric_smiles"]  # if not: mend the docstring
