"""Every method runs, in one process or in many, and a job that is killed goes on."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from forceladder.md.plans import plans
from forceladder.md.summary import as_md_dataset, stability_rows
from forceladder.md.watch import ALIVE, NO_PARAMETERS
from forceladder.training_set.dataset import select_molecules
from forceladder.validate.dynamics import run_molecules
from forceladder.validate.methods import Method, fingerprint, model_digests
from molecules_in_motion import SETTINGS

QUICK = SETTINGS | {
    "nve_equilibration_ps": 0.02, "nve_ps": 0.02, "nve_frames": 10, "nvt_ps": 0.02,
    "nvt_frames": 10, "nvt_replicas": 1,
}  # fmt: skip
MMFF94 = Method("MMFF94", None, None, "code")


@pytest.fixture(scope="module")
def two(xtb_set):
    names = xtb_set["molecule_id"].values.tolist()
    return select_molecules(xtb_set, [names.index("O"), names.index("CO")])


@pytest.mark.parametrize("label", ["MMFF94", "UFF", "GFN2-xTB"])
def test_baselines_move(two, tmp_path, label):
    results = run_molecules(two, Method(label, None, None, ""), QUICK, tmp_path, 1)
    dataset = as_md_dataset(results, QUICK)
    assert (dataset["nvt_cause"].values == ALIVE).all()
    assert np.isfinite(dataset["nve_energy"].values).all()
    rows = stability_rows(dataset, 300)
    assert [row["molecule"] for row in rows] == ["O", "CO"]
    assert all(row["survival"] == {"300 K": 1.0, "600 K": 1.0} for row in rows)


def test_workers_find_what_one_process_finds(two, tmp_path):
    alone = run_molecules(two, MMFF94, QUICK, tmp_path / "alone", 1)
    # more of them than molecules: trajectories of one molecule are shared out
    together = run_molecules(two, MMFF94, QUICK, tmp_path / "together", 4)
    for one, other in zip(alone, together, strict=True):
        assert list(one.results) == list(other.results)
        for name, result in one.results.items():
            for key, values in result.items():
                np.testing.assert_array_equal(other.results[name][key], values)


def test_molecules_that_come_later_leave_what_is_finished(two, tmp_path):
    """A higher validation.max_molecules: the others run, beside what is kept of the first."""
    (one,) = run_molecules(select_molecules(two, [1]), MMFF94, QUICK, tmp_path, 1)
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    assert len(finished) >= len(plans(QUICK, ""))
    *_, again = run_molecules(two, MMFF94, QUICK, tmp_path, 1)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert len([*tmp_path.rglob("*.npz")]) == 2 * len(finished)
    for name, result in one.results.items():
        np.testing.assert_array_equal(again.results[name]["energy"], result["energy"])


def test_molecule_without_parameters_is_a_row_with_a_reason(xtb_set, tmp_path):
    """UFF and MMFF94 know all of the set; beryllium and the like they do not."""
    one = select_molecules(xtb_set, [0]).copy(deep=True)
    one["mapped_smiles"].values[0] = "[Ar:1]"
    one["atom_count"].values[0] = 1
    results = run_molecules(one, MMFF94, QUICK, tmp_path, 1)
    assert results[0].results is None
    dataset = as_md_dataset(results, QUICK)
    assert (dataset["nvt_cause"].values == NO_PARAMETERS).all()
    assert stability_rows(dataset, 300)[0]["reason"] == "no parameters"


def test_fingerprint_tells_molecules_data_methods_models_and_code_apart(two, tmp_path):
    first, second = (select_molecules(two, [row]) for row in (0, 1))
    moved = first.copy(deep=True)
    moved["positions"].values[0, 0] += 1e-9
    rung = Method("class1", str(tmp_path), str(tmp_path), "code")

    def of_rung(changed=None):
        for name in ("O.xml", "O.json", "weights.pt", "history.nc"):
            (tmp_path / name).write_text("other" if name == changed else "one")
        return fingerprint(first, rung, model_digests(rung))

    seen = {
        fingerprint(first, MMFF94, []),
        fingerprint(second, MMFF94, []),
        fingerprint(moved, MMFF94, []),
        fingerprint(first, MMFF94._replace(label="UFF"), []),
        fingerprint(first, MMFF94._replace(code="other"), []),
        of_rung(),
        of_rung("weights.pt"),
        of_rung("O.xml"),
        of_rung("O.json"),
    }
    assert len(seen) == 9
    assert fingerprint(first, MMFF94, []) in seen
    assert of_rung("history.nc") == of_rung()


JOB = """
import sys
sys.path[:0] = {path!r}
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.dynamics import Method, run_molecules
if __name__ == "__main__":
    dataset = read_training_set({dataset!r})
    run_molecules(dataset, Method("MMFF94", None, None, "code"), {settings!r}, {folder!r}, 2)
"""


def test_killed_job_takes_its_workers_with_it_and_goes_on(two, tmp_path):
    """SIGKILL to the parent: no worker may outlive it, and what was finished is not done again."""
    from forceladder.training_set.dataset import write_training_set

    settings = QUICK | {"nvt_ps": 40.0, "nvt_frames": 400, "checkpoint_frames": 5}
    write_training_set(two, tmp_path / "set.nc")
    script = tmp_path / "job.py"
    script.write_text(JOB.format(
        path=sys.path, dataset=str(tmp_path / "set.nc"), settings=settings,
        folder=str(tmp_path / "md"),
    ))  # fmt: skip
    process = subprocess.Popen([sys.executable, str(script)], env={**os.environ})
    try:
        for _ in range(600):
            time.sleep(0.1)
            if list((tmp_path / "md").glob("*/nvt-*.state.npz")):
                break
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "md").glob("*/nve-*fs.npz")}
    assert finished
    short = settings | {"nvt_temperatures_kelvin": []}
    results = run_molecules(two, MMFF94, short, tmp_path / "md", 1)
    assert {p: p.stat().st_mtime_ns for p in finished} == finished
    assert all(len(one.results) == len(plans(short, "")) for one in results)
