"""Results of a real QCFractal server, over HTTP and from views; see data/README.md."""

import json
from collections import defaultdict

import numpy as np
import pytest
from rdkit import Chem

from forceladder import files
from forceladder.cli import main
from forceladder.errors import ConfigError, CorruptFileError, HouseError
from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.openff import qcarchive as module
from forceladder.openff.packages import HOW
from forceladder.openff.qcarchive import numbered_scans, portal, pull_results
from forceladder.qm import engines
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.training_set.build import record_conformer
from forceladder.training_set.dataset import read_training_set
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
    KCAL_IN_KJ,
)
from forceladder.validate.baselines import uff

pytest.importorskip("openff.qcsubmit", reason=f"openff-qcsubmit is not installed here; {HOW}.")

KINDS = {
    "gradients": "singlepoint", "energies": "singlepoint", "hessians": "singlepoint",
    "minima": "optimization", "scans": "torsiondrive",
}  # fmt: skip
# QCEngine 0.34.2 takes RDKit's kcal for kJ, and for gradients Å for Bohr the wrong way round, so
# that its numbers have to be multiplied by these to be RDKit's.
RDKIT_ENERGY = KCAL_IN_KJ
RDKIT_GRADIENT = KCAL_IN_KJ * BOHR_IN_ANGSTROM**2


def source(qcarchive, name: str) -> dict:
    return {"server": qcarchive.address, "kind": KINDS[name], "datasets": [name]}


def ours(line: dict) -> dict:
    return line["extras"]["forceladder"]


