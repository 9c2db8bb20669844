"""Harmonic wavenumbers, against closed forms and ASE's analysis of the same Hessians."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.vibrations import VibrationsData
from scipy.spatial.transform import Rotation

from forceladder.molecules.normal_modes import normal_modes
from forceladder.molecules.normal_modes import wavenumbers as in_ev
from forceladder.qm.hessians import hessian
from forceladder.units import EV_IN_KCAL, WAVENUMBER_IN_KCAL
from forceladder.validate.frequencies import frequency_errors, spectra
from forceladder.validate.vibrations import rotation_onto, vibrations, zero_point_energy

WATER = np.array([[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])
MASSES = np.array([15.999, 1.008, 1.008])


def springs(pairs, positions, constants):
    """Surface of ½ k (r − r₀)² between pairs of atoms, at rest at `positions`."""
    pairs = np.array(pairs)
    rest = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)

    def surface(x):
        arrows = x[pairs[:, 0]] - x[pairs[:, 1]]
        length = np.linalg.norm(arrows, axis=1)
        pull = (constants * (length - rest) / length)[:, None] * arrows
        gradient = np.zeros_like(x)
        np.add.at(gradient, pairs[:, 0], pull)
        np.add.at(gradient, pairs[:, 1], -pull)
        return 0.5 * float(np.sum(constants * (length - rest) ** 2)), gradient

    return surface


def water_hessian(constants=(1500.0, 1500.0, 300.0)):
    """Water of three springs, the one between the hydrogens in place of the angle."""
    surface = springs([(0, 1), (0, 2), (1, 2)], WATER, np.array(constants))
    return hessian(surface, WATER, 0.001)


@pytest.mark.parametrize("constant", [100.0, 1650.0])
def test_a_diatomic_vibrates_at_the_root_of_force_constant_over_reduced_mass(constant):
    """√(k/μ) / 2πc in SI units, by ASE's constants."""
    ends, masses = np.array([[0.0, 0.0, 0.0], [0.3, -0.4, 1.2]]), np.array([12.011, 15.999])
    matrix = hessian(springs([(0, 1)], ends, np.array([constant])), ends, 1e-4)
    (found,), _ = vibrations(matrix, masses, ends)
    newton_per_metre = constant * units.kcal / units.mol / units.J * 1e20
    reduced = masses.prod() / masses.sum() * units._amu
    expected = np.sqrt(newton_per_metre / reduced) / (2 * np.pi * units._c * 100)
    assert found == pytest.approx(expected, rel=1e-6)


def test_wavenumbers_of_a_bent_triatomic_are_those_of_wilsons_gf_method():
    """Symmetric stretch and bend from a 2×2, the antisymmetric stretch alone."""
    matrix = water_hessian((1500.0, 1500.0, 0.0)) + bend_hessian(100.0)
    found, _ = vibrations(matrix, MASSES, WATER)
    arms = WATER[1:] - WATER[0]
    length = np.linalg.norm(arms[0])
    cosine = arms[0] @ arms[1] / length**2
    sine, o, h = np.sqrt(1 - cosine**2), 1 / MASSES[0], 1 / MASSES[1]
    g = np.array([
        [h + o * (1 + cosine), -np.sqrt(2) * o * sine / length],
        [-np.sqrt(2) * o * sine / length, 2 * (h + o * (1 - cosine)) / length**2],
    ])  # fmt: skip
    symmetric = np.linalg.eigvals(g @ np.diag([1500.0, 100.0]))
    antisymmetric = 1500.0 * (h + o * (1 - cosine))
    expected = in_ev(np.sort([*symmetric, antisymmetric]) / EV_IN_KCAL)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def bend_hessian(constant):
    """Hessian of ½ k (θ − θ₀)² at its minimum: k ∇θ ∇θᵀ, ∇θ by central differences."""

    def angle(x):
        u, v = x[1] - x[0], x[2] - x[0]
        return np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))

    slope = np.zeros(9)
    for k in range(9):
        move = np.zeros(9)
        move[k] = 1e-5
        slope[k] = (angle(WATER + move.reshape(3, 3)) - angle(WATER - move.reshape(3, 3))) / 2e-5
    return constant * np.outer(slope, slope)


def test_wavenumbers_and_zero_point_energy_are_ases():
    matrix = water_hessian()
    found, _ = vibrations(matrix, MASSES, WATER)
    data = VibrationsData.from_2d(Atoms("OH2", WATER, masses=MASSES), matrix / EV_IN_KCAL)
    np.testing.assert_allclose(found, data.get_frequencies().real[-3:], rtol=1e-5)
    expected = data.get_zero_point_energy() * units.mol / units.kcal
    assert zero_point_energy(found) == pytest.approx(expected, rel=1e-4)


def test_modes_are_those_of_the_sampling_code():
    matrix = water_hessian()
    found, modes = vibrations(matrix, MASSES, WATER)
    curvatures, others = normal_modes(matrix / EV_IN_KCAL, MASSES, WATER)
    np.testing.assert_allclose(found, in_ev(curvatures), rtol=1e-7)
    np.testing.assert_allclose(np.abs(modes @ others.T), np.eye(3), atol=1e-6)


