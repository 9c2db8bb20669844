"""Outputs cut short after their jobs had succeeded: whoever reads them says so, and stops."""

import copy
import shutil
from pathlib import Path

import pytest

from checkout import XTB_SPEC, Checkout
from forceladder.provenance import file_digest

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
SETTINGS = {
    "qm": {"reference": XTB_SPEC, "threads": 1, "cost_per_shard": 100, "memory_mb": 500},
    "training_set": {"min_conformers": 1},
}
SET, HISTORY = "results/tiny/training_set.nc", "results/tiny/validation/class1/seed-0/history.svg"
PREDICTED = "results/tiny/validation/MMFF94/predictions.nc"
QM = f"qm/{XTB_SPEC}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("finished"), TWO, **SETTINGS)
    answer = checkout.run(SET, HISTORY, PREDICTED)
    assert answer.returncode == 0, answer.stdout[-3000:]
    return checkout


@pytest.fixture
def checkout(finished, tmp_path):
    """A finished run of its own for each test."""
    mine = copy.copy(finished)
    mine.folder = tmp_path / "run"
    shutil.copytree(finished.folder, mine.folder)
    return mine


def half(path: Path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path):
    path.write_bytes(b"")


def without_last_line(path: Path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


DAMAGED = [  # file, what befalls it, a rule that reads it
    ("molecules/c01-0000.json", half, "generate_geometries"),
    ("geometries/c01-0000/*.sdf", half, "build_datasets"),
    ("geometries/c01-0000/*.sdf", Path.unlink, "list_molecules"),
    (f"{QM}/engine.json", empty, "compute_qm"),
    (f"{QM}/datasets/c01-0000/*.xz", half, "compute_qm"),
    (f"{QM}/records/c01-0000/*.xz", Path.unlink, "judge_qm"),
    (f"{QM}/records/c01-0000/tasks.csv", without_last_line, "build_training_set"),
    (f"{QM}/verdicts.csv", without_last_line, "build_training_set"),
    ("molecules.csv", without_last_line, "build_training_set"),
    ("training_set.nc", half, "predict_method"),
    ("training_set.nc", empty, "fit_rung"),
    ("models/class1/seed-0/weights.npz", half, "plot_history"),
    ("models/class1/seed-0/history.nc", empty, "plot_history"),
]


@pytest.mark.parametrize("pattern, damage, reader", DAMAGED)
def test_the_next_job_names_the_file_and_what_to_do(checkout, pattern, damage, reader):
    path = sorted(checkout.results.glob(pattern))[0]
    damage(path)
    # Snakemake looks into no folder: a reader that has no other reason is told to run
    answer = checkout.run("--cores", "1", SET, HISTORY, PREDICTED, "--forcerun", reader)
    assert answer.returncode != 0
    said = [line for line in answer.stdout.splitlines() if f"{reader}: " in line]
    said = [line for line in said if str(path.relative_to(checkout.folder)) in line]
    assert said, answer.stdout[-3000:]
    assert "where its job left" in said[0] or "is gone" in said[0]
    assert "delete " in said[0] and "and run again" in said[0]


def test_doing_what_it_says_brings_the_same_file_back(checkout):
    path = checkout.results / "molecules.csv"
    digest = file_digest(path)
    without_last_line(path)
    assert checkout.run(SET).returncode != 0
    path.unlink()
    answer = checkout.run(SET)
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert file_digest(path) == digest


def test_a_change_on_purpose_is_let_in_when_its_checksum_is_deleted(checkout):
    path = checkout.results / "molecules.csv"
    path.write_text(path.read_text() + "\n")
    answer = checkout.run(SET)
    assert "or, if it was changed on purpose" in answer.stdout
    (checkout.folder / ".snakemake/forceladder/checksums/results/tiny/molecules.csv.json").unlink()
    answer = checkout.run(SET)
    assert answer.returncode == 0, answer.stdout[-3000:]
