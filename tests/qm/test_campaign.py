"""A shard computes what the cache lacks, once, whatever becomes of the job."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import psutil
import pytest
import qcelemental
from rdkit.Chem import AllChem

from conftest import SCRIPTS
from examples import mol_of, read
from forceladder import files
from forceladder.errors import CorruptFileError, KilledError, VersionError
from forceladder.qm.campaign import compute_shard, dataset_entries
from forceladder.qm.datasets import gradient_dataset
from forceladder.qm.ledger import total_ledger
from forceladder.qm.scratch import PREFIX

RETRIES = {"scf": 3, "died": 1, "time_factors": [3], "memory_factors": [1.5]}
LIMITS = {"memory_mb": 500, "time_limit_s": 300, "retries": RETRIES}
PROCEDURES = {
    "minima_per_molecule": 0, "hessians_per_molecule": 0, "saddle_wavenumber_per_cm": 30,
    "hessian_step_angstrom": 0.005,
    "torsion_scans": "relaxed", "convergence": "GAU", "max_steps": 100, "spot_check_fraction": 0.0,
}  # fmt: skip


def write_dataset(folder, name, smiles, spec, geometries):
    """Dataset file of a molecule: a number of embedded geometries, or positions in Å."""
    mol = mol_of(smiles)
    if isinstance(geometries, int):
        AllChem.EmbedMolecule(mol, randomSeed=1)
        positions = mol.GetConformer().GetPositions()
        noise = np.random.default_rng(1)
        geometries = [positions + noise.normal(scale=0.02, size=positions.shape)
                      for _ in range(geometries)]  # fmt: skip
    geometries = [{"positions": p, "kind": "conformer", "temperature": 0.0} for p in geometries]
    dataset = gradient_dataset({**read(smiles), "id": name}, geometries, "spec", spec)
    files.write_json(folder / f"{name}.gradients.json.xz", dataset)


def listed(folder):
    """A folder of datasets as its rule leaves it, with the list of its files."""
    names = sorted(path.name for path in folder.glob("*.json.xz"))
    files.write_json(folder / files.CONTENTS, names)
    return folder


@pytest.fixture
def shard(tmp_path, xtb_spec, scratch_root):
    (tmp_path / "datasets").mkdir()
    write_dataset(tmp_path / "datasets", "water", "O", xtb_spec, 3)
    write_dataset(tmp_path / "datasets", "ethanol", "CCO", xtb_spec, 2)
    return tmp_path


def compute(folder, spec, limits=LIMITS):
    """Run the shard; returns records by molecule and how many tasks the cache already held."""
    progress = folder / "qm" / "progress" / f"{threading.get_ident()}.json"
    compute_shard(
        listed(folder / "datasets"), folder / "records", spec, folder / "cache", 1, limits,
        PROCEDURES, progress_file=progress,
    )  # fmt: skip
    return records_of(folder), files.read_json(progress)["cached"]


def records_of(folder):
    paths = sorted((folder / "records").glob("*.jsonl.xz"))
    return {path.name.removesuffix(".jsonl.xz"): files.read_json_lines(path) for path in paths}


def cached_files(folder):
    """Successes in the cache."""
    found = (folder / "cache").rglob("*.json.xz")
    return sorted(path for path in found if ".failed." not in path.name)


def test_every_geometry_gets_its_record_in_its_place(shard, xtb_spec):
    records, _ = compute(shard, xtb_spec)
    assert {name: len(lines) for name, lines in records.items()} == {"water": 3, "ethanol": 2}
    for name, lines in records.items():
        (molecules,) = dataset_entries(shard / "datasets" / f"{name}.gradients.json.xz")
        assert [line["molecule"] for line in lines] == molecules
        for line in lines:
            qcelemental.models.AtomicResult(**line)


def test_second_run_computes_nothing_and_writes_the_same_bytes(shard, xtb_spec):
    assert compute(shard, xtb_spec)[1] == 0
    before = {path.name: path.read_bytes() for path in (shard / "records").iterdir()}
    stamps = [path.stat().st_mtime_ns for path in cached_files(shard)]
    assert compute(shard, xtb_spec)[1] == 5
    assert {path.name: path.read_bytes() for path in (shard / "records").iterdir()} == before
    assert [path.stat().st_mtime_ns for path in cached_files(shard)] == stamps


def test_new_molecule_costs_itself_alone(shard, xtb_spec):
    compute(shard, xtb_spec)
    write_dataset(shard / "datasets", "methane", "C", xtb_spec, 2)
    records, cached = compute(shard, xtb_spec)
    assert cached == 5
    assert len(records["methane"]) == 2


def test_damaged_cache_entry_is_computed_again_with_the_same_result(shard, xtb_spec):
    before, _ = compute(shard, xtb_spec)
    flipped, cut = cached_files(shard)[:2]
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-20])
    after, cached = compute(shard, xtb_spec)
    assert cached == 3
    assert len(list((shard / "cache").rglob("*.damaged"))) == 2
    for name, lines in before.items():
        for old, new in zip(lines, after[name], strict=True):
            np.testing.assert_allclose(new["return_result"], old["return_result"], atol=1e-12)


def test_failed_task_is_a_record_and_no_success(shard, xtb_spec):
    """Two hydrogens upon each other: the engine refuses; the neighbours are computed."""
    good = [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]]
    bad = [[0, 0, 0], [0.76, 0.59, 0], [0.76, 0.59, 0]]
    (shard / "datasets" / "ethanol.gradients.json.xz").unlink()
    write_dataset(shard / "datasets", "water", "O", xtb_spec, np.array([good, bad, good]))
    records, _ = compute(shard, xtb_spec)
    assert [record["success"] for record in records["water"]] == [True, False, True]
    qcelemental.models.FailedOperation(**records["water"][1])
    assert len(cached_files(shard)) == 1  # the two good ones are the same task
    assert compute(shard, xtb_spec)[1] == 3  # and the failure is remembered


class Killer(threading.Thread):
    """Kills the first `times` engine processes of this process with -9, as an OOM killer would."""

    def __init__(self, times: int):
        super().__init__(daemon=True)
        self.times, self.stop = times, False

    def run(self):
        killed = set()
        while len(killed) < self.times and not self.stop:
            for child in psutil.Process().children():
                if child.pid not in killed and "xtb_runner.py" in " ".join(child.cmdline()):
                    child.kill()
                    killed.add(child.pid)
            time.sleep(0.01)

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self.stop = True
        self.join()


def test_an_engine_killed_once_is_tried_again_and_nothing_is_missing(shard, xtb_spec):
    with Killer(times=1):
        records, _ = compute(shard, xtb_spec)
    assert [r["success"] for r in records["water"] + records["ethanol"]] == [True] * 5


def test_an_engine_killed_twice_stops_the_shard_writes_no_record_and_keeps_the_rest(
    shard, xtb_spec
):
    """A failed record would stay for ever; without records the rerun computes what is missing."""
    with Killer(times=6), pytest.raises(KilledError, match="was killed twice while it computed"):
        compute(shard, xtb_spec)
    assert not (shard / "records").exists()
    records, _ = compute(shard, xtb_spec)
    assert [r["success"] for r in records["water"] + records["ethanol"]] == [True] * 5


def test_another_engine_version_than_the_runs_is_refused_by_name(shard, xtb_spec):
    folders = listed(shard / "datasets"), shard / "records"
    with pytest.raises(VersionError, match=r"this run began with tblite 0\.1"):
        compute_shard(
            *folders, xtb_spec, shard / "cache", 1, LIMITS, PROCEDURES, engine_version="tblite 0.1"
        )
    assert not (shard / "records").exists()


def test_two_jobs_of_the_same_shard_at_once_compute_it_once(shard, xtb_spec, caplog):
    """An orphan of a killed run and its successor: the second waits, and finds all in the cache."""
    found = []
    jobs = [
        threading.Thread(target=lambda: found.append(compute(shard, xtb_spec)[1])) for _ in range(2)
    ]
    with caplog.at_level("INFO", logger="forceladder"):
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    assert sorted(found) == [0, 5]
    assert "another process computes these tasks" in caplog.text


def test_empty_shard_writes_an_empty_folder(tmp_path, xtb_spec, scratch_root):
    (tmp_path / "datasets").mkdir()
    assert compute(tmp_path, xtb_spec)[0] == {}
    assert (tmp_path / "records").is_dir()


def test_dataset_that_is_gone_stops_the_shard_and_names_the_folder(shard, xtb_spec):
    """Snakemake does not notice: a molecule would be lost without a word."""
    folder = listed(shard / "datasets")
    (folder / "water.gradients.json.xz").unlink()
    with pytest.raises(CorruptFileError, match=rf"is gone; delete the folder {folder} and run"):
        compute_shard(folder, shard / "records", xtb_spec, shard / "cache", 1, LIMITS, PROCEDURES)


def test_records_are_listed_and_a_damaged_one_names_its_folder(shard, xtb_spec):
    compute(shard, xtb_spec)
    paths = files.members(shard / "records", "*.jsonl.xz")
    assert [path.name for path in paths] == ["ethanol.jsonl.xz", "water.jsonl.xz"]
    paths[0].write_bytes(paths[0].read_bytes()[:-9])
    with pytest.raises(CorruptFileError, match=r"delete the folder .*records and run again"):
        files.read_json_lines(paths[0])


def test_dataset_of_another_kind_is_named(tmp_path):
    files.write_json(tmp_path / "a.json.xz", {"type": "DataSet"})
    with pytest.raises(CorruptFileError, match=r"a\.json\.xz has no 'dataset'"):
        dataset_entries(tmp_path / "a.json.xz")


def test_killed_job_has_lost_nothing_but_the_task_under_way(shard, xtb_spec, scratch_root):
    """kill -9 of the job: its engine dies with it, what was finished is kept, scratch is swept."""
    for path in (shard / "datasets").iterdir():
        path.unlink()
    write_dataset(shard / "datasets", "decane", "C" * 10, xtb_spec, 150)
    program = f"""
        from forceladder.qm.campaign import compute_shard
        folder = {str(shard)!r}
        compute_shard(f"{{folder}}/datasets", f"{{folder}}/records", {xtb_spec!r},
                      f"{{folder}}/cache", 1, {LIMITS!r}, {PROCEDURES!r})
    """
    listed(shard / "datasets")
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    job = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=environment)
    patience = time.monotonic() + 60
    while len(cached_files(shard)) < 3 and time.monotonic() < patience:
        time.sleep(0.005)
    (engine,) = psutil.Process(job.pid).children()
    job.kill()
    job.wait()
    engine.wait(timeout=10)
    finished = len(cached_files(shard))
    assert 3 <= finished < 150
    assert not (shard / "records").exists()
    assert len(list(scratch_root.glob(f"{PREFIX}*"))) == 2  # the engine's, and of finished records

    records, cached = compute(shard, xtb_spec)
    assert cached == finished
    assert len(records["decane"]) == len(cached_files(shard)) == 150
    assert all(record["success"] for record in records["decane"])
    assert list(scratch_root.iterdir()) == []


def test_full_cache_disk_stops_the_job_and_keeps_what_is_finished(tiny_disk, shard, xtb_spec):
    cache = tiny_disk("cache", "16k")
    with pytest.raises(OSError) as caught:
        compute(shard, xtb_spec)
    assert str(cache) in caught.value.filename
    del caught
    for path in cached_files(shard):
        assert files.read_json(path)["result"]["success"]
    assert 0 < len(cached_files(shard)) < 5
    assert not (shard / "records").exists()
    assert not [path for path in cache.rglob(".*") if path.is_file()]
    assert psutil.Process().children() == []


# Psi4


NO_RETRIES = LIMITS | {"retries": RETRIES | {"scf": 0}}
EQUILIBRIUM = np.array([[0, 0, 0], [0, 0.757, 0.582], [0, -0.757, 0.582]])


@pytest.fixture
def stretched_water(tmp_path, hf_spec, psi4_version, scratch_root):
    """Within 12 iterations water converges at equilibrium and does not with bonds of 2.4 Å."""
    (tmp_path / "datasets").mkdir()
    spec = {**hf_spec, "keywords": {"maxiter": 12}}
    geometries = [2.5 * EQUILIBRIUM, EQUILIBRIUM]
    write_dataset(tmp_path / "datasets", "water", "O", spec, geometries)
    return tmp_path, spec


def test_failed_scf_of_psi4_is_a_record_and_the_next_geometry_is_computed(stretched_water):
    folder, spec = stretched_water
    records, _ = compute(folder, spec, NO_RETRIES)
    failed, good = records["water"]
    model = qcelemental.models.FailedOperation(**failed)
    assert "onvergence" in model.error.error_type
    assert "12 iterations" in model.error.error_message
    assert qcelemental.models.AtomicResult(**good).success
    address = good["extras"]["forceladder"]["task_digest"]
    assert [path.name for path in cached_files(folder)] == [f"{address}.json.xz"]


def test_scf_helpers_rescue_it_and_the_record_says_so(stretched_water, hf_spec):
    """The energy is the one that Psi4 finds by itself when it is given iterations enough."""
    folder, spec = stretched_water
    rescued, good = compute(folder, spec)[0]["water"]
    (attempt,) = rescued["extras"]["forceladder"]["attempts"]
    assert attempt["failure"] == "scf"
    assert "12 iterations" in attempt["message"]
    assert attempt["then"]["scf_helpers"] == {"maxiter": 300}
    assert attempt["cpu_seconds"] > 0
    assert "attempts" not in good["extras"]["forceladder"]
    (row,) = total_ledger([folder / "records" / "tasks.csv"])
    assert (row["outcome"], row["calculations"], row["retries"]) == ("success", 2, 1)
    assert row["retry_core_seconds"] == pytest.approx(attempt["cpu_seconds"], abs=1e-3)
    for path in (folder / "datasets").iterdir():
        path.unlink()
    patient = {**hf_spec, "keywords": {"maxiter": 200}}
    write_dataset(folder / "datasets", "water", "O", patient, [2.5 * EQUILIBRIUM])
    (alone,) = compute(folder, patient)[0]["water"]
    energy = alone["properties"]["return_energy"]
    assert rescued["properties"]["return_energy"] == pytest.approx(energy, abs=1e-6)


# retries and what is remembered


def water_at_itself(shard, xtb_spec):
    """One geometry that no effort can mend, as the only task of a shard."""
    for path in (shard / "datasets").iterdir():
        path.unlink()
    bad = np.array([[0, 0, 0], [0.76, 0.59, 0], [0.76, 0.59, 0]])
    write_dataset(shard / "datasets", "water", "O", xtb_spec, [bad])


def test_hopeless_failure_is_computed_once_for_ever(shard, xtb_spec):
    water_at_itself(shard, xtb_spec)
    records, cached = compute(shard, xtb_spec)
    assert cached == 0
    assert "attempts" not in records["water"][0]["extras"]["forceladder"]
    again, cached = compute(shard, xtb_spec)
    assert cached == 1
    assert again == records


def test_more_effort_tries_a_remembered_failure_again(shard, xtb_spec):
    water_at_itself(shard, xtb_spec)
    compute(shard, xtb_spec)
    assert compute(shard, xtb_spec, LIMITS | {"time_limit_s": 600})[1] == 0


def test_slow_task_gets_more_time_once_and_its_record_says_so(tmp_path, xtb_spec, scratch_root):
    (tmp_path / "datasets").mkdir()
    write_dataset(tmp_path / "datasets", "chain", "C" * 12, xtb_spec, 1)
    limits = LIMITS | {"time_limit_s": 0.001, "retries": RETRIES | {"time_factors": [2, 1e6]}}
    (record,) = compute(tmp_path, xtb_spec, limits)[0]["chain"]
    assert record["success"]
    attempts = record["extras"]["forceladder"]["attempts"]
    assert [attempt["failure"] for attempt in attempts] == ["time", "time"]
    assert [attempt["then"]["time_factor"] for attempt in attempts] == [2, 1e6]


def test_task_that_is_too_slow_for_every_step_is_a_failed_record(tmp_path, xtb_spec, scratch_root):
    (tmp_path / "datasets").mkdir()
    write_dataset(tmp_path / "datasets", "chain", "C" * 12, xtb_spec, 1)
    limits = LIMITS | {"time_limit_s": 0.001}
    (record,) = compute(tmp_path, xtb_spec, limits)[0]["chain"]
    assert record["error"]["error_type"] == "time_limit"
    assert len(record["extras"]["forceladder"]["attempts"]) == 1
    assert psutil.Process().children() == []
