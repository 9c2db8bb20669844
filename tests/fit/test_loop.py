"""A fit lowers its loss, finds what is there, and can be killed at any time."""

import json
import logging
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import SCRIPTS
from force_fields import CLASS1, random_rung
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.energy.total import energy_and_gradient
from forceladder.errors import FitError
from forceladder.fit import loop
from forceladder.fit.history import read_history, write_history
from forceladder.fit.loop import cosine_rate, fit_rung
from forceladder.training_set.dataset import row_ranges, select_split, write_training_set
from small_set import without_grid

WEIGHTS = {"force": 1.0, "energy": 0.2, "esp": 1.0, "dipole": 0.2, "prior": 0.3}


def rung_settings(epochs, **changes):
    training = {
        "epochs": epochs, "learning_rate": 0.003, "molecules_per_batch": 4,
        "energy_scale_kcal_per_atom": 2.0, "evaluate_every": 3, "checkpoint_every": 2,
    }  # fmt: skip
    return {
        "terms": list(CLASS1),
        "network": {"width": 8, "layers": 2, "torsion_orders": 3},
        "training": {**training, **changes},
        "loss_weights": dict(WEIGHTS),
    }


def same_weights(one, two) -> bool:
    states = one.state_dict(), two.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def same_history(one, two) -> bool:
    return one.keys() == two.keys() and all(
        np.array_equal(one[name], two[name], equal_nan=True) for name in one
    )


@pytest.fixture(scope="module")
def short(xtb_set):
    """Nine epochs, straight."""
    return fit_rung(xtb_set, rung_settings(9), seed=0)


# what a fit achieves


def test_fit_lowers_the_loss_and_every_error(xtb_set):
    model, history = fit_rung(xtb_set, rung_settings(60), seed=0)
    first, last = history["loss"][0], history["loss"][-1]
    assert last < 0.6 * first
    for metric in ("force_rmse", "energy_rmse", "esp_rmse"):
        for split in ("train", "validation"):
            values = history[f"{split}_{metric}"]
            values = values[np.isfinite(values)]
            assert values.min() < values[0], (split, metric)
    assert not model.training


def synthetic_set(dataset, seed):
    """The same geometries with energies, forces, dipoles and ESP of a random class1 model."""
    dataset = dataset.copy(deep=True)
    graph = topology_of(dataset)
    teacher = random_rung(graph, seed, scale=0.3, width=8, torsion_orders=3)
    with torch.no_grad():
        found = teacher(graph)
    count = torch.as_tensor(dataset["conformer_count"].values)
    geometry = Geometry(graph, count, torch.as_tensor(dataset["positions"].values))
    energy, gradient = energy_and_gradient(found.terms, geometry)
    dataset["energy"].values[:], dataset["gradients"].values[:] = energy, gradient
    dataset["split"].values[:] = "train"
    moments = found.charge[geometry.position_atom][:, None] * geometry.positions
    dipole = torch.zeros(geometry.conformers, 3, dtype=torch.float64)
    dataset["dipole"].values[:] = dipole.index_add(0, geometry.position_conformer, moments)
    return without_grid(dataset, range(dataset.sizes["molecule"])), found


def test_fit_recovers_the_model_that_made_the_data(xtb_set):
    """Forces and energies of a class1 force field that the network can express."""
    dataset, truth = synthetic_set(xtb_set, seed=1)
    settings = rung_settings(
        250, learning_rate=0.01, molecules_per_batch=14, evaluate_every=250, checkpoint_every=999
    )
    settings["network"]["width"] = 16
    settings["loss_weights"]["prior"] = 0.0
    model, history = fit_rung(dataset, settings, seed=2)
    scale = np.sqrt(np.mean(dataset["gradients"].values ** 2))
    assert history["force"][0] > 0.005  # a share of the data that the priors do not explain
    assert history["train_force_rmse"][-1] < 0.02 * scale
    assert history["force"][-1] < 0.02 * history["force"][0]
    with torch.no_grad():
        found = model(topology_of(dataset))
    for term, name, tolerance in (("bond_harmonic", "length", 0.01),
                                  ("angle_harmonic", "angle", 0.05)):  # fmt: skip
        error = found.terms[term][name] - truth.terms[term][name]
        assert float(error.abs().median()) < tolerance
    assert float((found.charge - truth.charge).abs().median()) < 0.05


