"""Survival against closed forms: small hands of trials whose chances anyone can compute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder.md.watch import ALIVE, BOND, CONNECTIVITY, NO_PARAMETERS
from forceladder.validate.survival import (
    COLUMNS,
    common_lengths,
    death_rate,
    kaplan_meier,
    survival_interval,
    survival_rows,
)
from trajectories import md_dataset


@given(st.integers(1, 5000))
def test_rule_of_three(trials):
    """(1 − 3/n)ⁿ is about 0.05: where none died, the true chance is that of five in a hundred."""
    low, high = survival_interval(trials, trials)
    assert high == 1.0
    assert low**trials == pytest.approx(0.05, rel=1e-6)
    assert 1 - 3.0 / trials <= low + 1e-12
    if trials > 100:
        assert 1 - low == pytest.approx(3.0 / trials, rel=0.02)
    assert survival_interval(0, trials) == (0.0, pytest.approx(1 - low))


@given(st.integers(2, 60), st.data())
def test_clopper_pearson_bounds_leave_two_and_a_half_percent_on_each_side(trials, data):
    """By its definition, with sums of binomial probabilities."""
    from math import comb

    alive = data.draw(st.integers(1, trials - 1))
    low, high = survival_interval(alive, trials)

    def at_least(k, p):
        return sum(comb(trials, i) * p**i * (1 - p) ** (trials - i) for i in range(k, trials + 1))

    assert at_least(alive, low) == pytest.approx(0.025, rel=1e-6)
    assert 1 - at_least(alive + 1, high) == pytest.approx(0.025, rel=1e-6)
    assert low < alive / trials < high


def test_rate_of_no_deaths_and_of_some():
    assert death_rate(0, 2.0) == (0.0, 0.0, pytest.approx(-np.log(0.05) / 2.0))
    rate, low, high = death_rate(4, 2.0)
    assert rate == 2.0

    def poisson(k, mean):
        terms = np.cumprod([1.0, *(mean / i for i in range(1, k + 1))])
        return np.exp(-mean) * terms.sum()  # of k or less

    assert poisson(4, 2.0 * high) == pytest.approx(0.025, rel=1e-6)
    assert 1 - poisson(3, 2.0 * low) == pytest.approx(0.025, rel=1e-6)


def test_kaplan_meier_of_a_hand_of_trials():
    """6, 6, 6, 6⁺, 7, 9⁺, 10, … weeks: the drug arm of Freireich (1963), as in every textbook."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    died = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = kaplan_meier(weeks, died)
    assert curve.time.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    expected = [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    np.testing.assert_allclose(curve.alive, expected, atol=5e-4)
    # log-log intervals at 6 and 23 weeks, as R's survfit and Stata print them
    assert (curve.low[1], curve.high[1]) == (
        pytest.approx(0.620, abs=5e-4),
        pytest.approx(0.952, abs=5e-4),
    )
    assert (curve.low[-1], curve.high[-1]) == (
        pytest.approx(0.188, abs=5e-4),
        pytest.approx(0.680, abs=5e-4),
    )


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=30))
def test_without_censoring_before_the_end_the_curve_is_the_fraction_alive(lives):
    time = np.array([when if died else 10 for when, died in lives], float)
    died = np.array([died for _, died in lives])
    curve = kaplan_meier(time, died)
    for when, alive, low, high in zip(*curve, strict=True):
        later = ~died | (time > when)
        assert alive == pytest.approx(later.mean(), abs=1e-12)
        assert 0 <= low <= alive + 1e-12
        assert alive - 1e-12 <= high <= 1
    assert (np.diff(curve.alive) < 0).all()


def test_where_all_died_one_after_another_the_last_band_is_that_of_all():
    """Ten of ten: at most 1 − 0.05^(1/10) survive, whatever the order of their deaths."""
    curve = kaplan_meier(np.arange(1.0, 11.0), np.ones(10, bool))
    assert (curve.low[-1], curve.high[-1]) == (0.0, pytest.approx(1 - 0.05**0.1))
    assert (np.diff(curve.high) <= 1e-12).all()


def rows_of(cause, died, **more):
    trajectories = md_dataset(cause, died, **more)
    return survival_rows("class1", trajectories, common_lengths({"class1": trajectories}))


def test_who_runs_longer_is_compared_by_the_time_that_all_ran():
    """Dead at 60 of 100 ps, where another one was asked for 10 ps."""
    late, soon = np.full((2, 2, 1, 2), np.nan)
    late[0, 0, 0], soon[1, 0, 1] = 60.0, 4.0
    methods = {
        name: md_dataset(np.where(np.isnan(died), ALIVE, BOND), died, length=length)
        for name, died, length in (("class1", late, 100.0), ("mlff", soon, 10.0))
    }
    nobody = md_dataset([[[NO_PARAMETERS]]], np.full((1, 1, 1), np.nan), length=1.0)
    common = common_lengths(methods | {"UFF": nobody})
    assert common == {300.0: 10.0}
    (one,), (other,) = (survival_rows(name, found, common) for name, found in methods.items())
    assert (one["survival"], one["common_survival"]) == (0.75, 1.0)
    assert (other["survival"], other["common_survival"]) == (0.75, 0.75)
    assert (one["common_low"], one["common_high"]) == survival_interval(4, 4)
    assert one["common_picoseconds"] == other["common_picoseconds"] == 10.0


def test_rows_count_what_died_and_how_long_all_lived():
    cause = [[[ALIVE, BOND], [ALIVE, ALIVE]], [[CONNECTIVITY, BOND], [ALIVE, ALIVE]],
             [[NO_PARAMETERS] * 2] * 2]  # fmt: skip
    died = np.full((3, 2, 2), np.nan)
    died[0, 0, 1], died[1, 0] = 4.0, [1.0, 2.5]
    hot, cold = rows_of(cause, died, length=10.0)
    assert set(COLUMNS) - set(hot) <= {"rule_of_three", "rule_of_three_per_ns"}
    assert (hot["molecules"], hot["without_parameters"], hot["trajectories"]) == (2, 1, 4)
    assert (hot["died"], hot["molecules_died"], hot["survival"]) == (3, 2, 0.25)
    assert hot["picoseconds"] == pytest.approx(10 + 4 + 1 + 2.5)
    assert hot["deaths_per_ns"] == pytest.approx(3 / 0.0175)
    assert (hot[BOND], hot[CONNECTIVITY], hot["stereo"]) == (2, 1, 0)
    assert (cold["died"], cold["survival"], cold["high"]) == (0, 1.0, 1.0)
    assert cold["rule_of_three"] == 0.75
    assert cold["rule_of_three_per_ns"] == pytest.approx(3 / 0.04)
    assert cold["deaths_per_ns_high"] == pytest.approx(-np.log(0.05) / 0.04)


def test_death_at_the_start_of_all_has_no_rate():
    cause, died = [[[BOND]]], np.zeros((1, 1, 1))
    (row,) = rows_of(cause, died, length=1.0)
    assert row["survival"] == 0.0
    assert "deaths_per_ns" not in row


def test_a_method_without_parameters_has_no_survival():
    (row,) = rows_of([[[NO_PARAMETERS]]], np.full((1, 1, 1), np.nan))
    assert row["trajectories"] == 0
    assert "survival" not in row
