"""Every term is OpenMM's or LAMMPS', has its bound, and forces that autograd confirms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lammps_oracle
import oracles
from force_fields import (
    VARIETY,
    backwards,
    embedded,
    geometry_of,
    random_parameters,
    swapped_ends,
    topology,
)
from forceladder.energy.coordinates import COORDINATES, harmonics
from forceladder.energy.terms import TERMS
from forceladder.energy.total import term_energy_and_gradient
from forceladder.fields import TABLES

SEEDS = st.integers(0, 2**31)
EVERY_TERM = pytest.mark.parametrize("term", TERMS)


def wild_geometry(smiles, seed, noise):
    """Noise of up to 1.5 Å: bonds torn, angles folded, atoms pushed through one another."""
    x = embedded(smiles)
    return x + np.random.default_rng(seed).normal(scale=noise, size=x.shape)


@pytest.mark.parametrize("term", oracles.FORCES)
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(VARIETY), st.sampled_from([0.05, 0.1, 0.5, 1.5]))
def test_term_equals_openmm(term, seed, smiles, noise):
    """Off the exactly straight line, where OpenMM shortens the force of an angle.

    What LAMMPS' class2 styles have is left to them, see test_class2_lammps.
    """
    graph, x = topology(smiles), wild_geometry(smiles, seed, noise)
    values = random_parameters(graph, seed, [term])[term]
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


# (table, coordinate) → columns of its members' atoms, by hand
CHAINS = {
    ("angle", "bond"): ([0, 1], [1, 2]),
    ("angle_pair", "angle"): ([0, 1, 2], [0, 1, 3]),
    ("torsion", "bond"): ([0, 1], [1, 2], [2, 3]),
    ("torsion", "angle"): ([0, 1, 2], [1, 2, 3]),
    ("torsion_pair", "torsion"): ([0, 1, 2, 3], [1, 2, 3, 4]),
}


def energy_through_the_geometry(term, values, graph, positions):
    """The term's energy from positions alone, so that autograd can go all the way."""
    table = TERMS[term].table
    found = []
    for name, member in TERMS[term].coordinates:
        home, columns, function, periodic = COORDINATES[name]
        columns = list(columns) if home == table else CHAINS[table, name][member]
        value = function(positions[graph.atoms[table][:, columns]])[0]
        found.append(harmonics(value) if periodic else value)
    return TERMS[term].energy(tuple(found), values)[0].sum()


@EVERY_TERM
@settings(max_examples=20)
@given(SEEDS)
def test_slopes_are_the_derivatives_of_the_energy(term, seed):
    """By each coordinate, and by φ for a torsion, as autograd has them."""
    graph = topology(*VARIETY)
    values = random_parameters(graph, seed, [term])[term]
    rows, generator = len(graph.atoms[TERMS[term].table]), torch.Generator().manual_seed(seed)
    q = [
        (0.5 + 2.5 * torch.rand(rows, generator=generator, dtype=torch.float64)).requires_grad_()
        for _ in TERMS[term].coordinates
    ]
    given = [
        harmonics(value) if COORDINATES[name].periodic else value
        for value, (name, _) in zip(q, TERMS[term].coordinates, strict=True)
    ]
    energy, slopes = TERMS[term].energy(tuple(given), values)
    assert energy.shape == (rows,)
    for slope, expected in zip(slopes, torch.autograd.grad(energy.sum(), q), strict=True):
        size = float(expected.abs().max())
        torch.testing.assert_close(slope.detach(), expected, rtol=1e-10, atol=1e-13 * size)


@EVERY_TERM
@settings(max_examples=20)
@given(SEEDS, st.sampled_from(VARIETY))
def test_forces_by_the_b_matrix_are_those_of_autograd_and_so_are_their_parameter_gradients(
    term, seed, smiles
):
    graph, x = topology(smiles), wild_geometry(smiles, seed, 0.2)
    values = random_parameters(graph, seed, [term])[term]
    values = {name: value.requires_grad_() for name, value in values.items()}
    energy, gradient = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
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


@EVERY_TERM
@pytest.mark.parametrize("smiles", ["CC(=O)NC", "C1CC12CC2", "CC#N"])
def test_forces_are_finite_differences_of_the_energy(term, smiles):
    graph, x = topology(smiles), wild_geometry(smiles, 3, 0.1)
    values = random_parameters(graph, 3, [term])[term]

    def energies(stack):
        return term_energy_and_gradient(term, values, geometry_of(graph, [stack]))[0]

    _, gradient = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
    size = 1.0 + float(gradient.abs().max())
    differences = oracles.gradient_by_differences(energies, x, step=3e-4)
    np.testing.assert_allclose(gradient, differences, rtol=0, atol=1e-6 * size)


@EVERY_TERM
def test_results_carry_a_graph_exactly_if_the_parameters_do(term):
    graph = topology("CC=O")
    geometry = geometry_of(graph, [embedded("CC=O")])
    values = random_parameters(graph, 0, [term])[term]
    plain = term_energy_and_gradient(term, values, geometry)
    assert not any(result.requires_grad for result in plain)
    learned = {name: value.requires_grad_() for name, value in values.items()}
    ours = term_energy_and_gradient(term, learned, geometry)
    assert all(result.requires_grad for result in ours)
    assert all(torch.equal(one, other) for one, other in zip(ours, plain, strict=True))


# bounds that the docstrings state

