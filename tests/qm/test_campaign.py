"""A shard computes what the cache lacks, once, whatever becomes of the job."""

import os
import re
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
from forceladder.qm.campaign import compute_shard, dataset_molecules
from forceladder.qm.datasets import build_dataset
from forceladder.qm.scratch import PREFIX

LIMITS = {"memory_mb": 500, "time_limit_s": 300}


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
    dataset = build_dataset({**read(smiles), "id": name}, geometries, "spec", spec)
    files.write_json(folder / f"{name}.json.xz", dataset)


@pytest.fixture
def shard(tmp_path, xtb_spec, scratch_root):
    (tmp_path / "datasets").mkdir()
    write_dataset(tmp_path / "datasets", "water", "O", xtb_spec, 3)
    write_dataset(tmp_path / "datasets", "ethanol", "CCO", xtb_spec, 2)
    return tmp_path


def compute(folder, spec, caplog=None):
    """Run the shard; returns records by molecule and how many tasks the cache already held."""
    arguments = (folder / "datasets", folder / "records", spec, folder / "cache", 1, LIMITS)
    if caplog is None:
        compute_shard(*arguments)
        return records_of(folder)
    caplog.clear()
    with caplog.at_level("INFO", logger="forceladder"):
        compute_shard(*arguments)
    (cached,) = re.findall(r"tasks, (\d+) of them in the cache", caplog.text)
    return records_of(folder), int(cached)


def records_of(folder):
    paths = sorted((folder / "records").glob("*.jsonl.xz"))
    return {path.name.removesuffix(".jsonl.xz"): files.read_json_lines(path) for path in paths}


def cached_files(folder):
    return sorted((folder / "cache").rglob("*.json.xz"))


def test_every_geometry_gets_its_record_in_its_place(shard, xtb_spec):
    records = compute(shard, xtb_spec)
    assert {name: len(lines) for name, lines in records.items()} == {"water": 3, "ethanol": 2}
    for name, lines in records.items():
        molecules = dataset_molecules(shard / "datasets" / f"{name}.json.xz")
        assert [line["molecule"] for line in lines] == molecules
        for line in lines:
            qcelemental.models.AtomicResult(**line)


def test_second_run_computes_nothing_and_writes_the_same_bytes(shard, xtb_spec, caplog):
    assert compute(shard, xtb_spec, caplog)[1] == 0
    before = {path.name: path.read_bytes() for path in (shard / "records").iterdir()}
    stamps = [path.stat().st_mtime_ns for path in cached_files(shard)]
    assert compute(shard, xtb_spec, caplog)[1] == 5
    assert {path.name: path.read_bytes() for path in (shard / "records").iterdir()} == before
    assert [path.stat().st_mtime_ns for path in cached_files(shard)] == stamps


def test_new_molecule_costs_itself_alone(shard, xtb_spec, caplog):
    compute(shard, xtb_spec)
    write_dataset(shard / "datasets", "methane", "C", xtb_spec, 2)
    records, cached = compute(shard, xtb_spec, caplog)
    assert cached == 5
    assert len(records["methane"]) == 2


def test_damaged_cache_entry_is_computed_again_with_the_same_result(shard, xtb_spec, caplog):
    before = compute(shard, xtb_spec)
    flipped, cut = cached_files(shard)[:2]
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-20])
    after, cached = compute(shard, xtb_spec, caplog)
    assert cached == 3
    assert len(list((shard / "cache").rglob("*.damaged"))) == 2
    for name, lines in before.items():
        for old, new in zip(lines, after[name], strict=True):
            np.testing.assert_allclose(new["return_result"], old["return_result"], atol=1e-12)


def test_failed_task_is_a_record_and_not_cached(shard, xtb_spec, caplog):
    """Two hydrogens upon each other: the engine refuses; the neighbours are computed."""
    good = [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]]
    bad = [[0, 0, 0], [0.76, 0.59, 0], [0.76, 0.59, 0]]
    (shard / "datasets" / "ethanol.json.xz").unlink()
    write_dataset(shard / "datasets", "water", "O", xtb_spec, np.array([good, bad, good]))
    records, _ = compute(shard, xtb_spec, caplog)
    assert [record["success"] for record in records["water"]] == [True, False, True]
    qcelemental.models.FailedOperation(**records["water"][1])
    assert len(cached_files(shard)) == 1  # the two good ones are the same task
    assert compute(shard, xtb_spec, caplog)[1] == 1


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
        records = compute(shard, xtb_spec)
    assert [r["success"] for r in records["water"] + records["ethanol"]] == [True] * 5


