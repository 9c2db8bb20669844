"""The grid of the electrostatic potential lies where Merz and Kollman put it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import WATER
from forceladder.qm.esp_grid import VDW_RADII, esp_grid, fibonacci_sphere

SYMBOLS = ["O", "H", "H"]


def scaled_distances(points, symbols, positions):
    """[points, atoms] distance in units of each atom's van der Waals radius."""
    radii = np.array([VDW_RADII[symbol] for symbol in symbols])
    return np.linalg.norm(points[:, None] - np.asarray(positions)[None], axis=-1) / radii


@given(st.floats(1.0, 3.0), st.floats(0.5, 5.0))
def test_every_point_is_on_a_sphere_and_outside_all_others(shell, density):
    points = esp_grid(SYMBOLS, WATER, [shell], density)
    nearest = scaled_distances(points, SYMBOLS, WATER).min(axis=1)
    np.testing.assert_allclose(nearest, shell, rtol=1e-9)


def test_shells_lie_one_after_another():
    shells = [1.4, 1.6, 1.8, 2.0]
    points = esp_grid(SYMBOLS, WATER, shells, 1.0)
    nearest = scaled_distances(points, SYMBOLS, WATER).min(axis=1)
    assert sorted(set(nearest.round(6))) == shells
    assert list(nearest.round(6)) == sorted(nearest.round(6))


def test_lone_atom_has_the_density_asked_for():
    points = esp_grid(["C"], np.zeros((1, 3)), [2.0], points_per_square_angstrom=3.0)
    assert len(points) == round(3.0 * 4.0 * np.pi * (2.0 * 1.70) ** 2)


def test_distant_molecules_do_not_hide_each_others_points():
    far = np.concatenate([WATER, WATER + [100.0, 0, 0]])
    one = esp_grid(SYMBOLS, WATER, [1.4], 2.0)
    assert len(esp_grid(SYMBOLS * 2, far, [1.4], 2.0)) == 2 * len(one)


@given(st.permutations(range(3)))
def test_order_of_atoms_does_not_change_the_set_of_points(order):
    def rounded(points):
        return sorted(map(tuple, points.round(9)))

    permuted = esp_grid([SYMBOLS[i] for i in order], WATER[list(order)], [1.4, 2.0], 1.0)
    assert rounded(permuted) == rounded(esp_grid(SYMBOLS, WATER, [1.4, 2.0], 1.0))


def test_grid_moves_with_the_molecule():
    shift = np.array([1.0, -2.0, 3.0])
    moved = esp_grid(SYMBOLS, WATER + shift, [1.4], 1.0)
    np.testing.assert_allclose(moved, esp_grid(SYMBOLS, WATER, [1.4], 1.0) + shift, atol=1e-9)


@pytest.mark.parametrize("count", [4, 50, 1000])
def test_sphere_is_covered_evenly(count):
    """Σ r rᵀ / n = 1/3 for an even cover; the nearest neighbours are all about as near."""
    points = fibonacci_sphere(count)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1.0 / count)
    np.testing.assert_allclose(points.T @ points / count, np.eye(3) / 3, atol=1.0 / count)
    if count > 4:
        distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
        np.fill_diagonal(distance, np.inf)
        nearest = distance.min(axis=1) * np.sqrt(count)
        assert nearest.min() > 2.5  # 3.81 for a perfect hexagonal lattice
        assert nearest.max() < 3.81
