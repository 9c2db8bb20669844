"""A fit lowers its loss, finds what is there, and can be killed at any time."""

import json
import logging
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from conftest import SCRIPTS
from force_fields import random_rung
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.errors import FitError
from forceladder.fit import loop
from forceladder.fit.data import conformer_weights, fit_data
from forceladder.fit.history import read_history, write_history
from forceladder.fit.loop import Fit
from forceladder.fit.metrics import deciding_error, error_metrics
from forceladder.fit.step import prepare
from forceladder.model.potential import mechanical_surface
from forceladder.training_set.dataset import row_ranges, select_split, write_training_set
from small_fits import predictions, rung_settings, same_history, same_weights, splits
from small_set import without_grid


def class1(epochs, **training):
    return rung_settings("class1", epochs, **training)


def fit_rung(dataset, settings, seed=0, **options):
    """A fit of the training molecules, watched by the validation molecules."""
    return loop.fit_rung(*splits(dataset), settings, seed, **options)


def errors_of(model, dataset, split) -> dict:
    """Error metrics of the molecules of a split, all in one batch."""
    part = select_split(dataset, split)
    data = fit_data(part, conformer_weights(part, 2.0))
    return error_metrics(predictions(model, [prepare(model, data, False)]))


@pytest.fixture(scope="module")
def short(xtb_set):
    """Nine epochs, straight."""
    return fit_rung(xtb_set, class1(9))


# what a fit achieves


def test_fit_lowers_the_loss_and_every_error(xtb_set):
    model, history = fit_rung(xtb_set, class1(60))
    first, last = history["loss"][0], history["loss"][-1]
    assert last < 0.6 * first
    for metric in ("force_rmse", "energy_rmse", "esp_rmse"):
        for split in ("train", "validation"):
            values = history[f"{split}_{metric}"]
            values = values[np.isfinite(values)]
            assert values.min() < values[0], (split, metric)
    assert not model.training


def synthetic_set(dataset, seed):
    """The same geometries with energies, forces and dipoles of a random class1 model."""
    dataset = dataset.copy(deep=True)
    graph = topology_of(dataset)
    teacher = random_rung(graph, seed, scale=0.3, width=8, torsion_orders=3)
    count = torch.as_tensor(dataset["conformer_count"].values)
    geometry = Geometry(graph, count, torch.as_tensor(dataset["positions"].values))
    with torch.no_grad():
        found = teacher(graph)
        surface = mechanical_surface(found, geometry)
    dataset["energy"].values[:], dataset["gradients"].values[:] = surface
    dataset["split"].values[:] = "train"
    moments = found.charge[geometry.position_atom][:, None] * geometry.positions
    dipole = torch.zeros(geometry.conformers, 3, dtype=torch.float64)
    dataset["dipole"].values[:] = dipole.index_add(0, geometry.position_conformer, moments)
    return without_grid(dataset, range(dataset.sizes["molecule"])), found