def test_best_model_of_the_validation_split_is_returned(xtb_set):
    """Not the last one: its validation error is the lowest of the history."""
    settings = rung_settings(30, learning_rate=0.3, evaluate_every=2)  # overshoots on purpose
    model, history = fit_rung(xtb_set, settings, seed=0)
    errors = history["validation_force_rmse"]
    best = np.nanmin(errors)
    assert best < errors[-1]
    validation = loop.make_batches(select_split(xtb_set, "validation"), 4, 2.0, 0, "cpu")
    found = loop.evaluate(model, validation, "validation")
    assert found["validation_force_rmse"] == pytest.approx(best, rel=1e-12)


def test_without_validation_molecules_the_last_model_is_returned(xtb_set):
    dataset = select_split(xtb_set, "train")
    model, history = fit_rung(dataset, rung_settings(4), seed=0)
    assert np.isnan(history["validation_force_rmse"]).all()
    batches = loop.make_batches(dataset, 4, 2.0, 0, "cpu")
    found = loop.evaluate(model, batches, "train")
    assert found["train_force_rmse"] == pytest.approx(history["train_force_rmse"][-1], rel=1e-12)


# reproducibility


def test_same_seed_gives_the_same_bits(xtb_set, short):
    torch.manual_seed(12345)  # somebody else's draws must not matter
    again = fit_rung(xtb_set, rung_settings(9), seed=0)
    assert same_weights(again[0], short[0])
    assert same_history(again[1], short[1])


def test_other_seed_gives_another_model(xtb_set, short):
    assert not same_weights(fit_rung(xtb_set, rung_settings(9), seed=1)[0], short[0])


def test_test_molecules_never_influence_the_fit(xtb_set, short):
    """Their data replaced by nonsense, the weights do not change by one bit."""
    dataset, ranges = xtb_set.copy(deep=True), row_ranges(xtb_set)
    (rows,) = np.nonzero(dataset["split"].values == "test")
    assert len(rows)
    for row in rows:
        position = slice(*ranges["position"][row : row + 2])
        conformer = slice(*ranges["conformer"][row : row + 2])
        dataset["positions"].values[position] *= 3.0
        dataset["gradients"].values[position] = np.nan
        dataset["energy"].values[conformer] = 1e9
        dataset["esp"].values[slice(*ranges["grid_point"][row : row + 2])] = np.inf
        dataset["dipole"].values[conformer] = -1e9
    changed = fit_rung(dataset, rung_settings(9), seed=0)
    assert same_weights(changed[0], short[0])
    assert same_history(changed[1], short[1])


def test_validation_molecules_choose_the_model_but_do_not_make_it(xtb_set, short):
    dataset, ranges = xtb_set.copy(deep=True), row_ranges(xtb_set)
    for row in np.flatnonzero(dataset["split"].values == "validation"):
        dataset["gradients"].values[slice(*ranges["position"][row : row + 2])] *= -1.0
    _, history = fit_rung(dataset, rung_settings(9), seed=0)
    np.testing.assert_array_equal(history["loss"], short[1]["loss"])
    assert not np.array_equal(
        history["validation_force_rmse"], short[1]["validation_force_rmse"], equal_nan=True
    )


# resume


class Killed(Exception):
    pass


def killed_after(monkeypatch, epochs):
    """Let `epochs` epochs pass, then die in the middle of the next."""
    passed, real = [], loop.train_epoch

    def train_epoch(*arguments):
        if len(passed) == epochs:
            raise Killed
        passed.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(loop, "train_epoch", train_epoch)
    return passed


