"""Every part of the loss is a share of what there is to explain."""

import numpy as np
import pytest
import torch

import oracles
from force_fields import CLASS1, random_rung, untrained_rung
from forceladder.fit.batches import make_batches
from forceladder.fit.data import conformer_weights, fit_data, relative_energies
from forceladder.fit.loss import (
    FORCE_LOSSES,
    PARTS,
    data_spread,
    has_grid,
    loss_parts,
    position_weight,
    scan_weight,
)
from forceladder.fit.metrics import error_metrics
from forceladder.fit.step import predict, prepare
from forceladder.model.potential import Surface, mechanical_surface
from forceladder.training_set.dataset import row_ranges, select_molecules
from small_set import with_scans, without_grid

SCALE = 2.0
SCANNED = (1, 4, 9)  # methanol, cyclopropane, dimethyl sulfide


def data_of(dataset):
    return fit_data(dataset, conformer_weights(dataset, SCALE))


def said_by(model, data):
    """Surface and parameters of a rung."""
    return predict(model, prepare(model, data, mechanics_fixed=False))


def numbers(parts):
    return {name: float(value.detach()) for name, value in parts.items()}


DATA_PARTS = [name for name in PARTS if name != "prior"]


@pytest.fixture(scope="module")
def scanned_set(xtb_set):
    return with_scans(xtb_set, SCANNED)


@pytest.fixture(scope="module")
def data(scanned_set):
    return data_of(scanned_set)


def zero_model(data):
    """A surface and parameters that say nothing: no energy, no force, no charge."""
    found = untrained_rung(data.topology)(data.topology)
    surface = Surface(torch.zeros_like(data.energy), torch.zeros_like(data.gradient))
    return surface, found._replace(charge=torch.zeros_like(found.charge))


def with_answers_of(model, data):
    """The data that the model itself would have given, and what it said."""
    with torch.no_grad():
        found = model(data.topology)
        surface = mechanical_surface(found, data.geometry)
    relative = relative_energies(surface.energy, data.weight, data.geometry.molecule)
    moments = found.charge[data.geometry.position_atom][:, None] * data.geometry.positions
    dipole = torch.zeros_like(data.dipole)
    dipole.index_add_(0, data.geometry.position_conformer, moments)
    answers = data._replace(gradient=surface.gradient, energy=relative, dipole=dipole)
    return answers, (surface, found)


def test_parts_of_a_model_that_says_zero_are_one(data):
    parts = numbers(loss_parts(*zero_model(data), data, data_spread([data])))
    for name in DATA_PARTS:
        assert parts[name] == pytest.approx(1.0, rel=1e-10), name
    assert parts["prior"] == 0.0


def test_parts_of_a_model_that_says_zero_are_one_where_some_have_no_grid(scanned_set):
    data = data_of(without_grid(scanned_set, [0, 5, 7]))
    parts = numbers(loss_parts(*zero_model(data), data, data_spread([data])))
    for name in DATA_PARTS:
        assert parts[name] == pytest.approx(1.0, rel=1e-10), name


def test_parts_of_a_model_that_says_zero_are_one_over_all_batches(scanned_set):
    """Batches weighted by what they hold."""
    batches = [data_of(select_molecules(scanned_set, rows)) for rows in ([0, 1, 2], [3, 4])]
    spread = data_spread(batches)
    parts = [numbers(loss_parts(*zero_model(batch), batch, spread)) for batch in batches]
    holds = {
        "force": lambda d: position_weight(d).sum(), "energy": lambda d: d.weight.sum(),
        "torsion": lambda d: scan_weight(d).sum(), "esp": lambda d: has_grid(d).sum(),
        "dipole": lambda d: d.has_dipole.sum(),
    }  # fmt: skip
    for name in DATA_PARTS:
        weights = np.array([float(holds[name](batch)) for batch in batches])
        values = np.array([part[name] for part in parts])
        assert (weights * values).sum() / weights.sum() == pytest.approx(1.0, rel=1e-10), name


def test_parts_of_a_model_that_is_right_are_zero(data):
    model = random_rung(data.topology, 3, scale=0.3)
    answers, said = with_answers_of(model, data)
    parts = numbers(loss_parts(*said, answers, data_spread([answers])))
    for name in ("force", "energy", "torsion", "dipole"):
        assert parts[name] == pytest.approx(0.0, abs=1e-20), name
    assert parts["prior"] > 0.0


