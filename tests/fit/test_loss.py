"""Every part of the loss is a share of what there is to explain."""

import numpy as np
import pytest
import torch

import oracles
from force_fields import random_rung, untrained_rung
from forceladder.energy.total import energy_and_gradient
from forceladder.fit.data import fit_data, relative_energies
from forceladder.fit.loss import PARTS, data_spread, has_grid, loss_parts, position_weight
from forceladder.fit.metrics import error_metrics
from forceladder.model.rung import Parameters
from forceladder.training_set.dataset import row_ranges, select_molecules
from small_set import without_grid

SCALE = 2.0


def numbers(parts):
    return {name: float(value.detach()) for name, value in parts.items()}


DATA_PARTS = [name for name in PARTS if name != "prior"]


@pytest.fixture(scope="module")
def data(xtb_set):
    return fit_data(xtb_set, SCALE)


def zero_model(data):
    """Parameters that say nothing: no energy, no force, no charge."""
    found = untrained_rung(data.topology)(data.topology)
    terms = {
        term: {name: torch.zeros_like(value) for name, value in values.items()}
        for term, values in found.terms.items()
    }
    return Parameters(terms, torch.zeros_like(found.charge), found.deviations)


def with_answers_of(model, data):
    """The data that the model itself would have given."""
    with torch.no_grad():
        found = model(data.topology)
    energy, gradient = energy_and_gradient(found.terms, data.geometry)
    answers = data._replace(gradient=gradient)
    relative = relative_energies(energy, data.weight, data.geometry, len(data.topology.atom_count))
    moments = found.charge[data.geometry.position_atom][:, None] * data.geometry.positions
    dipole = torch.zeros_like(data.dipole)
    dipole.index_add_(0, data.geometry.position_conformer, moments)
    return answers._replace(energy=relative, dipole=dipole), found


def test_parts_of_a_model_that_says_zero_are_one(data):
    parts = numbers(loss_parts(zero_model(data), data, data_spread([data])))
    for name in DATA_PARTS:
        assert parts[name] == pytest.approx(1.0, rel=1e-10), name
    assert parts["prior"] == 0.0


def test_parts_of_a_model_that_says_zero_are_one_where_some_have_no_grid(xtb_set):
    data = fit_data(without_grid(xtb_set, [0, 5, 7]), SCALE)
    parts = numbers(loss_parts(zero_model(data), data, data_spread([data])))
    for name in DATA_PARTS:
        assert parts[name] == pytest.approx(1.0, rel=1e-10), name


def test_parts_of_a_model_that_says_zero_are_one_over_all_batches(xtb_set):
    """Batches weighted by what they hold."""
    batches = [fit_data(select_molecules(xtb_set, rows), SCALE) for rows in ([0, 1, 2], [3, 4])]
    spread = data_spread(batches)
    parts = [numbers(loss_parts(zero_model(batch), batch, spread)) for batch in batches]
    holds = {"force": lambda d: position_weight(d).sum(), "energy": lambda d: d.weight.sum(),
             "esp": lambda d: has_grid(d).sum(), "dipole": lambda d: d.dipole.numel()}  # fmt: skip
    for name in DATA_PARTS:
        weights = np.array([float(holds[name](batch)) for batch in batches])
        values = np.array([part[name] for part in parts])
        assert (weights * values).sum() / weights.sum() == pytest.approx(1.0, rel=1e-10), name


def test_parts_of_a_model_that_is_right_are_zero(data):
    model = random_rung(data.topology, 3, scale=0.3)
    answers, found = with_answers_of(model, data)
    parts = numbers(loss_parts(found, answers, data_spread([answers])))
    for name in ("force", "energy", "dipole"):
        assert parts[name] == pytest.approx(0.0, abs=1e-20), name
    assert parts["prior"] > 0.0


def test_missing_kinds_of_data_are_no_division_by_zero(xtb_set):
    """One conformer: no relative energy. No grid: no potential."""
    bare = without_grid(select_molecules(xtb_set, [0]), [0])
    bare["dipole"].values[:] = 0.0
    bare["energy"].values[:] = -5.0
    data = fit_data(bare, SCALE)
    parts = numbers(loss_parts(zero_model(data), data, data_spread([data])))
    assert [parts[name] for name in ("energy", "esp", "dipole")] == [0.0, 0.0, 0.0]
    assert parts["force"] == pytest.approx(1.0, rel=1e-10)


