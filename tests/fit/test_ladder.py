"""Every rung of the ladder is fitted by the same loop, and keeps what it takes from its base."""

import copy

import numpy as np
import pytest
import torch

from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.errors import ConfigError, FitError
from forceladder.fit.batches import make_batches
from forceladder.fit.loop import Fit, fit_rung, start_model
from forceladder.fit.references import fit_atomic_energies
from forceladder.fit.step import predict, prepare
from forceladder.model.checkpoint import load_model, save_model
from forceladder.model.potential import mechanical_surface, rung_surface
from forceladder.model.rung import ELEMENTS
from forceladder.training_set.dataset import select_molecules, select_split
from small_fits import rung_settings, same_weights, splits

HARTREE = 627.5094740631  # kcal/mol
FAST = {"learning_rate": 0.1, "ema_decay": 0.9, "conformers_per_batch": 10}  # few steps, tiny nets


@pytest.fixture(scope="module")
def class2(xtb_set):
    return fit_rung(*splits(xtb_set), rung_settings("class2", 30), 0)


@pytest.fixture(scope="module")
def delta(xtb_set, class2):
    fast = FAST | {"learning_rate": 0.03, "force_loss": "mean_square"}
    settings = rung_settings("delta", 30, **fast)
    settings["correction"] |= {"channels": 8, "densities": 8, "max_degree": 2}
    return fit_rung(*splits(xtb_set), settings, 0, base=class2[0])


@pytest.fixture(scope="module")
def mlff(xtb_set):
    return fit_rung(*splits(xtb_set), rung_settings("mlff", 30, **FAST), 0)


def geometry_of(dataset):
    count = torch.as_tensor(dataset["conformer_count"].values)
    return Geometry(topology_of(dataset), count, torch.as_tensor(dataset["positions"].values))


def test_class2_learns_and_is_better_than_class1(xtb_set, class2):
    """By forces of the molecules that it is fitted to: the gap that SCIENCE.md measures."""
    _, history = class2
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    _, of_class1 = fit_rung(*splits(xtb_set), rung_settings("class1", 30), 0)
    assert history["train_force_rmse"][-1] < of_class1["train_force_rmse"][-1]


def test_mlff_learns(mlff):
    _, history = mlff
    values = history["train_force_rmse"][np.isfinite(history["train_force_rmse"])]
    assert values[-1] < 0.7 * values[0]


def test_delta_is_better_than_its_base_on_what_both_were_fitted_to(class2, delta):
    base, found = (history["train_force_rmse"][-1] for _, history in (class2, delta))
    assert found < 0.8 * base


def test_delta_has_the_mechanics_of_its_base_to_the_bit(xtb_set, class2, delta):
    kept = class2[0].state_dict()
    found = delta[0].state_dict()
    assert all(torch.equal(found[name], kept[name]) for name in kept if name != "atomic_energy")
    new = {name.split(".")[0] for name in found.keys() - kept.keys()}
    assert new == {"correction"}
    geometry = geometry_of(xtb_set)
    with torch.no_grad():
        one, two = (
            mechanical_surface(model(geometry.topology), geometry)
            for model in (class2[0], delta[0])
        )
    assert torch.equal(one.energy, two.energy) and torch.equal(one.gradient, two.gradient)


def test_only_the_correction_has_gradients_when_there_is_a_base(xtb_set, class2):
    fit = Fit(*splits(xtb_set), rung_settings("delta", 2), 0, class2[0], "cpu")
    fit.run_epoch()
    for name, weight in fit.model.named_parameters():
        assert weight.requires_grad == name.startswith("correction."), name
        assert (weight.grad is not None) <= name.startswith("correction."), name


def test_the_base_itself_is_left_alone(xtb_set, class2):
    base = copy.deepcopy(class2[0])
    fit_rung(*splits(xtb_set), rung_settings("delta", 2), 0, base=base)
    assert same_weights(base, class2[0])
    assert all(weight.requires_grad for weight in base.parameters())


