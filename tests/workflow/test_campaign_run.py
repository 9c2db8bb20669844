"""A campaign with every kind of data, with GFN2-xTB as the reference so that it takes a minute."""

import json

import numpy as np
import pytest
import yaml

from checkout import XTB_SPEC, Checkout
from forceladder import files
from forceladder.tables import read_table
from forceladder.training_set.dataset import read_training_set, row_ranges

pytestmark = pytest.mark.workflow

MOLECULES = """\
id,smiles,split
peroxide,OO,train
methanol,CO,train
hydroxylamine,NO,train
water,O,test
"""
OTHER = "gfn2-xtb-tight"
SETTINGS = {
    "geometries": {
        "candidates_per_molecule": 3, "conformers_per_molecule": 1, "temperatures_kelvin": [300],
        "frames_per_temperature": 2, "frame_interval_fs": 50,
        "normal_mode_frames_per_temperature": 1,
        "torsion_scans": {
            "by_rule": True, "spacing_degrees": 60,
            "named": {"methanol": ["[H:1][C:2][O:3][H:4]"]},
        },
    },
    "qm": {
        "reference": XTB_SPEC, "compare": [OTHER], "threads": 1, "memory_mb": 500,
        "cost_per_shard": 100,
        "procedures": {
            "minima_per_molecule": 1, "hessians_per_molecule": 1, "spot_check_fraction": 0.5,
        },
        "specs": {
            OTHER: {"engine": "gfn2-xtb", "method": "gfn2-xtb", "keywords": {"accuracy": 0.01}},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("campaign"), MOLECULES, **SETTINGS)
    checkout.output = checkout.run().stdout
    assert checkout.release.is_dir(), checkout.output[-6000:]
    return checkout


def records_of(checkout, spec=XTB_SPEC):
    paths = sorted((checkout.results / "qm" / spec / "records").glob("*/*.jsonl.xz"))
    return {p.name.removesuffix(".jsonl.xz"): files.read_json_lines(p) for p in paths}


def test_training_set_holds_every_kind_of_data(run):
    dataset = read_training_set(run.results / "training_set.nc")
    kinds = set(dataset["geometry_kind"].values)
    assert kinds == {"conformer", "sampled", "normal_mode", "minimum", "torsion_scan"}
    assert dataset["scan_count"].values.tolist() == [1, 1, 1, 0]
    ranges = row_ranges(dataset)
    for m, atoms in enumerate(dataset["atom_count"].values):
        here = slice(*ranges["conformer"][m : m + 2])
        hessians = dataset["hessian_count"].values[here]
        minima = dataset["geometry_kind"].values[here] == "minimum"
        assert hessians[minima].tolist() == [(3 * atoms) ** 2]
        assert not hessians[~minima].any()
        scanned = dataset["geometry_kind"].values[here] == "torsion_scan"
        angles = dataset["scan_angle"].values[here][scanned]
        if dataset["scan_count"].values[m]:
            assert sorted(angles[:, 0]) == [-120, -60, 0, 60, 120, 180]
            assert np.isnan(angles[:, 1]).all()
    assert np.isfinite(dataset["bond_orders"].values).all()
    assert (dataset["level_of_theory"].values == "GFN2-xTB").all()


def test_scan_points_have_their_torsions_at_the_grid(run):
    for lines in records_of(run).values():
        for record in lines:
            scan = record["molecule"]["extras"].get("scan")
            if scan is None:
                continue
            (atoms,) = scan["torsions"]
            i, j, k, m = np.reshape(record["molecule"]["geometry"], (-1, 3))[atoms]
            axis = (k - j) / np.linalg.norm(k - j)
            one, two = np.cross(j - i, axis), np.cross(axis, m - k)
            angle = np.degrees(np.arctan2(np.cross(one, two) @ axis, one @ two))
            off = (angle - scan["angles_degrees"][0] + 180) % 360 - 180
            assert abs(off) < 0.5


def test_spot_checks_agree_and_are_recorded(run):
    checks = [
        record["extras"]["forceladder"]["finite_difference"]
        for lines in records_of(run).values()
        for record in lines
        if "finite_difference" in record["extras"]["forceladder"]
    ]
    assert len(checks) > 2
    for check in checks:
        # central differences at 0.02 Bohr miss (step²/6)·∂³E, 7e-5 for a stretching OH bond
        assert check["analytic"] == pytest.approx(check["numeric"], abs=2e-4)


def test_levels_are_compared_at_the_same_geometries(run):
    rows = read_table(run.results / "qm" / "levels.csv")
    assert {row["molecule"] for row in rows} == {"peroxide", "methanol", "hydroxylamine", "water"}
    for row in rows:
        assert int(row["geometries"]) == 4  # one conformer, two frames, one along the modes
        assert 0.0 < float(row["force_rms_kcal_per_angstrom"]) < 0.05  # the same method, tighter


def test_ledger_and_progress_account_for_everything(run):
    cached = run.cached()
    for spec in (XTB_SPEC, OTHER):
        rows = read_table(run.results / "qm" / spec / "ledger.csv")
        assert {row["outcome"] for row in rows} == {"success"}
        progress = files.read_json(run.results / "qm" / spec / "progress.json")
        counted = sum(int(float(row["calculations"])) for row in rows)
        assert progress["computed"] + progress["cached"] >= counted  # some served twice
        assert progress["computed"] <= len(cached)
        assert progress["cost_done"] == pytest.approx(progress["cost_total"])
        assert progress["failed"] == 0


def test_progress_can_be_asked_for_by_a_person(run):
    answer = run.forceladder("progress", "results/tiny")
    assert answer.returncode == 0, answer.stdout
    assert f"{XTB_SPEC}: 100%" in answer.stdout and f"{OTHER}: 100%" in answer.stdout
    summed = json.loads((run.results / "progress.json").read_text())
    assert set(summed) == {XTB_SPEC, OTHER}


def test_everything_comes_back_from_the_cache_alone(run):
    """Relaxations, scans and Hessians replay: no engine computes anything new."""
    before = records_of(run)
    files_before = run.cached()
    answer = run.run("--forcerun", "compute_qm", "--until", "compute_qm")
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert records_of(run) == before
    assert run.cached() == files_before
    assert files.read_json(run.results / "qm" / XTB_SPEC / "progress.json")["computed"] == 0


def test_a_fitted_rung_samples_the_next_geometries(run, tmp_path):
    frames = {
        "release": str(run.release), "rung": "class1", "frames_per_temperature": 2,
        "temperatures_kelvin": [300], "frame_interval_fs": 100,
    }  # fmt: skip
    geometries = SETTINGS["geometries"] | {"rung_frames": frames, "torsion_scans": {}}
    qm = {"reference": XTB_SPEC, "threads": 1, "memory_mb": 500, "cost_per_shard": 100}
    second = Checkout(tmp_path, MOLECULES, geometries=geometries, qm=qm)
    answer = second.run("--until", "build_training_set")
    assert answer.returncode == 0, answer.stdout[-3000:]
    dataset = read_training_set(second.results / "training_set.nc")
    sampled = dataset["geometry_kind"].values == "rung_sampled"
    assert sampled.sum() == 2 * 4
    assert (dataset["temperature"].values[sampled] == 300).all()


def test_a_qcsubmit_dataset_is_a_molecule_file_and_brings_its_geometries(run, tmp_path):
    """Written by one run, read by the next: torsion drive and all."""
    (path,) = (run.results / "qm" / XTB_SPEC / "datasets").glob("*/peroxide.torsion_scans.json.xz")
    value = files.read_json(path)
    frames = sum(len(entry["initial_molecules"]) for entry in value["dataset"].values())
    second = Checkout(tmp_path, MOLECULES, **{**SETTINGS, "qm": {**SETTINGS["qm"], "compare": []}})
    files.write_json(tmp_path / "drives.json.xz", value)
    settings = yaml.safe_load((tmp_path / "tiny.yaml").read_text())
    settings["molecules"]["file"] = "drives.json.xz"
    settings["geometries"]["torsion_scans"] = {"by_rule": False, "spacing_degrees": 60}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(settings))
    answer = second.run("--until", "judge_qm")
    assert answer.returncode == 0, answer.stdout[-3000:]
    ((_, lines),) = records_of(second).items()
    kinds = [record["molecule"]["extras"]["geometry_kind"] for record in lines]
    assert kinds.count("imported") == frames == 6
    assert kinds.count("torsion_scan") == 6