def test_an_engine_killed_twice_stops_the_shard_writes_no_record_and_keeps_the_rest(
    shard, xtb_spec
):
    """A failed record would stay for ever; without records the rerun computes what is missing."""
    with Killer(times=6), pytest.raises(KilledError, match="was killed twice while it computed"):
        compute(shard, xtb_spec)
    assert not (shard / "records").exists()
    records = compute(shard, xtb_spec)
    assert [r["success"] for r in records["water"] + records["ethanol"]] == [True] * 5


def test_another_engine_version_than_the_runs_is_refused_by_name(shard, xtb_spec):
    folders = shard / "datasets", shard / "records"
    with pytest.raises(VersionError, match=r"this run began with tblite 0\.1"):
        compute_shard(*folders, xtb_spec, shard / "cache", 1, LIMITS, engine_version="tblite 0.1")
    assert not (shard / "records").exists()


def test_two_jobs_of_the_same_shard_at_once_compute_it_once(shard, xtb_spec, caplog):
    """An orphan of a killed run and its successor: the second waits, and finds all in the cache."""
    with caplog.at_level("INFO", logger="forceladder"):
        jobs = [threading.Thread(target=compute, args=(shard, xtb_spec)) for _ in range(2)]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    found = sorted(int(n) for n in re.findall(r"5 tasks, (\d+) of them in the cache", caplog.text))
    assert found == [0, 5]
    assert "another process computes these tasks" in caplog.text


def test_empty_shard_writes_an_empty_folder(tmp_path, xtb_spec, scratch_root):
    (tmp_path / "datasets").mkdir()
    assert compute(tmp_path, xtb_spec) == {}
    assert (tmp_path / "records").is_dir()


def test_dataset_of_another_kind_is_named(tmp_path):
    files.write_json(tmp_path / "a.json.xz", {"type": "DataSet"})
    with pytest.raises(CorruptFileError, match=r"a\.json\.xz has no 'dataset'"):
        dataset_molecules(tmp_path / "a.json.xz")


def test_killed_job_has_lost_nothing_but_the_task_under_way(shard, xtb_spec, caplog, scratch_root):
    """kill -9 of the job: its engine dies with it, what was finished is kept, scratch is swept."""
    for path in (shard / "datasets").iterdir():
        path.unlink()
    write_dataset(shard / "datasets", "decane", "C" * 10, xtb_spec, 150)
    program = f"""
        from forceladder.qm.campaign import compute_shard
        folder = {str(shard)!r}
        compute_shard(f"{{folder}}/datasets", f"{{folder}}/records", {xtb_spec!r},
                      f"{{folder}}/cache", 1, {LIMITS!r})
    """
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    job = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=environment)
    patience = time.monotonic() + 60
    while len(cached_files(shard)) < 3 and time.monotonic() < patience:
        time.sleep(0.005)
    (engine,) = psutil.Process(job.pid).children()
    job.kill()
    job.wait()
    engine.wait(timeout=10)
    assert len(list(scratch_root.glob(f"{PREFIX}*/results/*.json"))) < 150  # it did not go on
    finished = len(cached_files(shard))
    assert 3 <= finished < 150
    assert not (shard / "records").exists()
    assert len(list(scratch_root.glob(f"{PREFIX}*"))) == 1

    records, cached = compute(shard, xtb_spec, caplog)
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


def test_failed_scf_of_psi4_is_a_record_and_the_next_geometry_is_computed(
    tmp_path, hf_spec, psi4_version, scratch_root, caplog
):
    """Within 12 iterations water converges at equilibrium and does not with bonds of 2.4 Å."""
    (tmp_path / "datasets").mkdir()
    spec = {**hf_spec, "keywords": {"maxiter": 12}}
    water = np.array([[0, 0, 0], [0, 0.757, 0.582], [0, -0.757, 0.582]])
    write_dataset(tmp_path / "datasets", "water", "O", spec, [2.5 * water, water])
    records, _ = compute(tmp_path, spec, caplog)
    failed, good = records["water"]
    model = qcelemental.models.FailedOperation(**failed)
    assert "onvergence" in model.error.error_type
    assert "12 iterations" in model.error.error_message
    assert qcelemental.models.AtomicResult(**good).success
    assert len(cached_files(tmp_path)) == 1
    address = good["extras"]["forceladder"]["task_digest"]
    assert cached_files(tmp_path)[0].name == f"{address}.json.xz"


def test_unconverged_b3lyp_fails_after_two_iterations(
    tmp_path, b3lyp_spec, psi4_version, scratch_root
):
    (tmp_path / "datasets").mkdir()
    spec = {**b3lyp_spec, "keywords": {"maxiter": 2}}
    write_dataset(tmp_path / "datasets", "water", "O", spec, 1)
    (record,) = compute(tmp_path, spec)["water"]
    assert not record["success"]
    assert "2 iterations" in record["error"]["error_message"]
    assert cached_files(tmp_path) == []
