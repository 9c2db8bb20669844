"""Two releases of the same data, selection and settings are one, and every departure is named."""

import copy
import json
import shutil

import pytest
import torch

from forceladder import files
from forceladder.cli import main
from forceladder.release.sameness import differences, parameter_difference, same_release
from small_runs import SmallRun, release, texts


def made(folder, dataset, models=None, **changes):
    run = SmallRun(folder / "run", dataset, models)
    run.config |= changes
    texts(run)
    return run, release(run, folder / "release")


@pytest.fixture(scope="module")
def first(tmp_path_factory, xtb_set):
    return made(tmp_path_factory.mktemp("first"), xtb_set)


def test_two_runs_give_the_same_manifest_for_data_and_selection(first, tmp_path, xtb_set, capsys):
    """The machine, its packages and timings may differ, as do the bytes of the training set."""
    run, one = first
    _, other = made(tmp_path, xtb_set, run.models)
    manifest = files.read_json(other / "manifest.json")
    manifest["run"]["machine"]["cores"] = 999
    manifest["run"]["packages"]["numpy"] = "0.0.0"
    manifest["run"]["training_set_sha256"] = "0" * 64
    files.write_json(other / "manifest.json", manifest)
    assert same_release(one, other, tolerance=0.0) == []
    assert main(["compare", str(one), str(other)]) == 0
    assert "are the same: data, selection and settings" in capsys.readouterr().out


def test_another_number_in_the_data_is_told(first, tmp_path, xtb_set, capsys):
    moved = xtb_set.copy(deep=True)
    moved["energy"].values[7] += 1e-9
    _, other = made(tmp_path, moved, first[0].models)
    (phrase,) = same_release(first[1], other)
    assert phrase.startswith("inputs.training_set_arrays_sha256 is ")
    assert main(["compare", str(first[1]), str(other)]) == 1
    assert "training_set_arrays_sha256" in capsys.readouterr().err


def test_another_split_and_another_setting_are_told(first, tmp_path, xtb_set):
    moved = xtb_set.copy(deep=True)
    moved["split"].values[0] = "validation"
    _, other = made(tmp_path, moved, first[0].models, gates={})
    found = same_release(first[1], other)
    assert "inputs.splits.O is 'train' and 'validation'" in found
    assert "molecules.train is 10 and 9" in found
    assert any(phrase.startswith("config.gates.max_") for phrase in found)


def test_parameters_are_the_same_within_the_tolerance_only(first, tmp_path, xtb_set):
    run, one = first
    models = {rung: copy.deepcopy(model) for rung, model in run.models.items()}
    with torch.no_grad():  # a bond is exp(0.1 x) of its prior: 1e-7 longer
        models["class1"].readouts["bond_harmonic"].outer[-1].bias += torch.tensor([1e-6, 0.0])
    _, other = made(tmp_path, xtb_set, models)
    assert same_release(one, other, 1e-6) == []
    (phrase,) = same_release(one, other, 1e-8)
    assert phrase.startswith("parameters differ by up to")
    assert "systems/class1/" in phrase and "terms.bond_harmonic.length" in phrase


def test_a_missing_molecule_and_a_folder_that_is_no_release_are_told(first, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(first[1], other)
    next(other.glob("systems/class1/*.json")).unlink()
    assert any(
        phrase.endswith("is in one release alone") for phrase in same_release(first[1], other)
    )
    assert main(["compare", str(first[1]), str(tmp_path)]) == 1
    assert "is no release: it has no manifest.json" in capsys.readouterr().err


def test_differences_by_hand():
    one = {"a": [1, 2], "b": {"c": 1.0, "d": None}, "e": 0}
    other = {"a": [1, 3], "b": {"c": 1.0}, "f": 0}
    assert differences(one, other) == [
        "a.1 is 2 and 3", "b.d is in the first alone", "e is in the first alone",
        "f is in the second alone",
    ]  # fmt: skip
    assert differences(one, json.loads(json.dumps(one))) == []
    assert differences({"x": [1]}, {"x": [1, 2]}) == ["x has 1 and 2 entries"]
    many = differences({"x": list(range(20))}, {"x": list(range(1, 21))})
    assert len(many) == 9 and many[-1] == "x has 12 more differences"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"k": [1.0, 100.0]}, {"k": [1.1, 100.0]}, (0.001, "k")),  # 0.1 of 100
        ({"k": [0.0, 2.0]}, {"k": [1e-17, 2.0]}, (5e-18, "k")),
        ({"k": [[1.0], [2.0, 4.0]]}, {"k": [[1.0], [2.0, 3.0]]}, (0.25, "k")),
        ({"k": 2.0}, {"k": 3.0}, (0.5, "k")),
        ({"k": [1.0]}, {"k": [1.0, 2.0]}, (float("inf"), "k")),
        ({"k": 1.0}, {"k": float("nan")}, (float("inf"), "k")),
        ({"k": "CO"}, {"k": "OC"}, (float("inf"), "k")),
        ({"a": {"b": [1.0]}, "c": 1}, {"a": {"b": [2.0]}, "c": 1}, (1.0, "a.b")),
    ],
)
def test_difference_of_parameters_by_hand(one, other, expected):
    found, key = parameter_difference(one, other)
    assert (found, key) == (pytest.approx(expected[0]), expected[1])
