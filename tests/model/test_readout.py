"""Readouts are symmetric, start at zero, and stay within their bounds."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forceladder.model.readout import CentreReadout, Readout, bounded

SEEDS = st.integers(0, 2**31)


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_random_weights(readout, seed):
    readout = readout.double()
    with torch.no_grad():
        for row, weight in enumerate(readout.parameters()):
            weight.copy_(random(*weight.shape, seed=seed + row))
    return readout


@given(SEEDS, st.sampled_from([1, 2, 3, 4]), st.sampled_from([0, 3]))
def test_reversed_rows_read_the_same(seed, atoms, extra):
    readout = with_random_weights(Readout(atoms, width=6, extra=extra, outputs=2), seed)
    rows = random(9, atoms, 6, seed=seed)
    more = random(9, extra, seed=seed) if extra else None
    assert torch.equal(readout(rows, more), readout(rows.flip(1), more))


@given(SEEDS)
def test_torsion_readout_is_no_more_symmetric_than_a_torsion(seed):
    """i-j-k-l is l-k-j-i, but not i-k-j-l."""
    readout = with_random_weights(Readout(4, width=6, extra=0, outputs=2), seed)
    rows = random(5, 4, 6, seed=seed)
    assert not torch.allclose(readout(rows), readout(rows[:, [0, 2, 1, 3]]))


@given(SEEDS)
def test_neighbours_of_a_centre_have_no_order(seed):
    readout = with_random_weights(CentreReadout(width=6, outputs=1), seed)
    rows = random(9, 4, 6, seed=seed)
    for order in permutations([1, 2, 3]):
        assert torch.equal(readout(rows[:, [0, *order]]), readout(rows))
    assert not torch.allclose(readout(rows[:, [1, 0, 2, 3]]), readout(rows))


@pytest.mark.parametrize("readout", [Readout(3, 6, 2, 4), CentreReadout(6, 4)])
def test_untrained_readout_says_zero(readout):
    atoms, extra = (3, random(5, 2, seed=0).float()) if type(readout) is Readout else (4, None)
    assert torch.equal(readout(random(5, atoms, 6, seed=1).float(), extra), torch.zeros(5, 4))


@given(st.floats(-1e6, 1e6), st.floats(0.01, 100.0))
def test_bounded_is_odd_within_its_limit_and_never_falls(value, limit):
    x = torch.tensor([value, -value, value + 0.1], dtype=torch.float64)
    y = bounded(x, limit)
    assert float(y.abs().max()) <= limit
    assert float(y[0]) == -float(y[1])
    assert float(y[2]) >= float(y[0])


@given(st.floats(0.1, 10.0))
def test_bounded_is_the_identity_near_zero(limit):
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    y = bounded(x, limit)
    (slope,) = torch.autograd.grad(y, x)
    assert float(y.detach()) == 0.0
    assert float(slope) == pytest.approx(1.0, rel=1e-15)