@pytest.mark.parametrize(
    ("positions", "count"),
    [(WATER, 3), ([[0, 0, -1.1], [0, 0, 0.0], [0, 0, 1.1]], 4), ([[0, 0, 0], [0, 0, 1.0]], 1)],
)
def test_there_are_as_many_modes_as_vibrations(positions, count):
    positions = np.array(positions, float)
    found, modes = vibrations(np.eye(positions.size), np.arange(1.0, len(positions) + 1), positions)
    assert len(found) == len(modes) == count
    np.testing.assert_allclose(modes @ modes.T, np.eye(count), atol=1e-12)


def test_imaginary_wavenumbers_are_negative_and_have_no_zero_point_energy():
    found, _ = vibrations(-water_hessian(), MASSES, WATER)
    real, _ = vibrations(water_hessian(), MASSES, WATER)
    np.testing.assert_allclose(found, -real[::-1], rtol=1e-9)
    assert zero_point_energy(found) == 0.0
    assert zero_point_energy([1000.0, -50.0]) == pytest.approx(500.0 * WAVENUMBER_IN_KCAL)


# comparison of two minima


def turned(matrix, positions, seed):
    """The same molecule elsewhere, and its Hessian there."""
    rotation = Rotation.random(random_state=seed).as_matrix()
    big = np.kron(np.eye(len(positions)), rotation)
    return big @ matrix @ big.T, positions @ rotation.T + [1.0, -2.0, 3.0]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_molecule_turned_has_no_errors(seed):
    matrix = water_hessian()
    other, moved = turned(matrix, WATER, seed)
    errors = frequency_errors(spectra(MASSES, WATER, matrix, moved, other))
    for name in ("rmse", "mae", "matched_rmse", "zero_point_error", "high_rmse"):
        assert errors[name] == pytest.approx(0.0, abs=1e-4)
    assert errors["overlap"] == pytest.approx(1.0, abs=1e-9)
    assert (errors["modes"], errors["imaginary"]) == (3, 0)


def test_order_of_atoms_does_not_matter():
    stiff, soft = water_hessian(), water_hessian((1200.0, 1500.0, 350.0))
    order = [2, 0, 1]
    rows = np.ravel([[3 * k, 3 * k + 1, 3 * k + 2] for k in order])
    plain = frequency_errors(spectra(MASSES, WATER, stiff, WATER, soft))
    swapped = frequency_errors(
        spectra(MASSES[order], WATER[order], stiff[np.ix_(rows, rows)],
                WATER[order], soft[np.ix_(rows, rows)])
    )  # fmt: skip
    for name, value in plain.items():
        assert swapped[name] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)


def test_modes_that_change_places_are_matched_by_their_overlap():
    """A method whose two modes are swapped is right in ascending order and wrong by modes."""
    matrix = water_hessian()
    found, modes = vibrations(matrix, MASSES, WATER)
    root = np.sqrt(np.repeat(MASSES, 3))
    curvatures = np.einsum("mi,ij,mj->m", modes, matrix / np.outer(root, root), modes)
    swapped = (modes.T * curvatures[[0, 2, 1]]) @ modes * np.outer(root, root)
    result = spectra(MASSES, WATER, matrix, WATER, swapped)
    np.testing.assert_allclose(result.ordered, found, rtol=1e-6)
    np.testing.assert_allclose(result.matched, found[[0, 2, 1]], rtol=1e-6)
    errors, gap = frequency_errors(result), found[2] - found[1]
    assert errors["rmse"] == pytest.approx(0.0, abs=1e-3)
    assert errors["matched_rmse"] == pytest.approx(np.sqrt(2.0 / 3.0) * gap, rel=1e-5)


def test_errors_are_split_at_1000_in_the_reference():
    matrix = water_hessian((1500.0, 1500.0, 20.0))
    found, _ = vibrations(matrix, MASSES, WATER)
    assert found[0] < 1000.0 < found[1]
    errors = frequency_errors(spectra(MASSES, WATER, matrix, WATER, 1.21 * matrix))
    assert errors["low_rmse"] == pytest.approx(0.1 * found[0], rel=1e-6)
    assert errors["high_rmse"] == pytest.approx(0.1 * np.sqrt(np.mean(found[1:] ** 2)), rel=1e-6)
    assert errors["mae"] == pytest.approx(0.1 * found.mean(), rel=1e-6)
    expected = 0.05 * found.sum() * WAVENUMBER_IN_KCAL
    assert errors["zero_point_error"] == pytest.approx(expected, rel=1e-6)


def test_a_linear_and_a_bent_minimum_are_not_compared():
    straight = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    matrix = water_hessian()
    assert (
        spectra(MASSES, straight, matrix, WATER, matrix) == "only the reference's minimum is linear"
    )
    assert spectra(MASSES, WATER, matrix, straight, matrix) == "only the method's minimum is linear"


@pytest.mark.parametrize("seed", range(3))
def test_rotation_is_the_one_that_was_applied(seed):
    rotation = Rotation.random(random_state=seed)
    points = np.random.default_rng(seed).normal(size=(5, 3))
    found = rotation_onto(rotation.apply(points) + 4.0, points, np.arange(1.0, 6.0))
    np.testing.assert_allclose(found, rotation.as_matrix(), atol=1e-10)


def test_rotation_of_a_mirror_image_is_no_reflection():
    points = np.random.default_rng(0).normal(size=(5, 3))
    found = rotation_onto(points * [1, 1, -1], points, np.ones(5))
    assert np.linalg.det(found) == pytest.approx(1.0)