def test_fit_recovers_the_model_that_made_the_data(xtb_set):
    """Forces and energies of a class1 force field that the network can express."""
    dataset, truth = synthetic_set(xtb_set, seed=1)
    settings = class1(
        250, learning_rate=0.01, conformers_per_batch=99, evaluate_every=250, checkpoint_every=999
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
    settings = class1(30, learning_rate=0.3, evaluate_every=2, ema_decay=0.0)  # overshoots
    model, history = fit_rung(xtb_set, settings)
    errors = history["validation_force_rmse"]
    best = np.nanmin(errors)
    assert best < errors[-1]
    found = errors_of(model, xtb_set, "validation")
    assert found["force_rmse"] == pytest.approx(best, rel=1e-12)


def test_where_there_are_no_forces_the_energies_choose_the_model(xtb_set):
    energies = xtb_set.copy(deep=True)
    energies["gradients"].values[:] = np.nan
    settings = class1(30, learning_rate=0.3, evaluate_every=2, ema_decay=0.0)
    model, history = fit_rung(energies, settings)
    assert np.isnan(history["validation_force_rmse"]).all()
    errors = history["validation_energy_rmse"]
    best = np.nanmin(errors)
    assert best < errors[-1]
    found = errors_of(model, energies, "validation")
    assert found["energy_rmse"] == pytest.approx(best, rel=1e-12)


def test_deciding_error_is_the_forces_before_the_energies():
    both = {"validation_force_rmse": 2.0, "validation_energy_rmse": 3.0}
    assert deciding_error(both) == 2.0
    assert deciding_error(both | {"validation_force_rmse": np.nan}) == 3.0
    assert np.isnan(deciding_error({"train_force_rmse": 1.0}))


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_without_validation_molecules_the_last_model_is_returned(xtb_set, ema_decay):
    """And patience, having nothing to judge by, has no end."""
    train = select_split(xtb_set, "train")
    settings = class1(6, ema_decay=ema_decay, patience_epochs=1)
    model, history = loop.fit_rung(train, select_split(train, "validation"), settings, 0)
    assert np.isnan(history["validation_force_rmse"]).all()
    found = errors_of(model, xtb_set, "train")
    assert found["force_rmse"] == pytest.approx(history["train_force_rmse"][-1], rel=1e-12)


# when a fit ends


def test_fit_stops_when_the_validation_error_no_longer_falls(xtb_set):
    """A patience of four epochs, judged where errors are evaluated: every second."""
    settings = class1(40, learning_rate=0.3, evaluate_every=2, patience_epochs=4, ema_decay=0.0)
    _, history = fit_rung(xtb_set, settings)
    errors = history["validation_force_rmse"]
    assert len(errors) < 40
    assert len(errors) == 1 + np.nanargmin(errors) + 4
    settings["training"]["patience_epochs"] = 99
    _, straight = fit_rung(xtb_set, settings)
    assert len(straight["loss"]) == 40
    np.testing.assert_array_equal(straight["loss"][: len(errors)], history["loss"])


def test_patience_shorter_than_the_evaluations_waits_for_them(xtb_set):
    settings = class1(6, evaluate_every=3, patience_epochs=1)
    model, history = fit_rung(xtb_set, settings)
    assert len(history["loss"]) in (3, 6)
    assert not model.training


# reproducibility


def test_same_seed_gives_the_same_bits(xtb_set, short):
    torch.manual_seed(12345)  # somebody else's draws must not matter
    again = fit_rung(xtb_set, class1(9))
    assert same_weights(again[0], short[0])
    assert same_history(again[1], short[1])


def test_other_seed_gives_another_model(xtb_set, short):
    assert not same_weights(fit_rung(xtb_set, class1(9), seed=1)[0], short[0])


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
    changed = fit_rung(dataset, class1(9))
    assert same_weights(changed[0], short[0])
    assert same_history(changed[1], short[1])


def test_validation_molecules_choose_the_model_but_do_not_make_it(xtb_set, short):
    dataset, ranges = xtb_set.copy(deep=True), row_ranges(xtb_set)
    for row in np.flatnonzero(dataset["split"].values == "validation"):
        dataset["gradients"].values[slice(*ranges["position"][row : row + 2])] *= -1.0
    _, history = fit_rung(dataset, class1(9))
    np.testing.assert_array_equal(history["loss"], short[1]["loss"])
    assert not np.array_equal(
        history["validation_force_rmse"], short[1]["validation_force_rmse"], equal_nan=True
    )


# resume


class Killed(Exception):
    pass


def killed_after(monkeypatch, epochs):
    """Let `epochs` epochs pass, then die in the middle of the next."""
    passed, real = [], Fit.train_epoch

    def train_epoch(fit):
        if len(passed) == epochs:
            raise Killed
        passed.append(fit.epoch)
        return real(fit)

    monkeypatch.setattr(Fit, "train_epoch", train_epoch)
    return passed


@pytest.mark.parametrize("epochs", [1, 2, 5, 8])
def test_killed_fit_resumes_to_the_same_bits(xtb_set, short, tmp_path, monkeypatch, epochs):
    """Wherever it dies: checkpoints come every second epoch, evaluations every third."""
    path = tmp_path / "fit.pt"
    with monkeypatch.context() as patch:
        killed_after(patch, epochs)
        with pytest.raises(Killed):
            fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
    with monkeypatch.context() as patch:
        passed = killed_after(patch, 99)
        resumed = fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
        assert len(passed) == 9 - epochs // 2 * 2
    assert same_weights(resumed[0], short[0])
    assert same_history(resumed[1], short[1])


LADDER = {
    "mlff-muon": ("mlff", "muon"),
    "mlff-adam": ("mlff", "adam"),
    "class2": ("class2", "adam"),
}


@pytest.mark.parametrize("case", LADDER)
def test_every_kind_of_fit_resumes_to_the_same_bits(xtb_set, tmp_path, monkeypatch, case):
    """Single precision, orthogonalized momenta, running means of the weights."""
    rung, optimizer = LADDER[case]
    settings = rung_settings(rung, 5, optimizer=optimizer, ema_decay=0.9, evaluate_every=2)
    straight = fit_rung(xtb_set, settings)
    path = tmp_path / "fit.pt"
    with monkeypatch.context() as patch:
        killed_after(patch, 3)
        with pytest.raises(Killed):
            fit_rung(xtb_set, settings, checkpoint=path, fingerprint="mine")
    resumed = fit_rung(xtb_set, settings, checkpoint=path, fingerprint="mine")
    assert same_weights(resumed[0], straight[0])
    assert same_history(resumed[1], straight[1])


def test_patience_survives_a_kill(xtb_set, tmp_path, monkeypatch):
    """The resumed fit stops where the straight one does, and when it has stopped, stays so."""
    settings = class1(40, learning_rate=0.3, evaluate_every=2, patience_epochs=6, ema_decay=0.0)
    straight = fit_rung(xtb_set, settings)
    epochs = len(straight[1]["loss"])
    assert epochs < 40
    path = tmp_path / "fit.pt"
    with monkeypatch.context() as patch:
        killed_after(patch, epochs - 3)
        with pytest.raises(Killed):
            fit_rung(xtb_set, settings, checkpoint=path, fingerprint="mine")
    for _ in range(2):
        resumed = fit_rung(xtb_set, settings, checkpoint=path, fingerprint="mine")
        assert same_weights(resumed[0], straight[0])
        assert same_history(resumed[1], straight[1])
    passed = killed_after(monkeypatch, 99)
    fit_rung(xtb_set, settings, checkpoint=path, fingerprint="mine")
    assert passed == []


def test_history_can_be_watched_beside_the_checkpoint(xtb_set, tmp_path, monkeypatch):
    killed_after(monkeypatch, 5)
    with pytest.raises(Killed):
        fit_rung(xtb_set, class1(9), checkpoint=tmp_path / "seed-0.pt", fingerprint="mine")
    assert {path.name for path in tmp_path.iterdir()} == {"seed-0.pt", "seed-0.history.nc"}
    history = read_history(tmp_path / "seed-0.history.nc")
    assert len(history["loss"]) == 4  # a checkpoint every second epoch
    assert np.flatnonzero(np.isfinite(history["train_force_rmse"])).tolist() == [2]


def test_finished_fit_is_read_and_not_repeated(xtb_set, short, tmp_path, monkeypatch):
    path = tmp_path / "fit.pt"
    fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
    passed = killed_after(monkeypatch, 99)
    again = fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
    assert passed == []
    assert same_weights(again[0], short[0])
    assert same_history(again[1], short[1])


def test_checkpoint_of_another_run_is_ignored_and_replaced(xtb_set, short, tmp_path, caplog):
    path = tmp_path / "fit.pt"
    other = class1(9, learning_rate=0.02)
    fit_rung(xtb_set, other, checkpoint=path, fingerprint="theirs")
    with caplog.at_level(logging.INFO, logger="forceladder"):
        ours = fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
    assert "belongs to other data or settings; starting anew" in caplog.text
    assert same_weights(ours[0], short[0])
    assert torch.load(path, weights_only=True)["fingerprint"] == "mine"


class Trap:
    def __reduce__(self):
        return sys.exit, (3,)


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "list", "bare", "pickle"])
def test_damaged_checkpoint_is_survived(xtb_set, short, tmp_path, caplog, damage):
    path = tmp_path / "fit.pt"
    fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
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
        again = fit_rung(xtb_set, class1(9), checkpoint=path, fingerprint="mine")
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
        fit_rung(spoiled(xtb_set, "positions", "CC#N"), class1(2))