def test_single_precision_is_a_matter_of_the_fit_alone(xtb_set, mlff, tmp_path):
    """Fitted in float32, the model is float64, and so are its files and its answers."""
    model, _ = mlff
    assert rung_settings("mlff", 1)["training"]["precision"] == "float32"
    assert {value.dtype for value in model.state_dict().values()} == {torch.float64}
    save_model(model, tmp_path)
    geometry = geometry_of(xtb_set)
    surface, again = (rung_surface(m, geometry) for m in (model, load_model(tmp_path)))
    assert surface.energy.dtype == surface.gradient.dtype == torch.float64
    assert torch.equal(surface.energy, again.energy)
    fit = Fit(*splits(xtb_set), rung_settings("mlff", 1), 0, None, "cpu")
    assert {w.dtype for w in fit.model.correction.parameters()} == {torch.float32}
    assert {w.dtype for w in fit.model.encoder.parameters()} == {torch.float64}


def test_single_and_double_precision_begin_alike(xtb_set):
    """The first epochs of both, before round-off has grown."""
    losses = [
        fit_rung(*splits(xtb_set), rung_settings("mlff", 2, precision=precision), 0)[1]["loss"]
        for precision in ("float32", "float64")
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.parametrize("rung", ["class2", "delta", "mlff"])
def test_same_seed_gives_the_same_bits_on_every_rung(xtb_set, class2, rung):
    base = class2[0] if rung == "delta" else None
    models = [fit_rung(*splits(xtb_set), rung_settings(rung, 3), 0, base=base)[0] for _ in range(2)]
    assert same_weights(*models)


def test_untrained_delta_says_what_its_base_says(xtb_set, class2):
    model = start_model(rung_settings("delta", 1), topology_of(xtb_set), 5, class2[0])
    model.correction.double()
    geometry = geometry_of(xtb_set)
    one, two = rung_surface(model, geometry), rung_surface(class2[0], geometry)
    torch.testing.assert_close(one.energy, two.energy, rtol=0, atol=0)
    torch.testing.assert_close(one.gradient, two.gradient, rtol=0, atol=0)


# energies of atoms


def test_total_energies_of_a_correction_are_on_the_scale_of_the_reference(xtb_set, delta, mlff):
    """Hartrees of atoms are gone: what is left is of the size of the error of the fit."""
    train = select_split(xtb_set, "train")
    reference = torch.as_tensor(train["energy"].values)
    assert float(reference.std()) > HARTREE
    for model, _ in (delta, mlff):
        error = rung_surface(model, geometry_of(train)).energy - reference
        assert float(error.std()) < 0.05 * float(reference.std())


def test_models_without_a_correction_have_no_energies_of_atoms(class2):
    assert not class2[0].atomic_energy.any()


def composed_set(dataset, model, atomic_energy):
    """The training set with energies of the model, plus those of its atoms."""
    energy = rung_surface(model, geometry_of(dataset)).energy
    count = torch.zeros(dataset.sizes["molecule"], ELEMENTS, dtype=torch.float64)
    molecule = np.repeat(np.arange(len(count)), dataset["atom_count"].values)
    np.add.at(count.numpy(), (molecule, dataset["atomic_number"].values), 1.0)
    composed = dataset.copy(deep=True)
    total = energy + (count @ atomic_energy)[geometry_of(dataset).molecule]
    composed["energy"].values[:] = total
    return composed, total


@pytest.mark.parametrize("size", [7, 1000])
def test_energies_of_atoms_are_found_to_the_last_digits(xtb_set, size):
    """H, C, N, O and S of the small set, by what the model lacks; in any batches."""
    model = start_model(rung_settings("mlff", 1), topology_of(xtb_set), 0, None).double()
    truth = torch.zeros(ELEMENTS, dtype=torch.float64)
    truth[[1, 6, 7, 8, 16]] = -HARTREE * torch.tensor([0.6, 38.1, 54.7, 75.2, 398.1]).double()
    dataset, _ = composed_set(xtb_set, model, truth)
    batches = [prepare(model, data, False) for data in make_batches(dataset, size, 2.0, 0)]
    fit_atomic_energies(model, batches)
    torch.testing.assert_close(model.atomic_energy, truth, rtol=1e-10, atol=1e-7)


def test_energies_of_atoms_that_always_come_together_are_the_shortest_that_fit(xtb_set):
    """Water alone: 2 H + O are known, H and O are not."""
    model = start_model(rung_settings("mlff", 1), topology_of(xtb_set), 0, None).double()
    truth = torch.zeros(ELEMENTS, dtype=torch.float64)
    truth[[1, 8]] = torch.tensor([-30.0, -100.0]).double()
    water, total = composed_set(select_molecules(xtb_set, [0]), model, truth)
    fit_atomic_energies(model, [prepare(model, d, False) for d in make_batches(water, 9, 2.0, 0)])
    found = model.atomic_energy
    assert float(2 * found[1] + found[8]) == pytest.approx(-160.0, rel=1e-12)
    assert float(found[1] / found[8]) == pytest.approx(2.0, rel=1e-9)
    torch.testing.assert_close(rung_surface(model, geometry_of(water)).energy, total)


# what does not belong together


def refused(settings, dataset, base, message):
    with pytest.raises(ConfigError, match=message):
        start_model(settings, topology_of(dataset), 0, base)


def test_base_of_another_network_or_other_terms_is_refused(xtb_set, class2):
    base = class2[0]
    for change in ({"layers": 3}, {"width": 16}, {"torsion_orders": 2}):
        settings = rung_settings("delta", 1)
        settings["network"] |= change
        refused(settings, xtb_set, base, "begins with the terms of its base, and has its network")
    fewer = rung_settings("delta", 1)
    fewer["terms"] = [term for term in fewer["terms"] if term != "coulomb"]
    refused(fewer, xtb_set, base, "the base has bond_quartic, ")


def test_rung_with_nothing_of_its_own_to_fit_is_refused(xtb_set, class2):
    with pytest.raises(ConfigError, match="nothing to fit: its terms are all those of its base"):
        Fit(*splits(xtb_set), rung_settings("class2", 1), 0, class2[0], "cpu")


def test_broken_correction_is_named_as_a_term(xtb_set, monkeypatch):
    """One weight infinite: all terms of mechanics are fine, and it is the correction's fault."""
    fit = Fit(*splits(xtb_set), rung_settings("mlff", 2), 0, None, "cpu")
    with torch.no_grad():
        fit.model.correction.readout[0].bias[0] = torch.inf
        fit.model.correction.readout[2].weight[:] = 1.0
    with pytest.raises(FitError, match="epoch 0: term correction of molecule "):
        fit.run_epoch()


def test_prediction_of_a_fixed_base_is_that_of_the_whole_model(xtb_set, delta):
    """What is worked out once per fit, and with every step's correction added."""
    (data,) = make_batches(xtb_set, 1000, 2.0, 0)
    fixed, free = (prepare(delta[0], data, mechanics_fixed) for mechanics_fixed in (True, False))
    (one, _), (two, _) = predict(delta[0], fixed), predict(delta[0], free)
    torch.testing.assert_close(one.energy, two.energy, rtol=1e-12, atol=1e-10)
    torch.testing.assert_close(one.gradient, two.gradient, rtol=1e-10, atol=1e-10)


# graphics processors


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("rung", ["class2", "delta", "mlff"])
def test_fit_on_a_gpu_is_the_fit_on_a_cpu(xtb_set, class2, rung):
    """Sums on a GPU have no fixed order: the same to 1e-6 after three epochs in float64."""
    base = class2[0] if rung == "delta" else None
    settings = rung_settings(rung, 3, precision="float64")
    (one, here), (two, there) = (
        fit_rung(*splits(xtb_set), settings, 0, base=base, device=device)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(there["loss"], here["loss"], rtol=1e-6)
    assert {value.device.type for value in two.state_dict().values()} == {"cpu"}
    geometry = geometry_of(xtb_set)
    found, expected = (rung_surface(model, geometry) for model in (two, one))
    torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-4, atol=1e-3)
