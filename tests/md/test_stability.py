"""Measures of stability against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder.md.stability import (
    energy_drift,
    energy_fluctuation,
    in_thermal_units,
)

TIME = np.arange(1, 101) * 0.1  # ps


@given(st.floats(-10.0, 10.0), st.floats(-1e5, 1e5), st.integers(1, 300))
def test_drift_of_a_straight_line_is_its_slope_per_ns_and_degree_of_freedom(slope, start, freedom):
    drift = energy_drift(TIME, start + slope * TIME, freedom)
    assert drift == pytest.approx(1000.0 * slope / freedom, rel=1e-7, abs=1e-6)


@given(st.floats(0.01, 5.0), st.integers(1, 20))
def test_oscillation_is_fluctuation_and_hardly_drift(amplitude, waves):
    """Whole waves of a sine: the mean square is half of the amplitude's square."""
    time = np.linspace(0.0, 10.0, 2000, endpoint=False)
    energy = amplitude * np.cos(2.0 * np.pi * waves * time / 10.0)
    assert energy_fluctuation(time, energy, 3) == pytest.approx(amplitude / 2**0.5 / 3, rel=1e-2)
    assert abs(energy_drift(time, energy, 3)) < 1000.0 * amplitude / 3 * 1e-3


@given(st.floats(-5.0, 5.0), st.integers(1, 60))
def test_drift_is_no_fluctuation(slope, freedom):
    assert energy_fluctuation(TIME, 7.0 + slope * TIME, freedom) == pytest.approx(0.0, abs=1e-11)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_broken_trajectory_has_no_number(bad):
    energy = np.where(TIME > 5.0, bad, 1.0)
    assert np.isnan(energy_drift(TIME, energy, 3))
    assert np.isnan(energy_fluctuation(TIME, energy, 3))


def test_thermal_units_are_those_of_codata():
    """k_B × 300 K is 2.494 kJ/mol."""
    assert in_thermal_units(2.4943387854 / 4.184, 300.0) == pytest.approx(1.0, rel=1e-9)