def test_missing_kinds_of_data_are_no_division_by_zero(xtb_set):
    """One conformer: no relative energy. No grid: no potential."""
    bare = without_grid(select_molecules(xtb_set, [0]), [0])
    bare["dipole"].values[:] = 0.0
    bare["energy"].values[:] = -5.0
    data = data_of(bare)
    parts = numbers(loss_parts(*zero_model(data), data, data_spread([data])))
    assert [parts[name] for name in ("energy", "torsion", "esp", "dipole")] == [0.0] * 4
    assert parts["force"] == pytest.approx(1.0, rel=1e-10)


def test_prior_part_is_the_mean_square_deviation_over_heads(data):
    surface, found = said_by(random_rung(data.topology, 4), data)
    part = numbers(loss_parts(surface, found, data, data_spread([data])))["prior"]
    means = [float((d.detach() ** 2).mean()) for d in found.deviations.values() if d.numel()]
    assert part == pytest.approx(np.mean(means), rel=1e-12)
    assert set(found.deviations) >= {"bond_harmonic", "coulomb"}


def test_every_part_reaches_the_weights(data):
    """None is a constant by mistake: each has a gradient of its own."""
    model = random_rung(data.topology, 5, scale=0.1)
    parts = loss_parts(*said_by(model, data), data, data_spread([data]))
    for name in PARTS:
        model.zero_grad()
        parts[name].backward(retain_graph=True)
        gradients = [w.grad for w in model.parameters() if w.grad is not None]
        assert any(float(g.abs().max()) > 0.0 for g in gradients), name
        assert all(bool(torch.isfinite(g).all()) for g in gradients), name


@pytest.mark.parametrize("force_loss", FORCE_LOSSES)
def test_gradient_of_the_loss_is_that_of_finite_differences(scanned_set, force_loss):
    """By one weight of each head and of the encoder."""
    data = data_of(select_molecules(scanned_set, [1, 2, 5]))
    model, spread = random_rung(data.topology, 6, scale=0.2), data_spread([data])

    def loss():
        return sum(loss_parts(*said_by(model, data), data, spread, force_loss).values())

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


def test_torsion_part_is_the_weighted_error_of_profiles_about_their_own_means(scanned_set, data):
    """By a loop over scans; conformers on no scan, and constants per scan, count nothing."""
    found = random_rung(data.topology, 8, scale=0.3)
    surface, parameters = said_by(found, data)
    spread = data_spread([data])
    part = numbers(loss_parts(surface, parameters, data, spread))["torsion"]
    first, squares, profiles = row_ranges(scanned_set)["conformer"], 0.0, 0.0
    model, reference = surface.energy.detach().numpy(), scanned_set["energy"].values
    total, weight = 0.0, data.weight.numpy()
    for row in SCANNED:
        here = slice(first[row] + 1, first[row + 1])
        w = weight[here] / weight[here].sum()
        error = model[here] - reference[here]
        squares += (weight[here] * (error - w @ error) ** 2).sum()
        profiles += (weight[here] * (reference[here] - w @ reference[here]) ** 2).sum()
        total += weight[here].sum()
    assert spread.torsion == pytest.approx(np.sqrt(profiles / total), rel=1e-8)
    assert part == pytest.approx(squares / profiles, rel=1e-8)
    metric = error_metrics([(surface, parameters, data)])["torsion_rmse"]
    assert 0.3 < metric / (np.sqrt(part) * spread.torsion) < 3.0  # the same without weights


def test_mean_norm_is_that_of_the_error_vectors_and_smooth_at_zero():
    """|e| / √3 beyond 10⁻³ of the spread, and a slope of zero where there is no error."""
    error = torch.tensor([[3.0, -4.0, 12.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.0]]).double()
    error.requires_grad_()
    found = FORCE_LOSSES["mean_norm"](error)
    expected = np.linalg.norm(error.detach().numpy(), axis=1) / np.sqrt(3.0)
    np.testing.assert_allclose(found.detach(), expected, atol=1e-3)
    (slope,) = torch.autograd.grad(found.sum(), error)
    assert bool(torch.isfinite(slope).all()) and slope[2].tolist() == [0.0, 0.0, 0.0]


