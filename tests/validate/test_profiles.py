"""Torsion profiles, against Fourier series whose barriers, minima and weights are known."""

import numpy as np
import pytest
from scipy.integrate import quad

from forceladder.units import GAS_CONSTANT
from forceladder.validate.profiles import (
    circular_distance,
    matched,
    profile,
    profile_errors,
    prominent,
    torsion_scans,
    widest_gap,
)

ANGLES = np.arange(-180.0, 180.0, 15.0)
KT = GAS_CONSTANT * 300.0


def series(*amplitudes, shift=0.0):
    """½ Σ Vₙ (1 + cos n(φ − shift)), kcal/mol, as a function of degrees."""

    def energy(angle):
        phi = np.radians(np.asarray(angle, float) - shift)
        return sum(0.5 * v * (1 + np.cos(n * phi)) for n, v in enumerate(amplitudes, start=1))

    return energy


ETHANE = series(0.0, 0.0, 3.0)
BUTANE = series(1.5, -0.6, 3.4)
ENE = series(0.0, -6.0)


def errors(theirs, ours, angles=ANGLES):
    return profile_errors(np.asarray(angles)[:, None], theirs(angles), ours(angles))


@pytest.mark.parametrize(
    ("energy", "minima", "maxima"),
    [
        (ETHANE, [-180, -60, 60], [-120, 0, 120]),
        (series(0.0, 0.0, -3.0), [-120, 0, 120], [-180, -60, 60]),
        (ENE, [-180, 0], [-90, 90]),
        (series(5.0), [-180], [0]),
        (series(5.0, shift=37.0), [-143], [37]),
    ],
)
def test_extrema_of_a_fourier_term_are_where_its_cosine_says(energy, minima, maxima):
    found = profile(ANGLES, energy(ANGLES))
    for said, where in ((found.minima, minima), (found.maxima, maxima)):
        assert len(said) == len(where)
        ours, theirs = matched(said[:, 0], where)
        distance = circular_distance(said[ours, 0], np.array(where)[theirs])
        np.testing.assert_allclose(distance, 0.0, atol=0.3)
        np.testing.assert_allclose(said[ours, 1], energy(np.array(where))[theirs], atol=0.01)


@pytest.mark.parametrize("energy", [ETHANE, BUTANE, ENE])
def test_a_profile_against_itself_and_any_constant_has_no_errors(energy):
    found = errors(energy, lambda angle: energy(angle) + 123.0)
    for name in ("rmse", "barrier_error", "barrier_rmse", "minima_shift", "boltzmann_distance",
                 "well_distance"):  # fmt: skip
        assert found[name] == pytest.approx(0.0, abs=1e-9), name
    assert (found["missing_minima"], found["spurious_minima"]) == (0, 0)
    assert found["points"] == len(ANGLES)


