"""Internal coordinates are what their names say, and their gradients are exact."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from forceladder.energy.coordinates import BY_ATOM_COUNT, angle, distance, torsion
from oracles import gradient_by_differences

SEEDS = st.integers(0, 2**31)


def random_positions(seed, atoms, rows=8):
    generator = torch.Generator().manual_seed(seed)
    return 3.0 * torch.randn(rows, atoms, 3, generator=generator, dtype=torch.float64)


def random_rotation(seed):
    generator = torch.Generator().manual_seed(seed)
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return matrix * torch.linalg.det(matrix)


def bent(theta, first=1.1, last=1.7):
    """Three atoms with the angle θ at the middle one, askew to the axes."""
    x = [[first, 0, 0], [0, 0, 0], [last * np.cos(theta), last * np.sin(theta), 0]]
    return torch.tensor(x, dtype=torch.float64) @ random_rotation(3).T + 0.7


def twisted(phi):
    """Four atoms with the torsion φ, positive clockwise seen from the front (IUPAC)."""
    x = [[1.0, 0, -0.5], [0, 0, 0], [0, 0, 1.5], [np.cos(phi), np.sin(phi), 2.0]]
    return torch.tensor(x, dtype=torch.float64) @ random_rotation(4).T - 1.3


# values


@pytest.mark.parametrize("theta", [1e-7, 1e-3, 0.5, np.pi / 2, 2.0, np.pi - 1e-3, np.pi - 1e-7])
def test_angle_is_exact_up_to_both_ends(theta):
    """arccos would lose half of the digits near 0 and π."""
    assert float(angle(bent(theta))[0]) == pytest.approx(theta, abs=2e-15, rel=1e-8)


@pytest.mark.parametrize("phi", [-3.1, -np.pi / 2, -1e-6, 0.0, 0.3, np.pi / 2, 3.1])
def test_torsion_has_the_iupac_sign(phi):
    assert float(torsion(twisted(phi))[0]) == pytest.approx(phi, abs=1e-14)


def test_trans_is_pi_and_not_minus_pi_away_from_itself():
    assert abs(float(torsion(twisted(np.pi))[0])) == pytest.approx(np.pi, abs=1e-14)


@given(SEEDS)
def test_distance_is_that_of_numpy(seed):
    x = random_positions(seed, 2)
    expected = np.linalg.norm(x[:, 1].numpy() - x[:, 0].numpy(), axis=-1)
    np.testing.assert_allclose(distance(x)[0], expected, rtol=1e-15)


# symmetry


@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_rotation_and_translation_change_nothing(seed, atoms):
    x = random_positions(seed, atoms)
    moved = x @ random_rotation(seed).T + torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(
        BY_ATOM_COUNT[atoms](moved)[0], BY_ATOM_COUNT[atoms](x)[0], rtol=1e-10, atol=1e-11
    )


@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_reading_the_atoms_backwards_changes_nothing(seed, atoms):
    x = random_positions(seed, atoms)
    value, gradient = BY_ATOM_COUNT[atoms](x)
    backwards, backwards_gradient = BY_ATOM_COUNT[atoms](x.flip(1))
    torch.testing.assert_close(backwards, value, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(backwards_gradient.flip(1), gradient, rtol=1e-9, atol=1e-11)


@given(SEEDS)
def test_mirror_images_have_opposite_torsions(seed):
    x = random_positions(seed, 4)
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(torsion(x * mirror)[0], -torsion(x)[0], rtol=1e-13, atol=1e-13)


# gradients


@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_gradient_equals_autograd_through_the_value(seed, atoms):
    x = random_positions(seed, atoms).requires_grad_()
    value, gradient = BY_ATOM_COUNT[atoms](x)
    (expected,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(gradient.detach(), expected, rtol=1e-9, atol=1e-10)


@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_gradient_equals_finite_differences(seed, atoms):
    x = random_positions(seed, atoms, rows=1)[0]
    sines = [angle(x[i : i + 3])[0].sin() for i in range(atoms - 2)]
    assume(all(sine > 0.2 for sine in sines))
    assume(all((x[i] - x[i + 1]).norm() > 0.5 for i in range(atoms - 1)))
    assume(atoms < 4 or abs(float(torsion(x)[0])) < 3.0)  # differences would straddle ±π
    gradient = BY_ATOM_COUNT[atoms](x)[1]
    differences = gradient_by_differences(lambda y: BY_ATOM_COUNT[atoms](torch.tensor(y))[0], x)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_gradient_exerts_neither_force_nor_torque(seed, atoms):
    x = random_positions(seed, atoms)
    gradient = BY_ATOM_COUNT[atoms](x)[1]
    size = 1e-13 * float(gradient.abs().max()) + 1e-13
    assert float(gradient.sum(dim=1).abs().max()) <= 10.0 * size
    torque = torch.linalg.cross(x, gradient).sum(dim=1)
    assert float(torque.abs().max()) <= 1000.0 * size


# where a direction is not defined


@pytest.mark.parametrize("theta", [np.pi - 1e-3, np.pi - 1e-5, np.pi - 1e-7])
def test_nearly_linear_angle_keeps_a_gradient_of_one_over_the_arm(theta):
    gradient = angle(bent(theta))[1]
    np.testing.assert_allclose(gradient.norm(dim=-1)[[0, 2]], [1 / 1.1, 1 / 1.7], rtol=1e-6)


@pytest.mark.parametrize("theta", [0.0, np.pi - 1e-9, np.pi - 1e-12, np.pi])
def test_exactly_linear_angle_has_a_finite_gradient(theta):
    value, gradient = angle(bent(theta))
    assert float(value) == pytest.approx(theta, abs=1e-8)
    assert bool(torch.isfinite(gradient).all())
    assert float(gradient.norm(dim=-1).max()) < 2.0  # never more than the arms allow


def test_collinear_integer_positions_have_a_zero_gradient():
    x = torch.tensor([[-1.0, 0, 0], [0, 0, 0], [2.0, 0, 0]], dtype=torch.float64)
    value, gradient = angle(x)
    assert float(value) == np.pi
    assert float(gradient.abs().max()) == 0.0


def test_torsion_through_three_atoms_in_a_line_is_finite():
    line = torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 1, 0]], dtype=torch.float64)
    for x in (line, line.flip(0), torch.arange(4.0).double()[:, None] * torch.ones(3).double()):
        value, gradient = torsion(x)
        assert bool(torch.isfinite(value) & torch.isfinite(gradient).all())


def test_atoms_at_one_place_have_a_finite_distance_gradient():
    value, gradient = distance(torch.zeros(2, 3, dtype=torch.float64))
    assert float(value) == 0.0
    assert float(gradient.abs().max()) == 0.0