PI = math.pi
BOUNDS = {
    "bond_harmonic": lambda p: 0.0,
    "angle_harmonic": lambda p: 0.0,
    "bond_quartic": lambda p: 0.0,
    "angle_quartic": lambda p: 0.0,
    "torsion_cosine": lambda p: (2.0 * p["amplitude"]).clamp_max(0.0).sum(),
    "improper_cosine": lambda p: 0.0,
    "out_of_plane": lambda p: 0.0,
    "angle_angle": lambda p: -(PI**2) * p["coupling"].abs().sum(),
    "angle_angle_13": lambda p: -(PI**2) * p["coupling"].abs().sum(),
    "angle_angle_torsion": lambda p: -(PI**2) * p["coupling"].abs().sum(),
    "angle_torsion": lambda p: -PI * (p["amplitude_1"].abs() + p["amplitude_2"].abs()).sum(),
    "torsion_torsion": lambda p: -(p["cosine"].abs() + p["sine"].abs()).sum(),
    "lennard_jones": lambda p: -p["epsilon"].sum(),
    "lennard_jones_96": lambda p: -p["epsilon"].sum(),
}


@pytest.mark.parametrize("term", BOUNDS)
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(VARIETY), st.sampled_from([0.3, 1.5, 20.0]))
def test_energy_is_bounded_below_as_the_docstring_says(term, seed, smiles, noise):
    graph = topology(smiles)
    values = random_parameters(graph, seed, [term])[term]
    if "cubic" in values:
        largest = 2.0 * (values["quadratic"] * values["quartic"]).sqrt()
        values["cubic"] = values["cubic"].clamp(-largest, largest)
    geometry = geometry_of(graph, [wild_geometry(smiles, seed, noise)])
    energy, gradient = term_energy_and_gradient(term, values, geometry)
    assert float(energy) >= float(BOUNDS[term](values)) - 1e-9
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize(
    "term, parameters",
    [
        ("lennard_jones", {"sigma": 3.0 / 2.0 ** (1.0 / 6.0)}),
        ("lennard_jones_96", {"minimum": 3.0}),
    ],
)
def test_lennard_jones_reaches_its_bound_where_it_should(term, parameters):
    values = {
        name: torch.tensor([v]).double() for name, v in {**parameters, "epsilon": 0.2}.items()
    }
    energy, (slope,) = TERMS[term].energy((torch.tensor([3.0]).double(),), values)
    assert float(energy) == pytest.approx(-0.2, rel=1e-7)
    assert float(slope) == pytest.approx(0.0, abs=1e-7)


# symmetry


@pytest.mark.parametrize("term", [name for name in TERMS if TERMS[name].table != "improper"])
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(VARIETY))
def test_reversed_rows_have_the_same_energy_and_forces(term, seed, smiles):
    """With the parameters of one end given to the other, where a row has ends."""
    graph, x = topology(smiles), wild_geometry(smiles, seed, 0.2)
    other = backwards(graph, TERMS[term].table)
    values = random_parameters(graph, seed, [term])[term]
    ours = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
    theirs = term_energy_and_gradient(term, swapped_ends(values), geometry_of(other, [x]))
    torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize(
    "term", ["bond_angle", "end_bond_torsion", "angle_torsion", "bond_angle_13", "torsion_torsion"]
)
def test_ends_of_a_row_are_not_the_same(term):
    """What the test above swaps does matter."""
    graph, x = topology("CCCO"), wild_geometry("CCCO", 1, 0.2)
    values, geometry = random_parameters(graph, 1, [term])[term], geometry_of(graph, [x])
    ours, _ = term_energy_and_gradient(term, values, geometry)
    theirs, _ = term_energy_and_gradient(term, swapped_ends(values), geometry)
    assert abs(float(ours - theirs)) > 0.1


@pytest.mark.parametrize("term", ["improper_cosine", "out_of_plane"])
@given(SEEDS, st.sampled_from(["CC(=O)[O-]", "c1ccoc1", "CC(=O)NC"]), st.permutations([1, 2, 3]))
def test_neighbours_of_an_improper_have_no_order(term, seed, smiles, order):
    graph, x = topology(smiles), wild_geometry(smiles, seed, 0.3)
    shuffled = graph.atoms["improper"][:, [0, *order]]
    other = graph._replace(atoms={**graph.atoms, "improper": shuffled})
    values = random_parameters(graph, seed, [term])[term]
    ours = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
    theirs = term_energy_and_gradient(term, values, geometry_of(other, [x]))
    torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("term, parameter", [("improper_cosine", "amplitude"),
                                             ("out_of_plane", "quadratic")])  # fmt: skip
def test_improper_energy_is_zero_for_a_planar_centre(term, parameter):
    plane = torch.tensor([[0.0, 0, 0], [1, 0, 0], [-1, 1, 0], [-1, -2, 0]], dtype=torch.float64)
    graph = topology("C=O")
    x = plane[[0, 1, 2, 3]]
    values = {parameter: torch.full((1,), 7.0, dtype=torch.float64)}
    energy, gradient = term_energy_and_gradient(term, values, geometry_of(graph, [x.numpy()]))
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


def test_every_term_has_an_outside_judge():
    assert set(TERMS) == set(oracles.FORCES) | lammps_oracle.TERMS


def test_terms_are_wholly_described():
    """Table, coordinates of its rows or of their members, a unit for each parameter."""
    graph = topology("CC(=O)NC")
    for name, term in TERMS.items():
        assert term.table in graph.atoms, name
        for coordinate, member in term.coordinates:
            home = COORDINATES[coordinate].table
            assert home == term.table or member < len(CHAINS[term.table, coordinate]), name
        assert all(term.parameters.values()), name
    assert {term.table for term in TERMS.values()} - set(TABLES) == {"angle_pair", "torsion_pair"}