def test_heights_of_barriers_are_compared_one_by_one():
    """Butane's barriers above its lowest minimum, one lower and two higher than the others'."""
    found = errors(BUTANE, ETHANE)
    grid = np.linspace(-180.0, 180.0, 200001)
    tops = [BUTANE(grid[abs(grid - centre) < 40]).max() for centre in (-120, 0, 120)]
    heights = np.array(tops) - BUTANE(grid).min()
    assert found["barrier_error"] == pytest.approx(3.0 - heights.max(), abs=0.01)
    expected = np.sqrt(np.mean((3.0 - heights) ** 2))
    assert found["barrier_rmse"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("shift", [-20.0, 7.0, 20.0])
def test_a_turned_profile_has_its_minima_shifted_by_as_much(shift):
    found = errors(ETHANE, series(0.0, 0.0, 3.0, shift=shift))
    assert found["minima_shift"] == pytest.approx(abs(shift), abs=0.3)
    assert found["barrier_error"] == pytest.approx(0.0, abs=0.01)
    assert (found["missing_minima"], found["spurious_minima"]) == (0, 0)


def test_minima_are_missing_and_spurious():
    """Twofold against threefold: at 180° and 0° against 180° and ±60°."""
    found = errors(ENE, ETHANE)
    assert (found["minima"], found["missing_minima"], found["spurious_minima"]) == (2, 1, 2)
    found = errors(ETHANE, ENE)
    assert (found["minima"], found["missing_minima"], found["spurious_minima"]) == (3, 2, 1)


def test_wells_shallower_than_their_prominence_are_none():
    shallow, deep = (lambda a, v=v: ENE(a) + series(0, 0, 0, 0, 0, v)(a) for v in (0.05, 3.0))
    assert len(profile(ANGLES, shallow(ANGLES)).minima) == 2
    assert len(profile(ANGLES, deep(ANGLES)).minima) > 2
    assert prominent(np.array([0.0, 3.0, 2.95, 5.0])) == [0, 3]
    assert prominent(np.array([2.95, 5.0, 0.0, 3.0])) == [1, 2]


def test_free_rotation_has_neither_minima_nor_barriers_and_still_weights():
    found = errors(ETHANE, lambda angle: 0.0 * angle)
    assert (found["missing_minima"], found["spurious_minima"]) == (3, 0)
    assert found["barrier_error"] == pytest.approx(-3.0, abs=0.01)
    assert "minima_shift" not in found and "barrier_rmse" not in found
    assert found["well_distance"] == pytest.approx(0.0, abs=0.01)


def test_weights_are_boltzmanns_at_300_kelvin():
    """Total variation and populations of wells, by quadrature of the exact functions."""

    def density(energy):
        whole = quad(lambda a: np.exp(-energy(a) / KT), -180.0, 180.0, limit=200)[0]
        return lambda a: np.exp(-energy(a) / KT) / whole

    p, q = density(BUTANE), density(ETHANE)
    expected = 0.5 * quad(lambda a: abs(p(a) - q(a)), -180.0, 180.0, limit=400)[0]
    found = errors(BUTANE, ETHANE, np.arange(-180.0, 180.0, 5.0))
    assert found["boltzmann_distance"] == pytest.approx(expected, abs=2e-3)
    top = profile(ANGLES, BUTANE(ANGLES)).maxima[:, 0].max()
    gauche = [quad(f, 0.0, top, limit=200)[0] for f in (p, q)]
    anti = [1.0 - 2.0 * g for g in gauche]
    wells = 0.5 * (2.0 * abs(gauche[0] - gauche[1]) + abs(anti[0] - anti[1]))
    assert found["well_distance"] == pytest.approx(wells, abs=0.01)


def test_weights_that_have_nothing_in_common_are_at_distance_one():
    found = errors(series(60.0), series(-60.0))
    assert found["boltzmann_distance"] == pytest.approx(1.0, abs=1e-6)


def test_rmse_is_over_points_that_both_have_and_aligned_by_their_mean():
    ours = ETHANE(ANGLES) + 50.0
    ours[0] += 2.0
    ours[5] = np.nan
    found = profile_errors(ANGLES[:, None], ETHANE(ANGLES), ours)
    n = len(ANGLES) - 1
    assert found["points"] == n
    assert found["rmse"] == pytest.approx(2.0 * np.sqrt(1.0 / n - 1.0 / n**2))


def test_a_gap_that_may_hide_a_well_leaves_the_rmse_alone():
    ours = ETHANE(ANGLES)
    ours[3:7] = np.nan
    found = profile_errors(ANGLES[:, None], ETHANE(ANGLES), ours)
    assert found == {"points": 20, "rmse": pytest.approx(0.0, abs=1e-12)}
    assert widest_gap(np.delete(ANGLES, np.s_[3:7])) == 75.0
    ours[:] = np.nan
    assert profile_errors(ANGLES[:, None], ETHANE(ANGLES), ours) == {"points": 0}


def test_two_torsions_have_weights_on_their_grid():
    one, two = np.meshgrid(np.arange(-180.0, 180.0, 30.0), np.arange(-180.0, 180.0, 30.0))
    angles = np.column_stack([one.ravel(), two.ravel()])
    theirs, ours = ETHANE(one).ravel() + ENE(two).ravel(), 2 * ETHANE(one).ravel()
    found = profile_errors(angles, theirs, ours)
    p, q = (np.exp(-e / KT) / np.exp(-e / KT).sum() for e in (theirs, ours))
    assert found["boltzmann_distance"] == pytest.approx(0.5 * np.abs(p - q).sum())
    difference = ours - theirs
    assert found["rmse"] == pytest.approx(np.std(difference))
    assert set(found) == {"points", "rmse", "boltzmann_distance"}


@pytest.mark.parametrize("turn", [15.0, 90.0, 165.0])
def test_where_a_turn_begins_does_not_matter(turn):
    """The same scan counted from another angle, and mirrored."""
    plain = errors(BUTANE, ETHANE)
    angles = (ANGLES + turn + 180.0) % 360.0 - 180.0
    order = np.argsort(angles)
    moved = profile_errors(angles[order, None], BUTANE(ANGLES)[order], ETHANE(ANGLES)[order])
    mirrored = errors(lambda a: BUTANE(-a), lambda a: ETHANE(-a))
    for name, value in plain.items():
        # populations are summed on a grid of 1°
        assert moved[name] == pytest.approx(value, rel=1e-3, abs=2e-3), name
        assert mirrored[name] == pytest.approx(value, rel=1e-2, abs=1e-2), name


def test_matching_is_the_nearest_and_within_reach():
    ours, theirs = matched([-179.0, 10.0, 95.0], [175.0, 0.0, 60.0])
    assert list(zip(ours.tolist(), theirs.tolist(), strict=True)) == [(0, 0), (1, 1)]
    assert [len(rows) for rows in matched([], [1.0, 2.0])] == [0, 0]


def test_scans_of_a_training_set_are_whole_and_in_order_of_angle(example):
    scans = torsion_scans(example)
    assert len(scans) == example["scan_count"].values.sum()
    for scan in scans:
        assert (np.diff(scan.angles[:, 0]) > 0).all()
        assert (example["scan"].values[scan.conformers] == scan.index).all()
        energy = example["energy"].values[scan.conformers]
        assert np.ptp(energy) > 1.0


@pytest.mark.parametrize(
    "angles",
    [
        [*ANGLES, 180.0],  # both ends
        [-180.004, *ANGLES[1:], 179.997],  # as measured: a little more than one turn
        [*ANGLES[:9], -60.2, *ANGLES[9:]],  # relaxed from two sides
        ANGLES + 180.0,  # from 0° to 345°
    ],
)
def test_points_that_come_twice_and_other_turns_change_nothing(angles):
    found, plain = errors(BUTANE, ETHANE, np.array(angles)), errors(BUTANE, ETHANE)
    assert found["points"] == len(angles)
    for name in ("barrier_error", "boltzmann_distance", "well_distance", "minima_shift"):
        assert found[name] == pytest.approx(plain[name], abs=0.02)
    assert (found["minima"], found["missing_minima"]) == (plain["minima"], plain["missing_minima"])