def test_prior_part_is_the_mean_square_deviation_over_heads(data):
    found = random_rung(data.topology, 4)(data.topology)
    part = numbers(loss_parts(found, data, data_spread([data])))["prior"]
    means = [float((d.detach() ** 2).mean()) for d in found.deviations.values() if d.numel()]
    assert part == pytest.approx(np.mean(means), rel=1e-12)
    assert set(found.deviations) >= {"bond_harmonic", "charge"}


def test_every_part_reaches_the_weights(data):
    """None is a constant by mistake: each has a gradient of its own."""
    model = random_rung(data.topology, 5, scale=0.1)
    parts = loss_parts(model(data.topology), data, data_spread([data]))
    for name in PARTS:
        model.zero_grad()
        parts[name].backward(retain_graph=True)
        gradients = [w.grad for w in model.parameters() if w.grad is not None]
        assert any(float(g.abs().max()) > 0.0 for g in gradients), name
        assert all(bool(torch.isfinite(g).all()) for g in gradients), name


def test_gradient_of_the_loss_is_that_of_finite_differences(xtb_set):
    """By one weight of each head and of the encoder."""
    data = fit_data(select_molecules(xtb_set, [2, 5]), SCALE)
    model, spread = random_rung(data.topology, 6, scale=0.2), data_spread([data])

    def loss():
        return sum(loss_parts(model(data.topology, "torch"), data, spread).values())

    loss().backward()
    for name, weight in model.named_parameters():
        if weight.grad is None or float(weight.grad.abs().max()) < 1e-6:
            continue
        place = int(weight.grad.abs().argmax())
        slope, values = float(weight.grad.flatten()[place]), []
        with torch.no_grad():
            for shift in (1e-5, -2e-5):
                weight.view(-1)[place] += shift
                values.append(float(loss().detach()))
            weight.view(-1)[place] += 1e-5
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(slope, rel=1e-5, abs=1e-8), name


# metrics


def test_metrics_are_plain_root_mean_squares(xtb_set, data):
    model = random_rung(data.topology, 7, scale=0.3)
    with torch.no_grad():
        found = model(data.topology)
    metrics = error_metrics([found], [data])
    energy, gradient = (v.numpy() for v in energy_and_gradient(found.terms, data.geometry))
    charge, ranges = found.charge.numpy(), row_ranges(xtb_set)
    error = np.sqrt(np.mean((gradient - xtb_set["gradients"].values) ** 2))
    assert metrics["force_rmse"] == pytest.approx(error, rel=1e-10)
    energies, dipoles = [], []
    for m in range(xtb_set.sizes["molecule"]):
        here, w = slice(*ranges["conformer"][m : m + 2]), data.weight.numpy()
        difference = energy[here] - xtb_set["energy"].values[here]
        energies.append(difference - (w[here] * difference).sum() / w[here].sum())
        q = charge[slice(*ranges["atom"][m : m + 2])]
        x = xtb_set["positions"].values[slice(*ranges["position"][m : m + 2])]
        moment = np.einsum("a,cax->cx", q, x.reshape(-1, len(q), 3))
        dipoles.append(moment - xtb_set["dipole"].values[here])
    error = np.sqrt(np.mean(np.concatenate(energies) ** 2))
    assert metrics["energy_rmse"] == pytest.approx(error, rel=1e-9)
    error = np.sqrt(np.mean(np.concatenate(dipoles) ** 2))
    assert metrics["dipole_rmse"] == pytest.approx(error, rel=1e-10)
    error = np.sqrt(np.mean(oracles.mean_square_esp_errors(xtb_set, charge)))
    assert metrics["esp_rmse"] == pytest.approx(error, rel=1e-9)


def test_metrics_do_not_depend_on_batches(xtb_set, data):
    model = random_rung(data.topology, 7, scale=0.3)
    batches = [fit_data(select_molecules(xtb_set, range(i, i + 7)), SCALE) for i in (0, 7)]
    with torch.no_grad():
        whole = error_metrics([model(data.topology)], [data])
        parts = error_metrics([model(batch.topology) for batch in batches], batches)
    assert parts == pytest.approx(whole, rel=1e-10)


def test_molecules_without_a_grid_do_not_flatter_the_esp_error(xtb_set):
    model = untrained_rung(fit_data(xtb_set, SCALE).topology)

    def error(dataset):
        data = fit_data(dataset, SCALE)
        with torch.no_grad():
            return error_metrics([model(data.topology)], [data])["esp_rmse"]

    with_grids = error(select_molecules(xtb_set, range(2, 14)))
    assert error(without_grid(xtb_set, [0, 1])) == pytest.approx(with_grids, rel=1e-10)
    assert np.isnan(error(without_grid(xtb_set, range(14))))