@pytest.mark.parametrize("epochs", [1, 2, 5, 8])
def test_killed_fit_resumes_to_the_same_bits(xtb_set, short, tmp_path, monkeypatch, epochs):
    """Wherever it dies: checkpoints come every second epoch, evaluations every third."""
    path = tmp_path / "fit.pt"
    with monkeypatch.context() as patch:
        killed_after(patch, epochs)
        with pytest.raises(Killed):
            fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
    with monkeypatch.context() as patch:
        passed = killed_after(patch, 99)
        resumed = fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
        assert len(passed) == 9 - epochs // 2 * 2
    assert same_weights(resumed[0], short[0])
    assert same_history(resumed[1], short[1])


def test_finished_fit_is_read_and_not_repeated(xtb_set, short, tmp_path, monkeypatch):
    path = tmp_path / "fit.pt"
    fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
    passed = killed_after(monkeypatch, 99)
    again = fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
    assert passed == []
    assert same_weights(again[0], short[0])
    assert same_history(again[1], short[1])


def test_checkpoint_of_another_run_is_ignored_and_replaced(xtb_set, short, tmp_path, caplog):
    path = tmp_path / "fit.pt"
    other = rung_settings(9, learning_rate=0.02)
    fit_rung(xtb_set, other, 0, checkpoint=path, fingerprint="theirs")
    with caplog.at_level(logging.INFO, logger="forceladder"):
        ours = fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
    assert "belongs to other data or settings; starting anew" in caplog.text
    assert same_weights(ours[0], short[0])
    assert torch.load(path, weights_only=True)["fingerprint"] == "mine"