def test_atoms_at_one_place_are_named_with_the_term_that_cannot_bear_it(xtb_set):
    """Two hydrogens of ethane, five bonds' worth of table apart: only pairs see it."""
    dataset, ranges = xtb_set.copy(deep=True), row_ranges(xtb_set)
    (row,) = np.flatnonzero(dataset["molecule_id"].values == "CC")
    i, j = dataset["pair_atoms"].values[ranges["pair"][row]]
    first = ranges["position"][row]
    dataset["positions"].values[first + j] = dataset["positions"].values[first + i]
    with pytest.raises(FitError, match="term lennard_jones of molecule CC;"):
        fit_rung(dataset, class1(2))


@pytest.mark.parametrize(
    "name, part", [("gradients", "force"), ("energy", "energy"), ("esp", "esp"),
                   ("dipole", "dipole")],
)  # fmt: skip
def test_broken_qm_data_are_named_with_their_molecule_and_part(xtb_set, name, part):
    with pytest.raises(FitError, match=rf"part .*{part}.* of molecule c1ccoc1; look at its QM"):
        fit_rung(spoiled(xtb_set, name, "c1ccoc1"), class1(2))


@pytest.mark.parametrize("name", ["positions", "energy"])
def test_broken_validation_data_are_named_and_choose_no_model(xtb_set, name):
    """Else no error would ever be the best, and no fit would stop early."""
    smiles = str(select_split(xtb_set, "validation")["molecule_id"].values[0])
    with pytest.raises(FitError, match=re.escape(f"of molecule {smiles}; look at its")):
        fit_rung(spoiled(xtb_set, name, smiles), class1(3))