def test_mean_norm_leaves_a_few_large_errors_be(data):
    """One conformer's forces off by a hundredfold move it as their size, not as its square."""
    zero, spread = zero_model(data), data_spread([data])
    wild = data.gradient.clone()
    wild[data.geometry.position_conformer == 7] *= 100.0
    grown = {}
    for force_loss in FORCE_LOSSES:
        was, now = (
            numbers(loss_parts(*zero, d, spread, force_loss))["force"]
            for d in (data, data._replace(gradient=wild))
        )
        grown[force_loss] = now - was
    assert grown["mean_square"] > 20.0 * grown["mean_norm"] > 0.0


def test_spread_is_the_weighted_root_mean_square_of_the_data(scanned_set, data):
    spread, weight = data_spread([data]), data.weight.numpy()
    per_atom = np.repeat(weight, np.repeat(scanned_set["atom_count"].values, 5))
    squares = (scanned_set["gradients"].values ** 2).mean(axis=1)
    assert spread.force == pytest.approx(np.sqrt(np.average(squares, weights=per_atom)), rel=1e-10)
    energies = data.energy.numpy() ** 2
    assert spread.energy == pytest.approx(np.sqrt(np.average(energies, weights=weight)), rel=1e-10)
    assert spread.dipole == pytest.approx(np.sqrt(np.mean(scanned_set["dipole"].values ** 2)))


def test_model_without_charges_has_no_part_in_esp_and_dipole(data):
    model = random_rung(data.topology, 3, scale=0.3, terms=[t for t in CLASS1 if t != "coulomb"])
    said = said_by(model, data)
    parts = numbers(loss_parts(*said, data, data_spread([data])))
    assert parts["esp"] == parts["dipole"] == 0.0
    metrics = error_metrics([(*said, data)])
    assert np.isnan(metrics["esp_rmse"]) and np.isnan(metrics["dipole_rmse"])
    assert np.isfinite([metrics["force_rmse"], metrics["energy_rmse"]]).all()


def test_unknown_forces_and_dipoles_count_nothing(scanned_set, data):
    """NaN for half of the conformers: the parts are those of the other half."""
    partly, ranges = scanned_set.copy(deep=True), row_ranges(scanned_set)
    for row in range(0, 14, 2):
        partly["gradients"].values[slice(*ranges["position"][row : row + 2])] = np.nan
        partly["dipole"].values[slice(*ranges["conformer"][row : row + 2])] = np.nan
    rest = select_molecules(scanned_set, range(1, 14, 2))
    model, spread = random_rung(data.topology, 3, scale=0.3), data_spread([data])
    found, expected = (
        numbers(loss_parts(*said_by(model, d), d, spread)) for d in (data_of(partly), data_of(rest))
    )
    for name in ("force", "dipole"):
        assert found[name] == pytest.approx(expected[name], rel=1e-10)


# metrics


def test_metrics_are_plain_root_mean_squares(xtb_set, data):
    surface, found = said_by(random_rung(data.topology, 7, scale=0.3), data)
    metrics = error_metrics([(surface, found, data)])
    energy, gradient = (v.detach().numpy() for v in surface)
    charge, ranges = found.charge.detach().numpy(), row_ranges(xtb_set)
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


def test_metrics_do_not_depend_on_batches(scanned_set, data):
    model = random_rung(data.topology, 7, scale=0.3)
    batches = [data_of(select_molecules(scanned_set, range(i, i + 7))) for i in (0, 7)]
    whole = error_metrics([(*said_by(model, data), data)])
    parts = error_metrics([(*said_by(model, batch), batch) for batch in batches])
    assert parts == pytest.approx(whole, rel=1e-10)
    # nor on molecules that are cut: an energy is relative to all conformers of its molecule
    cut = make_batches(scanned_set, 2, SCALE, 0)
    assert len(cut) > 14
    parts = error_metrics([(*said_by(model, batch), batch) for batch in cut])
    for name in ("force_rmse", "energy_rmse", "torsion_rmse", "dipole_rmse"):
        assert parts[name] == pytest.approx(whole[name], rel=1e-10), name


def test_molecules_without_a_grid_do_not_flatter_the_esp_error(xtb_set):
    model = untrained_rung(data_of(xtb_set).topology)

    def error(dataset):
        data = data_of(dataset)
        return error_metrics([(*said_by(model, data), data)])["esp_rmse"]

    with_grids = error(select_molecules(xtb_set, range(2, 14)))
    assert error(without_grid(xtb_set, [0, 1])) == pytest.approx(with_grids, rel=1e-10)
    assert np.isnan(error(without_grid(xtb_set, range(14))))