def positions(line: dict) -> np.ndarray:
    return np.reshape(line["molecule"]["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM


def collection_file(path, qcarchive, name: str, change=lambda entry: entry):
    """A collection of one data set, as QCSubmit writes it; each entry changed on the way."""
    collection = module.asked_collection(**source(qcarchive, name))
    value = json.loads(collection.json())
    value["entries"] = {k: [change(e) for e in entries] for k, entries in value["entries"].items()}
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("name", KINDS)
def test_a_view_and_the_server_tell_the_same(tmp_path, view, qcarchive, name):
    def told(lines):
        """Record ids and lines without what differs by source, sorted by record."""
        found = []
        for line in lines:
            said = ours(line).pop("qcarchive")
            address = ours(line).pop("task_digest")
            assert line.pop("id") == address
            found.append((said["record_id"], line))
        return sorted(found, key=lambda pair: pair[0])

    asked = told(pull_results(source(qcarchive, name), tmp_path))
    assert asked and asked == told(pull_results(view(name), tmp_path))


@pytest.mark.parametrize("name, count", [("minima", 2), ("scans", 6)])
def test_what_failed_or_was_cancelled_is_no_result(tmp_path, view, name, count):
    assert len(list(pull_results(view(name), tmp_path))) == count


@pytest.mark.parametrize("name", ["energies", "minima", "scans"])
def test_energies_and_gradients_are_those_that_rdkit_has_for_these_geometries(tmp_path, view, name):
    for line in pull_results(view(name), tmp_path):
        mol = molecule_from_mapped_smiles(line["molecule"]["extras"][MAPPED])
        energy, gradient = uff(mol, 0).many(positions(line)[None])
        found = line["properties"]["return_energy"] * HARTREE_IN_KCAL * RDKIT_ENERGY
        assert found == pytest.approx(energy[0], rel=1e-6, abs=1e-6)
        assert ours(line)["level_of_theory"] == "UFF"
        if name == "energies":
            assert line["driver"] == "energy"
            assert line["return_result"] == line["properties"]["return_energy"]
        else:
            assert line["driver"] == "gradient"
            slope = np.reshape(line["return_result"], (-1, 3))
            slope = slope * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM * RDKIT_GRADIENT
            np.testing.assert_allclose(slope, gradient[0], atol=1e-5)


def test_all_properties_are_those_that_our_own_psi4_gives(tmp_path, view, psi4_version):
    """Units above all: this record's Psi4 wrote moments in Debye, and formate is charged."""
    spec = {"engine": "psi4", "method": "hf", "basis": "sto-3g"}
    lines = pull_results(view("gradients"), tmp_path)
    (line,) = (line for line in lines if line["molecule"]["molecular_charge"] == -1)
    task = make_task(line["molecule"], spec, psi4_version)
    with engines.EngineProcess("psi4", threads=1) as engine:
        expected = make_record(task, line["molecule"], engine.compute(task, 500, 300))
    assert ours(line)["level_of_theory"] == ours(expected)["level_of_theory"] == "HF/STO-3G"
    one, two = line["properties"], expected["properties"]
    assert one["return_energy"] == pytest.approx(two["return_energy"], abs=1e-7)
    np.testing.assert_allclose(line["return_result"], expected["return_result"], atol=1e-6)
    np.testing.assert_allclose(one["scf_dipole_moment"], two["scf_dipole_moment"], atol=1e-5)
    np.testing.assert_allclose(
        one["scf_quadrupole_moment"], two["scf_quadrupole_moment"], atol=1e-4
    )
    np.testing.assert_allclose(
        ours(line)["wiberg_bond_orders"], ours(expected)["wiberg_bond_orders"], atol=1e-5
    )


def test_a_hessian_is_symmetric_and_lets_the_molecule_move_and_turn(tmp_path, view):
    (line,) = pull_results(view("hessians"), tmp_path)
    assert line["driver"] == "energy"  # there is no gradient in this record
    hessian = np.reshape(ours(line)["hessian"], (9, 9))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-8)
    np.testing.assert_allclose(hessian.reshape(9, 3, 3).sum(axis=1), 0.0, atol=1e-4)
    assert line["properties"]["return_energy"] == pytest.approx(-74.96, abs=0.01)


def test_a_minimum_is_one(tmp_path, view):
    for line in pull_results(view("minima"), tmp_path):
        assert line["molecule"]["extras"]["geometry_kind"] == "minimum"
        assert np.abs(line["return_result"]).max() < 4.5e-4  # Hartree/Bohr, geomeTRIC's GAU
        assert ours(line)["procedure"]["converged"]


def test_a_torsion_drive_has_all_points_each_at_its_angle(tmp_path, view):
    lines = list(pull_results(view("scans"), tmp_path))
    angles = [line["molecule"]["extras"]["scan"]["angles_degrees"] for line in lines]
    assert angles == [[-120.0], [-60.0], [0.0], [60.0], [120.0], [180.0]]
    for line in lines:
        scan = line["molecule"]["extras"]["scan"]
        assert scan["torsions"] == [[2, 0, 1, 3]] and scan["spacing_degrees"] == [60.0]
        assert line["molecule"]["extras"]["geometry_kind"] == "torsion_scan"
        conformer = Chem.Conformer(4)
        conformer.SetPositions(positions(line))
        angle = Chem.rdMolTransforms.GetDihedralDeg(conformer, 2, 0, 1, 3)
        off = (angle - scan["angles_degrees"][0] + 180.0) % 360.0 - 180.0
        assert off == pytest.approx(0.0, abs=0.01)


def test_gradients_come_from_the_trajectory_where_a_search_does_not_find_them(tmp_path, qcarchive):
    found = list(pull_results(source(qcarchive, "minima"), tmp_path / "search"))
    nothing = {q: (200, []) for q in qcarchive.answers if "/singlepoint/query" in q}
    qcarchive.answers = qcarchive.answers | nothing
    assert list(pull_results(source(qcarchive, "minima"), tmp_path / "trajectory")) == found
    assert any("/trajectory" in question for question in qcarchive.asked)


def test_records_keep_whence_they_came(tmp_path, qcarchive):
    for name, kind in (("gradients", "singlepoint"), ("scans", "optimization")):
        lines = list(pull_results(source(qcarchive, name), tmp_path))
        for line in lines:
            said = ours(line)["qcarchive"]
            assert said["server"] == qcarchive.address
            assert said["record_type"] == kind
        assert len({line["id"] for line in lines}) == len(lines)
    assert {ours(line)["qcarchive"]["torsiondrive_id"] for line in lines} == {9}


def test_a_training_set_takes_the_lines_as_it_takes_our_own(tmp_path, view):
    for line in pull_results(view("gradients"), tmp_path):
        conformer = record_conformer(line)
        np.testing.assert_allclose(conformer["positions"], positions(line))
        assert conformer["energy"] == line["properties"]["return_energy"] * HARTREE_IN_KCAL
        assert conformer["geometry_kind"] == "imported"
        assert np.isfinite(conformer["gradients"]).all()
        assert conformer["bond_orders"].shape == (len(conformer["positions"]),) * 2
        assert np.abs(conformer["gradients"].sum(axis=0)).max() < 1e-3  # kcal/mol/Å
        assert np.isfinite(conformer["quadrupole"]).all()
        # formal charges and lone pairs aside, the Wiberg order of a C–O bond is one to two
        assert 0.9 < conformer["bond_orders"][0, 1] < 2.0


def test_the_second_time_nobody_is_asked(tmp_path, qcarchive):
    first = list(pull_results(source(qcarchive, "scans"), tmp_path))
    count = len(qcarchive.asked)
    qcarchive.silent = True
    assert list(pull_results(source(qcarchive, "scans"), tmp_path)) == first
    assert len(qcarchive.asked) == count > 0


def test_a_pull_that_was_cut_off_goes_on_where_it_was(tmp_path, qcarchive, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    portal(qcarchive.address).retry_max = 0  # waits half a minute otherwise
    lines = pull_results(source(qcarchive, "gradients"), tmp_path)
    first = next(lines)
    qcarchive.silent = True
    with pytest.raises(HouseError, match=r"gave no answer.*run again"):
        next(lines)
    qcarchive.silent, before = False, len(qcarchive.asked)
    again = list(pull_results(source(qcarchive, "gradients"), tmp_path))
    assert again[0] == first and len(again) == 3
    (number,) = {ours(first)["qcarchive"]["record_id"]}
    assert not [q for q in qcarchive.asked[before:] if f'"ids": [{number}]' in q]


def test_a_collection_file_is_a_source(tmp_path, qcarchive):
    path = collection_file(tmp_path / "collection.json", qcarchive, "minima")
    assert [ours(line)["qcarchive"]["record_id"] for line in pull_results(path, tmp_path)] == [6, 7]


def test_a_geometry_of_another_molecule_is_left_out_by_name(tmp_path, qcarchive, caplog):
    def swapped(entry):  # the mapped SMILES of the second record no longer fits its atoms
        if entry["record_id"] != 7:
            return entry
        return entry | {"cmiles": "[C:2]([O:1][H:6])([H:3])([H:4])[H:5]"}

    path = collection_file(tmp_path / "collection.json", qcarchive, "minima", swapped)
    assert [ours(line)["qcarchive"]["record_id"] for line in pull_results(path, tmp_path)] == [6]
    assert "record 7 of" in caplog.text and "atoms of the geometry" in caplog.text


def test_torsion_drives_are_numbered_within_their_molecule():
    def line(smiles, drive):
        extras = {MAPPED: smiles, "scan": {"index": 0}}
        return {
            "molecule": {"extras": extras},
            "extras": {"forceladder": {"qcarchive": {"torsiondrive_id": drive}}},
        }

    scans = defaultdict(dict)
    lines = [line("a", 5), line("b", 6), line("a", 7), line("a", 5)]
    found = [x["molecule"]["extras"]["scan"]["index"] for x in numbered_scans(lines, scans)]
    assert found == [0, 0, 1, 0]


@pytest.mark.parametrize(
    "content, error, words",
    [
        (None, ConfigError, "does not exist"),
        ("{", CorruptFileError, "cannot be read"),
        ('{"type": "DataSet"}', ConfigError, "not a result collection.*'DataSet'"),
        ('{"type": "BasicResultCollection", "entries": 3}', CorruptFileError, "accepts"),
    ],
)
def test_what_is_no_collection_is_said_in_a_sentence(tmp_path, content, error, words):
    path = tmp_path / "collection.json"
    if content:
        path.write_text(content)
    with pytest.raises(error, match=words):
        list(pull_results(path, tmp_path))


def test_unknown_names_are_said_in_a_sentence(tmp_path, view, qcarchive):
    with pytest.raises(ConfigError, match="no specification 'other'; it has default"):
        list(pull_results(view("minima"), tmp_path, spec="other"))
    with pytest.raises(ConfigError, match="kind 'minima' is not one of singlepoint"):
        list(pull_results(source(qcarchive, "minima") | {"kind": "minima"}, tmp_path))
    with pytest.raises(ConfigError, match="does not contain a 'other'"):
        list(pull_results(source(qcarchive, "minima") | {"spec": "other"}, tmp_path))
    with pytest.raises(HouseError, match="Could not find Optimization dataset"):
        list(pull_results(source(qcarchive, "minima") | {"datasets": ["nothing"]}, tmp_path))
    assert not list(tmp_path.glob("collection-*"))


def test_lines_are_plain_json(tmp_path, view):
    for name in KINDS:
        lines = list(pull_results(view(name), tmp_path))
        files.write_json_lines(tmp_path / "lines.jsonl.xz", lines)
        assert files.read_json_lines(tmp_path / "lines.jsonl.xz") == lines


def test_pulled_view_becomes_a_training_set_from_the_command_line(view, tmp_path, capsys):
    """forceladder pull, then forceladder import: what an import in the config reads as well."""
    lines, out = tmp_path / "lines.jsonl.xz", tmp_path / "set.nc"
    command = ["pull", str(view("gradients")), str(lines), "--cache", str(tmp_path / "cache")]
    assert main(command) == 0
    pulled = files.read_json_lines(lines)
    assert f"{len(pulled)} records" in capsys.readouterr().out
    assert main(["import", "--format", "qcschema", str(lines), str(out)]) == 0
    dataset = read_training_set(out)
    assert dataset.sizes["conformer"] == len(pulled)
