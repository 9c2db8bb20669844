"""h(r): counts of distances, and when two of them differ by more than chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder.md.distances import (
    BIN,
    EDGES,
    REACH,
    density,
    difference,
    noise_floor,
    pair_counts,
)


def counts_of(distances):
    """Of pairs of atoms at these distances."""
    return sum(pair_counts([[0.0, 0, 0], [r, 0, 0]]) for r in distances)


def test_every_pair_is_counted_once_in_its_bin():
    x = np.array([[0.0, 0, 0], [3, 4, 0], [3, 4, 12]])
    found = np.flatnonzero(pair_counts(x))
    np.testing.assert_allclose(EDGES[found], [5.0, 12.0, 13.0])
    assert pair_counts(x).sum() == 3
    assert pair_counts(np.zeros((0, 3))).sum() == 0
    far = pair_counts([[0.0, 0, 0], [1e4, 0, 0]])
    assert np.flatnonzero(far) == [len(EDGES) - 2]
    assert EDGES[-1] == REACH


@given(st.lists(st.floats(0.5, 15.0), min_size=1, max_size=40))
def test_density_is_one_and_differs_from_itself_by_nothing(distances):
    counts = counts_of(distances)
    assert density(counts).sum() * BIN == pytest.approx(1.0)
    assert difference(counts, 7 * counts) == pytest.approx(0.0, abs=1e-12)


def test_difference_is_two_where_no_distance_is_common_and_half_for_a_quarter_moved():
    one, other = counts_of([1.02] * 4), counts_of([2.02] * 4)
    assert difference(one, other) == pytest.approx(2.0)
    assert difference(one, counts_of([1.02] * 3 + [2.02])) == pytest.approx(0.5)
    assert np.isnan(difference(one, np.zeros_like(one)))


def test_noise_floor_is_what_two_alike_differ_by():
    """Independent frames of one distribution: the floor of one is the mean of many pairs."""
    random = np.random.default_rng(3)

    def blocks():
        return np.array([counts_of(random.normal(5.0, 0.3, 30)) for _ in range(16)])

    pairs = [difference(blocks(), blocks()) for _ in range(60)]
    floors = [noise_floor(blocks(), seed=k) for k in range(10)]
    assert np.mean(floors) == pytest.approx(np.mean(pairs), rel=0.1)
    assert np.isnan(noise_floor(blocks()[:3], seed=1))
