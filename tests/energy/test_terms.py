"""Every term is OpenMM's, has the bound it claims, and forces that autograd confirms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from force_fields import CLASS1, VARIETY, embedded, geometry_of, random_parameters, topology
from forceladder.energy.coordinates import BY_ATOM_COUNT
from forceladder.energy.terms import TERMS
from forceladder.energy.total import term_energy_and_gradient
from forceladder.fields import TABLES

SEEDS = st.integers(0, 2**31)
TERM = pytest.mark.parametrize("term", CLASS1)


def wild_geometry(smiles, seed, noise):
    """Noise of up to 1.5 Å: bonds torn, angles folded, atoms pushed through one another."""
    x = embedded(smiles)
    return x + np.random.default_rng(seed).normal(scale=noise, size=x.shape)


@TERM
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(VARIETY), st.sampled_from([0.05, 0.1, 0.5, 1.5]))
def test_term_equals_openmm(term, seed, smiles, noise):
    """Off the exactly straight line, where OpenMM shortens the force of an angle."""
    graph, x = topology(smiles), wild_geometry(smiles, seed, noise)
    values = random_parameters(graph, seed)[term]
    energy, gradient = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
    table = TERMS[term].table
    plain = {name: value.numpy() for name, value in values.items()}
    force = oracles.FORCES[term](graph.atoms[table].tolist(), plain)
    if term == "coulomb":
        for _ in range(len(x) - force.getNumParticles()):
            force.addParticle(0.0, 1.0, 0.0)
        for i in range(len(x)):  # leave the listed pairs alone
            for j in range(i + 1, len(x)):
                if [i, j] not in graph.atoms["pair"].tolist():
                    force.addException(i, j, 0.0, 1.0, 0.0)
    expected, expected_gradient = oracles.openmm_energy_and_gradient(force, x)
    if term == "torsion_cosine":
        expected += oracles.torsion_offset(plain)
    size = max(float(energy.abs()), np.abs(expected_gradient).max(), 1.0)
    assert float(energy) == pytest.approx(expected, rel=1e-10, abs=1e-12 * size)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-10 * size)


def energy_through_the_geometry(term, values, graph, positions):
    """The term's energy from positions alone, so that autograd can go all the way."""
    table = TERMS[term].table
    x = positions[graph.atoms[table]]
    found = tuple(
        BY_ATOM_COUNT[len(columns)](x[:, list(columns)])[0] for columns in TERMS[term].coordinates
    )
    return TERMS[term].energy(found, values).sum()


@TERM
@settings(max_examples=30)
@given(SEEDS, st.sampled_from(VARIETY))
def test_forces_by_the_b_matrix_are_those_of_autograd_and_so_are_their_parameter_gradients(
    term, seed, smiles
):
    graph, x = topology(smiles), wild_geometry(smiles, seed, 0.2)
    values = {k: v.requires_grad_() for k, v in random_parameters(graph, seed)[term].items()}
    energy, gradient = term_energy_and_gradient(
        term, values, geometry_of(graph, [x]), differentiable=True
    )
    positions = torch.as_tensor(x).requires_grad_()
    plain = energy_through_the_geometry(term, values, graph, positions)
    (plain_gradient,) = torch.autograd.grad(plain, positions, create_graph=True)
    size = 1.0 + float(plain_gradient.detach().abs().max())
    torch.testing.assert_close(energy.sum(), plain, rtol=1e-12, atol=1e-10)
    torch.testing.assert_close(gradient, plain_gradient, rtol=1e-9, atol=1e-11 * size)

    def by_parameters(e, g):
        target = torch.linspace(-1.0, 1.0, g.numel(), dtype=torch.float64).reshape(g.shape)
        loss = ((g - target) ** 2).sum() + (e - 1.0) ** 2
        return torch.autograd.grad(loss, list(values.values()), retain_graph=True)

    ours, theirs = by_parameters(energy.sum(), gradient), by_parameters(plain, plain_gradient)
    for mine, other in zip(ours, theirs, strict=True):
        size = 1.0 + (float(other.abs().max()) if other.numel() else 0.0)
        torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-10 * size)


@TERM
def test_results_carry_no_graph_unless_asked_for(term):
    graph = topology("CC=O")
    geometry = geometry_of(graph, [embedded("CC=O")])
    values = {k: v.requires_grad_() for k, v in random_parameters(graph, 0)[term].items()}
    energy, gradient = term_energy_and_gradient(term, values, geometry)
    assert not energy.requires_grad
    assert not gradient.requires_grad
    with torch.no_grad():
        again = term_energy_and_gradient(term, values, geometry)
    assert torch.equal(again[0], energy)
    assert torch.equal(again[1], gradient)


# bounds that the docstrings state

BOUNDS = {
    "bond_harmonic": lambda p: torch.zeros(len(p["length"])),
    "angle_harmonic": lambda p: torch.zeros(len(p["angle"])),
    "torsion_cosine": lambda p: (2.0 * p["amplitude"]).clamp_max(0.0).sum(dim=1),
    "improper_cosine": lambda p: torch.zeros(len(p["amplitude"])),
    "lennard_jones": lambda p: -p["epsilon"],
}


