"""Optimizers go down, by a schedule, and their state is all that a resume needs."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from forceladder.errors import ConfigError
from forceladder.fit.optimizer import CLIP, Optimizer, RunningMean, scheduled_rate


def training(optimizer="adam", rate=0.01):
    return {"optimizer": optimizer, "learning_rate": rate}


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def loss_of(model):
    x = torch.linspace(-1.0, 1.0, 20).double()[:, None] ** torch.arange(4)
    return ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()


def step(model, optimizer, done, factor=1.0):
    return optimizer.step(factor * loss_of(model), done)


# schedule


def test_learning_rate_warms_up_and_follows_half_a_cosine():
    rate = 0.002
    assert scheduled_rate(0.01, rate) == pytest.approx(rate / 2)  # half of the warm-up
    assert scheduled_rate(0.02, rate) == pytest.approx(rate)
    assert scheduled_rate(0.51, rate) == pytest.approx(0.505 * rate)  # half of the rest
    assert scheduled_rate(1.0, rate) == pytest.approx(0.01 * rate)


@given(st.floats(1e-6, 1.0), st.integers(1, 2000))
def test_learning_rate_is_never_zero_rises_once_and_falls_once(rate, steps):
    rates = np.array([scheduled_rate(step / steps, rate) for step in range(steps)])
    assert ((rates > 0.0) & (rates <= rate * (1 + 1e-12))).all()
    top = int(rates.argmax())
    assert (np.diff(rates[: top + 1]) >= 0.0).all() and (np.diff(rates[top:]) <= 0.0).all()
    assert top <= 0.02 * steps + 1


# optimizers


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_optimizer_lowers_a_loss(name):
    model = network()
    before = loss_of(model).detach()
    optimizer = Optimizer(list(model.parameters()), training(name, 0.02))
    for k in range(200):
        step(model, optimizer, k / 200)
    assert float(loss_of(model).detach() / before) < 0.05


def test_muon_takes_the_matrices_and_adam_the_rest():
    weights = list(network().parameters())
    muon, adam = Optimizer(weights, training("muon")).parts
    assert isinstance(muon, torch.optim.Muon) and isinstance(adam, torch.optim.Adam)
    shapes = [[tuple(w.shape) for g in p.param_groups for w in g["params"]] for p in (muon, adam)]
    assert shapes == [[(8, 4)], [(8,), (1, 8), (1,)]]  # a row is no matrix


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_restored_state_goes_on_to_the_same_bits(name):
    one = network()
    optimizer = Optimizer(list(one.parameters()), training(name))
    for k in range(3):
        step(one, optimizer, k / 10)
    other = copy.deepcopy(one)
    again = Optimizer(list(other.parameters()), training(name))
    again.load(copy.deepcopy(optimizer.state()))
    for k in range(3, 6):
        step(one, optimizer, k / 10)
        step(other, again, k / 10)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_gradients_are_clipped_and_infinite_ones_take_no_step():
    model = network()
    optimizer = Optimizer(list(model.parameters()), training())
    assert float(step(model, optimizer, 0.5, factor=1e6)) > CLIP
    norm = torch.sqrt(sum((w.grad**2).sum() for w in model.parameters()))
    assert float(norm) == pytest.approx(CLIP, rel=1e-6)
    before = copy.deepcopy(model.state_dict())
    assert not torch.isfinite(step(model, optimizer, 0.5, factor=float("inf")))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_unknown_optimizer_is_named():
    with pytest.raises(ConfigError, match="'sgd' is no optimizer"):
        Optimizer(list(network().parameters()), training("sgd"))


# running mean


def test_running_mean_is_exponential_once_it_is_warm():
    """Weights of constant drift: the mean lags by (steps to forget) × drift."""
    model, drift = nn.Linear(1, 1).double(), 0.01
    mean = RunningMean(model, 0.9)
    for _ in range(500):
        with torch.no_grad():
            model.weight += drift
        mean.update(model)
    lag = float((model.weight - mean.mean["weight"]).detach())
    assert lag == pytest.approx(drift * 0.9 / 0.1, rel=1e-6)
    assert torch.allclose(mean.mean["bias"], model.bias, rtol=1e-12)


def test_without_decay_the_mean_is_the_last_weights():
    model = network()
    mean, optimizer = RunningMean(model, 0.0), Optimizer(list(model.parameters()), training())
    for k in range(3):
        step(model, optimizer, k / 3)
        mean.update(model)
    assert all(torch.equal(mean.mean[k], v) for k, v in model.named_parameters())


def test_swapping_twice_changes_nothing_and_frozen_weights_never_change():
    model = network()
    model[0].weight.requires_grad_(False)
    mean = RunningMean(model, 0.9)
    optimizer = Optimizer([w for w in model.parameters() if w.requires_grad], training())
    for k in range(3):
        step(model, optimizer, k / 3)
        mean.update(model)
    before = copy.deepcopy(model.state_dict())
    mean.swap(model)
    assert torch.equal(model[0].weight, before["0.weight"])
    assert not torch.equal(model[2].weight, before["2.weight"])
    mean.swap(model)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