class Trap:
    def __reduce__(self):
        return sys.exit, (3,)


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "list", "bare", "pickle"])
def test_damaged_checkpoint_is_survived(xtb_set, short, tmp_path, caplog, damage):
    path = tmp_path / "fit.pt"
    fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
    content = path.read_bytes()
    if damage == "list":
        torch.save([1, 2], path)
    elif damage == "bare":
        torch.save({"model": {}}, path)
    elif damage == "pickle":
        torch.save({"fingerprint": "mine", "state": Trap()}, path)
    else:
        path.write_bytes(
            {"empty": b"", "cut": content[: len(content) // 2], "noise": b"noise"}[damage]
        )
    with caplog.at_level(logging.INFO, logger="forceladder"):
        again = fit_rung(xtb_set, rung_settings(9), 0, checkpoint=path, fingerprint="mine")
    assert re.search(r"fit\.pt cannot be read .*; starting anew", caplog.text)
    assert same_weights(again[0], short[0])


# trouble


def spoiled(dataset, name, smiles, value=np.inf):
    """One number of one molecule replaced."""
    dataset, ranges = dataset.copy(deep=True), row_ranges(dataset)
    (row,) = np.flatnonzero(dataset["molecule_id"].values == smiles)
    dim = dataset[name].dims[0]
    dataset[name].values[ranges[dim][row] + 1] = value
    return dataset


def test_broken_geometry_is_named_with_its_molecule_and_term(xtb_set):
    with pytest.raises(FitError, match="epoch 0: term bond_harmonic of molecule CC#N; look at"):
        fit_rung(spoiled(xtb_set, "positions", "CC#N"), rung_settings(2), 0)


def test_atoms_at_one_place_are_named_with_the_term_that_cannot_bear_it(xtb_set):
    """Two hydrogens of ethane, five bonds' worth of table apart: only pairs see it."""
    dataset, ranges = xtb_set.copy(deep=True), row_ranges(xtb_set)
    (row,) = np.flatnonzero(dataset["molecule_id"].values == "CC")
    i, j = dataset["pair_atoms"].values[ranges["pair"][row]]
    first = ranges["position"][row]
    dataset["positions"].values[first + j] = dataset["positions"].values[first + i]
    with pytest.raises(FitError, match="term lennard_jones of molecule CC;"):
        fit_rung(dataset, rung_settings(2), 0)


@pytest.mark.parametrize(
    "name, part", [("gradients", "force"), ("energy", "energy"), ("esp", "esp"),
                   ("dipole", "dipole")],
)  # fmt: skip
def test_broken_qm_data_are_named_with_their_molecule_and_part(xtb_set, name, part):
    with pytest.raises(FitError, match=rf"part .*{part}.* of molecule c1ccoc1; look at its QM"):
        fit_rung(spoiled(xtb_set, name, "c1ccoc1"), rung_settings(2), 0)


def test_training_set_without_a_training_molecule_is_an_error(xtb_set):
    with pytest.raises(FitError, match="no molecule of the training set is in the split 'train'"):
        fit_rung(select_split(xtb_set, "test"), rung_settings(2), 0)


# schedule, batches, history


@given(st.integers(1, 3000))
def test_learning_rate_warms_up_and_follows_half_a_cosine(epochs):
    training = {"epochs": epochs, "learning_rate": 0.002}
    rates = np.array([cosine_rate(epoch, training) for epoch in range(epochs)])
    assert ((rates > 0.0) & (rates <= 0.002)).all()
    warm_up = max(1, epochs // 50)
    np.testing.assert_allclose(
        rates[:warm_up], 0.002 * np.arange(1, warm_up + 1) / warm_up, rtol=1e-12
    )
    assert (np.diff(rates[warm_up:]) < 0.0).all()
    if epochs > warm_up:
        assert rates[warm_up] == pytest.approx(0.002)
        middle = warm_up + (epochs - warm_up) / 2
        if middle == int(middle) and middle < epochs:
            assert rates[int(middle)] == pytest.approx(0.002 * 0.505)


@given(st.integers(1, 20), st.integers(0, 5))
def test_batches_share_out_every_molecule_once(xtb_set, size, seed):
    batches = loop.make_batches(xtb_set, size, 2.0, seed, "cpu")
    names = [name for batch in batches for name in batch.topology.molecule_ids]
    assert sorted(names) == sorted(xtb_set["molecule_id"].values)
    assert all(len(batch.topology.molecule_ids) <= size for batch in batches)


def test_history_has_a_row_per_epoch_and_survives_its_file(short, tmp_path):
    _, history = short
    assert all(len(values) == 9 for values in history.values())
    evaluated = np.isfinite(history["train_force_rmse"])
    assert np.flatnonzero(evaluated).tolist() == [2, 5, 8]
    write_history(history, tmp_path / "history.nc")
    assert same_history(read_history(tmp_path / "history.nc"), history)


def test_loss_in_the_history_is_the_weighted_sum_of_its_parts(short):
    _, history = short
    total = sum(weight * history[name] for name, weight in WEIGHTS.items())
    np.testing.assert_allclose(history["loss"], total, rtol=1e-12)


# bare machines


def test_fit_needs_torch_numpy_xarray_and_an_hdf5_reader_alone(xtb_set, short, tmp_path):
    """On a machine without any other package of ours, to the same loss."""
    write_training_set(xtb_set, tmp_path / "training_set.nc")
    program = f"""
import importlib.machinery, json, sys

ABSENT = {{"rdkit", "dgl", "openff", "ase", "tblite", "openmm", "snakemake", "qcelemental",
           "dftd3", "yaml", "matplotlib", "hypothesis"}}

class Bare(importlib.machinery.PathFinder):
    '''Finds what its parent finds, but for packages that a GPU machine lacks.'''
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in ABSENT else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Bare
sys.path.insert(0, {str(SCRIPTS)!r})
try:
    import rdkit
    raise SystemExit("the hook does not work")
except ModuleNotFoundError:
    pass
import torch
torch.set_num_threads(1)
from forceladder.fit.loop import fit_rung
from forceladder.model.checkpoint import save_model
from forceladder.training_set.dataset import read_training_set
dataset = read_training_set({str(tmp_path / "training_set.nc")!r})
model, history = fit_rung(dataset, json.loads(sys.argv[1]), 0, checkpoint={str(tmp_path / "c")!r})
save_model(model, {str(tmp_path)!r})
assert ABSENT.isdisjoint(sys.modules), ABSENT & set(sys.modules)
print(json.dumps(history["loss"].tolist()))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, json.dumps(rung_settings(3))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    loss = json.loads(answer.stdout.splitlines()[-1])
    expected = fit_rung(xtb_set, rung_settings(3), seed=0)[1]["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-9)  # message passing without DGL