def test_training_set_without_a_training_molecule_is_an_error(xtb_set):
    with pytest.raises(FitError, match="no molecule of the training set is in the split 'train'"):
        fit_rung(select_split(xtb_set, "test"), class1(2))


def test_dropping_the_geometry_costs_time_alone(xtb_set, short):
    """`keep_geometry` decides about memory, not about a number."""
    found = fit_rung(xtb_set, class1(9, keep_geometry=False))
    assert same_weights(found[0], short[0])
    assert same_history(found[1], short[1])


# history


def test_history_has_a_row_per_epoch_and_survives_its_file(short, tmp_path):
    _, history = short
    assert all(len(values) == 9 for values in history.values())
    evaluated = np.isfinite(history["train_force_rmse"])
    assert np.flatnonzero(evaluated).tolist() == [2, 5, 8]
    write_history(history, tmp_path / "history.nc")
    assert same_history(read_history(tmp_path / "history.nc"), history)


def test_loss_in_the_history_is_the_weighted_sum_of_its_parts(short):
    _, history = short
    weights = class1(9)["loss_weights"]
    total = sum(weight * history[name] for name, weight in weights.items())
    np.testing.assert_allclose(history["loss"], total, rtol=1e-12)


# bare machines


@pytest.mark.parametrize("rung", ["class1", "mlff"])
def test_fit_needs_torch_numpy_xarray_and_an_hdf5_reader_alone(xtb_set, tmp_path, rung):
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
from forceladder.training_set.dataset import read_training_set, select_split
dataset = read_training_set({str(tmp_path / "training_set.nc")!r})
splits = select_split(dataset, "train"), select_split(dataset, "validation")
model, history = fit_rung(*splits, json.loads(sys.argv[1]), 0, checkpoint={str(tmp_path / "c")!r})
save_model(model, {str(tmp_path)!r})
assert ABSENT.isdisjoint(sys.modules), ABSENT & set(sys.modules)
print(json.dumps(history["loss"].tolist()))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, json.dumps(rung_settings(rung, 3))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    loss = json.loads(answer.stdout.splitlines()[-1])
    expected = fit_rung(xtb_set, rung_settings(rung, 3))[1]["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-9)  # message passing without DGL
