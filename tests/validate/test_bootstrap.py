"""Bootstrap intervals, against closed forms and series of known correlation."""

import numpy as np
import pytest

from forceladder.validate.bootstrap import (
    RESAMPLES,
    block_length,
    drawn_counts,
    percentiles,
    pooled_rmse,
)


@pytest.mark.parametrize("size", [1, 2, 7, 30])
@pytest.mark.parametrize("block", [1, 2, 5, 30])
def test_every_resample_draws_as_many_as_there_are(size, block):
    counts = drawn_counts(size, 0, block=block)
    assert counts.shape == (RESAMPLES, size)
    assert (counts.sum(axis=1) == size).all() and counts.min() >= 0


def test_spread_of_a_drawn_mean_is_that_of_independent_draws():
    """Var of the mean of n draws with replacement from n values is their variance / n."""
    values = np.random.default_rng(0).normal(size=40)
    means = drawn_counts(40, "spread") @ values / 40
    assert means.var() == pytest.approx(values.var() / 40, rel=0.1)
    assert means.mean() == pytest.approx(values.mean(), abs=0.02)


def test_blocks_hold_neighbours_on_a_circle():
    """One block as long as all draws each once; of two in five, neighbours come together."""
    assert (drawn_counts(9, 0, block=9) == 1).all()
    counts = drawn_counts(4, 3, block=2)
    pairs = {tuple(row) for row in counts.tolist()}
    assert pairs <= {
        tuple(np.bincount([a, (a + 1) % 4, b, (b + 1) % 4], minlength=4).tolist())
        for a in range(4)
        for b in range(4)
    }


def test_the_same_name_gives_the_same_draw_and_another_another():
    assert (drawn_counts(20, 1, "test") == drawn_counts(20, 1, "test")).all()
    assert (drawn_counts(20, 1, "test") != drawn_counts(20, 1, "train")).any()


def test_blocks_cover_the_mean_of_a_correlated_series_more_often_than_single_draws():
    """x(t) = 0.7 x(t − 1) + noise has mean 0; its interval from single draws is too narrow."""
    random = np.random.default_rng(5)
    hits, trials, size = {"single": 0, "blocks": 0}, 60, 150
    for trial in range(trials):
        noise, series = random.normal(size=size + 50), np.zeros(size + 50)
        for t in range(1, size + 50):
            series[t] = 0.7 * series[t - 1] + noise[t]
        for name, block in (("single", 1), ("blocks", block_length(size))):
            low, high = percentiles(drawn_counts(size, trial, block=block) @ series[50:] / size)
            hits[name] += low <= 0.0 <= high
    assert hits["blocks"] >= hits["single"] + 0.1 * trials


def test_length_of_blocks_is_the_cube_root():
    assert [block_length(n) for n in (1, 3, 9, 27, 1000)] == [1, 1, 2, 3, 10]


def test_members_of_equal_error_leave_no_doubt():
    rmse, low, high = pooled_rmse([8.0, 16.0, 4.0], [2.0, 4.0, 1.0], 0)
    assert (rmse, low, high) == pytest.approx((2.0, 2.0, 2.0))


def test_two_members_make_no_interval_and_none_no_error():
    assert pooled_rmse([18.0, 32.0], [2.0, 2.0], 0) == (pytest.approx(np.sqrt(12.5)), None, None)
    assert pooled_rmse([], [], 0) == (None, None, None)