@pytest.mark.parametrize("term", BOUNDS)
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(VARIETY), st.sampled_from([0.3, 1.5, 20.0]))
def test_energy_is_bounded_below_as_the_docstring_says(term, seed, smiles, noise):
    graph = topology(smiles)
    values = random_parameters(graph, seed)[term]
    geometry = geometry_of(graph, [wild_geometry(smiles, seed, noise)])
    energy, gradient = term_energy_and_gradient(term, values, geometry)
    assert float(energy) >= float(BOUNDS[term](values).sum()) - 1e-9
    assert bool(torch.isfinite(gradient).all())


def test_lennard_jones_reaches_its_bound_where_it_should():
    parameters = {"sigma": torch.tensor([3.0]), "epsilon": torch.tensor([0.2])}
    r = torch.tensor([3.0 * 2.0 ** (1.0 / 6.0)], dtype=torch.float64)
    energy = TERMS["lennard_jones"].energy((r,), parameters)
    assert float(energy) == pytest.approx(-0.2, rel=1e-7)


# symmetry


@pytest.mark.parametrize("term", ["bond_harmonic", "angle_harmonic", "torsion_cosine"])
@given(SEEDS, st.sampled_from(VARIETY))
def test_reversed_rows_have_the_same_energy_and_forces(term, seed, smiles):
    graph, x = topology(smiles), wild_geometry(smiles, seed, 0.2)
    table = TERMS[term].table
    backwards = graph._replace(atoms={**graph.atoms, table: graph.atoms[table].flip(1)})
    values = random_parameters(graph, seed)[term]
    ours = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
    theirs = term_energy_and_gradient(term, values, geometry_of(backwards, [x]))
    torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-9)


@given(SEEDS, st.sampled_from(["CC(=O)[O-]", "c1ccoc1", "CC(=O)NC"]), st.permutations([1, 2, 3]))
def test_neighbours_of_an_improper_have_no_order(seed, smiles, order):
    graph, x = topology(smiles), wild_geometry(smiles, seed, 0.3)
    shuffled = graph.atoms["improper"][:, [0, *order]]
    other = graph._replace(atoms={**graph.atoms, "improper": shuffled})
    values = random_parameters(graph, seed)["improper_cosine"]
    ours = term_energy_and_gradient("improper_cosine", values, geometry_of(graph, [x]))
    theirs = term_energy_and_gradient("improper_cosine", values, geometry_of(other, [x]))
    torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-9)


def test_improper_energy_is_zero_for_a_planar_centre():
    plane = torch.tensor([[0.0, 0, 0], [1, 0, 0], [-1, 1, 0], [-1, -2, 0]], dtype=torch.float64)
    graph = topology("C=O")
    x = plane[[0, 1, 2, 3]]
    values = {"amplitude": torch.full((1,), 7.0, dtype=torch.float64)}
    energy, gradient = term_energy_and_gradient(
        "improper_cosine", values, geometry_of(graph, [x.numpy()])
    )
    assert float(energy) == pytest.approx(0.0, abs=1e-28)
    assert float(gradient.abs().max()) < 1e-13


@pytest.mark.parametrize("degrees", [179.0, 179.999, 180.0 - 1e-6, 180.0])
@pytest.mark.parametrize("reference", [180.0, 150.0])
def test_linear_angle_has_finite_forces(degrees, reference):
    """Carbon dioxide bent by less and less; the energy goes on smoothly."""
    theta = math.radians(degrees)
    x = np.array([[0, 0, 0], [1.2, 0, 0], [1.2 * np.cos(theta), 1.2 * np.sin(theta), 0]])
    graph = topology("O=C=O")
    centre = int(graph.atoms["angle"][0, 1])
    order = [centre, *(i for i in range(3) if i != centre)]
    positions = np.empty((3, 3))
    positions[order] = x
    values = {
        "angle": torch.tensor([math.radians(reference)], dtype=torch.float64),
        "force_constant": torch.tensor([100.0], dtype=torch.float64),
    }
    energy, gradient = term_energy_and_gradient(
        "angle_harmonic", values, geometry_of(graph, [positions])
    )
    expected = 50.0 * (theta - math.radians(reference)) ** 2
    assert float(energy) == pytest.approx(expected, abs=1e-12)
    assert bool(torch.isfinite(gradient).all())
    assert float(gradient.abs().max()) <= 2.1 * 100.0 * math.radians(30.0) / 1.2


def test_terms_are_wholly_described():
    """Table, coordinates within its columns, a unit for each parameter."""
    for name, term in TERMS.items():
        assert term.table in TABLES, name
        width = topology("CC=O").atoms[term.table].shape[1]
        assert all(max(columns) < width for columns in term.coordinates), name
        assert all(term.parameters.values()), name
