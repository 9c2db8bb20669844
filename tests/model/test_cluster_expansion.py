"""Our own correction obeys the physics of every potential and its own promises."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from force_fields import VARIETY, dataset_of_mapped, embedded, geometry_of, shaken, topology
from forceladder.energy.neighbours import find_neighbours
from forceladder.energy.topology import topology_of
from forceladder.model.corrections.cluster_expansion import (
    ClusterExpansion,
    invariant_products,
    monomials,
    product_quadrature,
    radial_functions,
    reverse_places,
    sphere,
)
from forceladder.model.encoder import Encoder
from ladder import CORRECTION
from physics import Physics, rotation

SETTINGS = {**CORRECTION, "cutoff_angstrom": 3.5, "max_degree": 3}
WIDTH = 8
CPU = torch.device("cpu")


class Model:
    """An encoder and a correction with random weights, the last layer included."""

    def __init__(self, graph, seed=0, scale=1.0, dtype=torch.float64, trained=True, **changes):
        torch.manual_seed(seed)
        features = graph.atom_features.shape[1], graph.bond_features.shape[1]
        self.dtype, self.settings = dtype, {**SETTINGS, **changes}
        self.encoder = Encoder(*features, WIDTH, 2).to(dtype)
        self.correction = ClusterExpansion(self.settings, WIDTH).to(dtype)
        if trained:
            with torch.no_grad():
                for weight in self.correction.parameters():
                    weight.mul_(scale)
                torch.nn.init.normal_(self.correction.readout[2].weight, std=10.0 * scale)

    def embedding(self, graph):
        graph = graph._replace(
            atom_features=graph.atom_features.to(self.dtype),
            bond_features=graph.bond_features.to(self.dtype),
        )
        return self.encoder(graph, "torch")

    def __call__(self, geometry, graph, cutoff=None):
        """Energy of each atom [positions] and the gradient of their sum [positions, 3]."""
        x = geometry.positions.to(self.dtype).requires_grad_(True)
        atom, conformer = geometry.position_atom, geometry.position_conformer
        cutoff = cutoff or self.settings["cutoff_angstrom"]
        neighbours = find_neighbours(graph, x, atom, conformer, cutoff)
        energy = self.correction(self.embedding(graph), atom, x, neighbours)
        (gradient,) = torch.autograd.grad(energy.sum(), x)
        return energy.detach(), gradient


class TestCorrection(Physics):
    relative = 1e-11

    def potential(self, molecules, positions):
        graph = topology_of(dataset_of_mapped(molecules))
        geometry = geometry_of(graph, positions)
        energy, gradient = Model(graph)(geometry, graph)
        total = torch.zeros(len(molecules), dtype=torch.float64)
        total.index_add_(0, geometry.position_conformer, energy)
        parts = torch.split(gradient, graph.atom_count.tolist())
        return total.numpy(), [part.numpy() for part in parts]


def one(smiles, positions, **changes):
    """Energies of the atoms and gradient of one molecule under a random model."""
    graph = topology(smiles)
    return Model(graph, **changes)(geometry_of(graph, [positions]), graph)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_untrained_correction_is_zero(dtype):
    graph = topology(*VARIETY)
    geometry = geometry_of(graph, [embedded(m) for m in VARIETY])
    energy, gradient = Model(graph, trained=False, dtype=dtype)(geometry, graph)
    assert energy.dtype == gradient.dtype == dtype
    assert not energy.any() and not gradient.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cutoff,listed_to", [(3.5, None), (3.5, 1e4), (3.3, 1e4), (4.7, 1e4)])
def test_atoms_far_from_all_others_have_no_energy_at_all(dtype, cutoff, listed_to):
    graph = topology("C[C@H](N)C=O")
    scattered = 4.8 * np.arange(12)[:, None] * [1.0, 2.0, 3.0]
    model = Model(graph, dtype=dtype, cutoff_angstrom=cutoff)
    energy, gradient = model(geometry_of(graph, [scattered]), graph, listed_to)
    assert not energy.any() and not gradient.any()


def test_only_the_atom_that_has_left_loses_its_energy():
    x = embedded("CCO").copy()
    x[-1] += 1000.0
    energy, _ = one("CCO", x)
    assert energy[-1] == 0.0 and bool((energy[:-1] != 0.0).all())


def test_listing_more_neighbours_than_the_cutoff_asks_for_changes_nothing():
    graph = topology("CNC=O")
    model, geometry = Model(graph), geometry_of(graph, [shaken("CNC=O", 0, 0.1)])
    for found, expected in zip(model(geometry, graph, 9.0), model(geometry, graph), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1.0, 3.0, 30.0]), st.sampled_from([0.1, 5.0]))
def test_no_weights_and_no_geometry_break_the_bound(seed, scale, bound):
    """Also for atoms as near to each other as 0.1 Å."""
    x = shaken("CC#N", seed, 0.5)
    energy, gradient = one("CC#N", x, seed=seed, scale=scale, max_energy_kcal_per_atom=bound)
    assert bool((energy.abs() <= bound).all()) and bool(torch.isfinite(gradient).all())


def test_small_energies_hardly_feel_the_bound():
    x = shaken("CCO", 1, 0.1)
    free, _ = one("CCO", x)
    size = float(free.abs().max())
    bounded, _ = one("CCO", x, max_energy_kcal_per_atom=100.0 * size)
    torch.testing.assert_close(bounded, free, rtol=1e-4, atol=0.0)
    assert not torch.equal(bounded, free)


def test_energy_is_twice_differentiable_at_the_cutoff():
    """Of an atom that crosses the sphere of its only neighbour: no jump in the second slope."""
    cutoff, step = SETTINGS["cutoff_angstrom"], 1e-3
    graph, line = topology("[H][H]"), []
    for distance in cutoff + step * np.arange(-200, 5):
        x = geometry_of(graph, [np.array([[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])])
        energy, gradient = Model(graph, scale=3.0)(x, graph)
        line.append([float(energy.sum()), float(gradient[1, 0])])
    energy, slope = np.array(line).T
    curvature = np.diff(slope) / step
    assert abs(energy[0]) > 0.0 and not energy[200:].any() and not slope[200:].any()
    # all three fade to nothing as the third, second and first power of what is left
    for values, power in ((energy, 3), (slope, 2), (curvature, 1)):
        assert abs(values[190]) <= 1.5 * abs(values[0]) * (10 / 200) ** power


@pytest.mark.parametrize("correlation", [2, 3, 4])
@pytest.mark.parametrize("max_degree", [0, 1, 2, 3])
def test_every_order_and_degree_is_invariant(correlation, max_degree):
    changes = {"correlation": correlation, "max_degree": max_degree, "layers": 3}
    x = shaken("C[C@H](N)C=O", 2, 0.1)
    energy, gradient = one("C[C@H](N)C=O", x, **changes)
    for turn in (rotation(1), -rotation(2)):  # the second mirrors too
        turned_energy, turned_gradient = one("C[C@H](N)C=O", x @ turn.T, **changes)
        torch.testing.assert_close(turned_energy, energy, rtol=1e-10, atol=1e-10)
        expected = gradient @ torch.as_tensor(turn).T
        torch.testing.assert_close(turned_gradient, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("correlation,told_apart", [(2, False), (3, True)])
def test_third_power_sees_how_the_degrees_lie_to_each_other(correlation, told_apart):
    """The power spectrum of one density does not: each degree may be turned on its own."""
    points = sphere(3, 3, torch.float64, CPU)
    direction = torch.randn(2, 3, dtype=torch.float64)
    values = monomials(direction / direction.norm(dim=1, keepdim=True), 3)
    one, other = values @ points.harmonics_of_monomials.T
    mixed = torch.cat([one[:4], other[4:]])  # degrees two and three of another direction
    found = [invariant_products(d[None, :, None], points, correlation) for d in (one, mixed)]
    assert torch.allclose(*found, rtol=1e-10) != told_apart


def test_chemistry_and_topology_are_felt():
    """The same two atoms at the same distance, bonded and not."""
    graph = topology("CCO")
    model, geometry = Model(graph), geometry_of(graph, [embedded("CCO")])
    energy, _ = model(geometry, graph)
    table = graph.atoms["bond"]
    other = graph._replace(atoms={**graph.atoms, "bond": table[1:]})
    known = model.embedding(graph)
    model.embedding = lambda _: known
    assert not torch.allclose(model(geometry, other)[0], energy, rtol=1e-6)


def test_second_derivatives_are_those_of_the_gradient():
    """Training differentiates the gradient; a Hessian differentiates it by positions."""
    graph = topology("O")
    model, geometry = Model(graph), geometry_of(graph, [shaken("O", 3, 0.1)])
    neighbours = find_neighbours(
        graph, geometry.positions, geometry.position_atom, geometry.position_conformer, 3.5
    )
    embedding = model.embedding(graph).detach()

    def energy(x):
        return model.correction(embedding, geometry.position_atom, x, neighbours).sum()

    x = geometry.positions.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(energy, x)
    assert torch.autograd.gradgradcheck(energy, x)


def test_single_precision_agrees_with_double():
    x = shaken("C[C@H](N)C=O", 4, 0.1)
    double, double_gradient = one("C[C@H](N)C=O", x)
    graph = topology("C[C@H](N)C=O")
    model = Model(graph)
    model.encoder.float(), model.correction.float()
    model.dtype = torch.float32
    energy, gradient = model(geometry_of(graph, [x]), graph)
    torch.testing.assert_close(energy.double(), double, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradient.double(), double_gradient, rtol=1e-3, atol=1e-3)


def test_training_reaches_every_weight():
    graph = topology("C[C@H](N)C=O")
    model, geometry = Model(graph), geometry_of(graph, [shaken("C[C@H](N)C=O", 5, 0.1)])
    x = geometry.positions.requires_grad_(True)
    atom = geometry.position_atom
    neighbours = find_neighbours(graph, x, atom, geometry.position_conformer, 3.5)
    energy = model.correction(model.embedding(graph), atom, x, neighbours).sum()
    (gradient,) = torch.autograd.grad(energy, x, create_graph=True)
    gradient.square().sum().backward()
    for name, weight in [*model.correction.named_parameters(), *model.encoder.named_parameters()]:
        assert weight.grad is not None, name
        assert bool(torch.isfinite(weight.grad).all()) and bool(weight.grad.any()), name


def test_reverse_place_is_the_same_pair_seen_from_the_neighbour():
    graph = topology(*VARIETY)
    geometry = geometry_of(graph, [embedded(m) for m in VARIETY])
    found = find_neighbours(
        graph, geometry.positions, geometry.position_atom, geometry.position_conformer, 3.0
    )
    back, index = reverse_places(found), found.index.flatten()
    own = torch.arange(len(found.index))[:, None].expand_as(found.index).flatten()
    assert torch.equal(own[back], index) and torch.equal(index[back], own)
    assert torch.equal(back[back], torch.arange(len(back)))
    assert torch.equal(back[~found.mask.flatten()], torch.nonzero(~found.mask.flatten())[:, 0])


@pytest.mark.parametrize("degree", range(5))
def test_harmonics_are_orthonormal_and_those_of_their_monomials(degree):
    found = sphere(degree, 3, torch.float64, CPU)
    count = (degree + 1) ** 2
    overlap = (found.harmonics * found.weight[:, None]).T @ found.harmonics
    torch.testing.assert_close(overlap, torch.eye(count, dtype=torch.float64))
    direction = torch.randn(20, 3, dtype=torch.float64)
    direction = direction / direction.norm(dim=1, keepdim=True)
    values = monomials(direction, degree) @ found.harmonics_of_monomials.T
    for d in range(degree + 1):  # Unsöld's theorem
        of_degree = values[:, d**2 : (d + 1) ** 2].square().sum(1)
        torch.testing.assert_close(of_degree, torch.full_like(of_degree, 2.0 * d + 1.0))


@pytest.mark.parametrize("degree", [0, 1, 4, 9])
def test_quadrature_is_exact_to_its_degree(degree):
    points, weight = product_quadrature(degree)
    for a, b, c in product(range(degree + 1), repeat=3):
        if a + b + c <= degree:
            mean = weight @ (points ** [a, b, c]).prod(1)
            assert mean == pytest.approx(mean_over_sphere(a, b, c), abs=1e-14)


def mean_over_sphere(*powers) -> float:
    """Folland, Am. Math. Mon. 108, 446 (2001)."""
    if any(power % 2 for power in powers):
        return 0.0
    half = [(power + 1) / 2 for power in powers]
    return math.prod(map(math.gamma, half)) / math.gamma(sum(half)) / (2 * math.pi)


@pytest.mark.parametrize("damping", [0.0, 2.0])
def test_radial_functions_vanish_with_two_derivatives_at_the_cutoff(damping):
    r = torch.tensor([[4.0 - 1e-9]], dtype=torch.float64, requires_grad=True)
    for n in range(6):
        value = radial_functions(r, 4.0, 6, damping)[0, n]
        (slope,) = torch.autograd.grad(value, r, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, r)
        assert max(abs(float(v.detach())) for v in (value, slope, curvature)) < 1e-6
    beyond = radial_functions(torch.tensor([[4.0], [7.0]], dtype=torch.float64), 4.0, 6, damping)
    assert beyond.abs().max() < 1e-15


def test_hydrogens_of_a_methyl_are_the_same_to_the_correction():
    """Equal energies of equivalent atoms in a geometry of full symmetry."""
    corner = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 1.09 / math.sqrt(3)
    energy, _ = one("C", np.concatenate([np.zeros((1, 3)), corner]))
    torch.testing.assert_close(energy[1:], energy[1:2].expand(4), rtol=1e-12, atol=1e-12)
