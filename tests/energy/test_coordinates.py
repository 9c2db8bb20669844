"""Internal coordinates are what their names say, and their gradients are exact."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from forceladder.energy.coordinates import (
    TORSION_ORDERS,
    angle,
    distance,
    harmonics,
    out_of_plane,
    torsion,
    wilson_angle,
)
from oracles import gradient_by_differences

SEEDS = st.integers(0, 2**31)
ATOMS = {distance: 2, angle: 3, torsion: 4, wilson_angle: 4, out_of_plane: 4}
ALL = st.sampled_from(list(ATOMS))
CYCLIC = ((1, 2, 3), (2, 3, 1), (3, 1, 2))
CHAINS = st.sampled_from([distance, angle, torsion])


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


@pytest.mark.parametrize("degrees", [-80.0, -20.0, 0.0, 1e-5, 35.0, 89.0])
def test_wilson_angle_is_that_of_the_third_bond_with_the_plane(degrees):
    """Whatever the lengths and the angle of the first two bonds."""
    chi = np.radians(degrees)
    third = [np.cos(chi) * np.cos(2.0), np.cos(chi) * np.sin(2.0), np.sin(chi)]
    x = torch.tensor([[0.0, 0, 0], [1.1, 0, 0], [-0.3, 0.9, 0], third], dtype=torch.float64)
    moved = x @ random_rotation(5).T + 2.0
    assert float(wilson_angle(moved)[0]) == pytest.approx(chi, abs=1e-14)


TETRAHEDRON = np.degrees(np.arccos(-1.0 / 3.0))


@pytest.mark.parametrize(
    "polar, expected",
    [(90.0, 0.0), (180.0 - TETRAHEDRON, TETRAHEDRON / 2.0), (TETRAHEDRON, -TETRAHEDRON / 2.0)],
)
def test_out_of_plane_angle_of_planar_and_tetrahedral_centres(polar, expected):
    """polar: angle of the three bonds, of any lengths, with their common axis."""
    b, turns = np.radians(polar), np.radians([0.0, 120.0, 240.0])
    ends = np.stack([np.sin(b) * np.cos(turns), np.sin(b) * np.sin(turns), np.full(3, np.cos(b))])
    x = torch.as_tensor(np.vstack([np.zeros(3), ends.T * [[1.0], [1.4], [2.0]]]))
    assert float(out_of_plane(x)[0]) == pytest.approx(np.radians(expected), abs=1e-14)


@given(st.floats(-20.0, 20.0))
def test_harmonics_are_powers_of_a_rotation(phi):
    """cos nφ + i sin nφ = (cos φ + i sin φ)ⁿ."""
    found = harmonics(torch.tensor([phi], dtype=torch.float64))
    expected = np.exp(1j * phi) ** np.arange(1, TORSION_ORDERS + 1)
    np.testing.assert_allclose(found.cosine[0], expected.real, atol=1e-13)
    np.testing.assert_allclose(found.sine[0], expected.imag, atol=1e-13)


# symmetry


@given(SEEDS, ALL)
def test_rotation_and_translation_change_nothing(seed, coordinate):
    x = random_positions(seed, ATOMS[coordinate])
    moved = x @ random_rotation(seed).T + torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(coordinate(moved)[0], coordinate(x)[0], rtol=1e-10, atol=1e-11)


@given(SEEDS, CHAINS)
def test_reading_the_atoms_backwards_changes_nothing(seed, coordinate):
    x = random_positions(seed, ATOMS[coordinate])
    value, gradient = coordinate(x)
    backwards, backwards_gradient = coordinate(x.flip(1))
    torch.testing.assert_close(backwards, value, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(backwards_gradient.flip(1), gradient, rtol=1e-9, atol=1e-11)


@given(SEEDS, st.sampled_from([torsion, wilson_angle, out_of_plane]))
def test_mirror_images_have_opposite_torsions_and_out_of_plane_angles(seed, coordinate):
    x = random_positions(seed, 4)
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(coordinate(x * mirror)[0], -coordinate(x)[0], rtol=1e-13, atol=1e-13)


@given(SEEDS, st.permutations([1, 2, 3]))
def test_order_of_the_neighbours_is_nothing_but_the_sign_of_an_out_of_plane_angle(seed, order):
    """Minus for odd permutations, which K χ² does not see."""
    x = random_positions(seed, 4)
    (chi, gradient), (other, other_gradient) = out_of_plane(x), out_of_plane(x[:, [0, *order]])
    sign = np.linalg.det(np.eye(3)[np.array(order) - 1])
    back = [0, *(1 + order.index(atom) for atom in (1, 2, 3))]
    torch.testing.assert_close(other, sign * chi, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(other_gradient[:, back], sign * gradient, rtol=1e-9, atol=1e-10)


# gradients


@given(SEEDS, ALL)
def test_gradient_equals_autograd_through_the_value(seed, coordinate):
    x = random_positions(seed, ATOMS[coordinate]).requires_grad_()
    value, gradient = coordinate(x)
    (expected,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(gradient.detach(), expected, rtol=1e-9, atol=1e-10)


def is_regular(coordinate, x) -> bool:
    """Far from where the gradient is not defined, and from the jump of a torsion at ±π."""
    if coordinate in (wilson_angle, out_of_plane):
        bends = [x[[1, 0, 2]], x[[2, 0, 3]], x[[3, 0, 1]]]
        upright = [abs(float(wilson_angle(x[[0, *order]])[0])) > 1.3 for order in CYCLIC]
    else:
        bends = [x[i : i + 3] for i in range(len(x) - 2)]
        upright = [coordinate is torsion and abs(float(torsion(x)[0])) > 3.0]
    bent = all(angle(bend)[0].sin() > 0.2 for bend in bends)
    return bent and not any(upright) and bool((torch.pdist(x) > 0.5).all())


@given(SEEDS, ALL)
def test_gradient_equals_finite_differences(seed, coordinate):
    x = random_positions(seed, ATOMS[coordinate], rows=1)[0]
    assume(is_regular(coordinate, x))
    gradient = coordinate(x)[1]
    differences = gradient_by_differences(lambda y: coordinate(torch.tensor(y))[0], x)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7)


@given(SEEDS, ALL)
def test_gradient_exerts_neither_force_nor_torque(seed, coordinate):
    x = random_positions(seed, ATOMS[coordinate])
    gradient = coordinate(x)[1]
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


@given(SEEDS, ALL, st.integers(0, 3), st.integers(0, 3))
def test_atoms_on_top_of_each_other_have_finite_coordinates(seed, coordinate, one, other):
    x = random_positions(seed, ATOMS[coordinate])
    x[:, one % ATOMS[coordinate]] = x[:, other % ATOMS[coordinate]]
    value, gradient = coordinate(x)
    assert bool(torch.isfinite(value).all() & torch.isfinite(gradient).all())
