"""Nothing leads below the floor: no weights, no geometry, no search."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from examples import mol_of
from force_fields import (
    CLASS1,
    CLASS2,
    COUPLINGS,
    VARIETY,
    embedded,
    geometry_of,
    random_rung,
    topology,
    untrained_rung,
)
from forceladder.energy.terms import TERMS
from forceladder.energy.total import energy_and_gradient
from forceladder.model.bounds import energy_floor, pair_floor, well_floor

SEEDS = st.integers(0, 2**31)
LADDER = {
    "class1": CLASS1,
    "class2": CLASS2,
    "harmonic with couplings": (*CLASS1, *COUPLINGS),
    "class2 with 9-6": (*CLASS2[:-2], "lennard_jones_96", "coulomb"),
}
RUNG = pytest.mark.parametrize("terms", LADDER.values(), ids=LADDER)
SCALES = st.sampled_from([0.0, 0.3, 3.0, 100.0])  # of the weights of the last layers


def floor_and_parameters(graph, seed, scale, terms):
    with torch.no_grad():
        parameters = random_rung(graph, seed, scale, terms=terms)(graph)
        return energy_floor(parameters, graph), parameters.terms


def violent(smiles, seed):
    """Geometries that nobody wants, [conformers, atoms, 3] Å."""
    x, random = embedded(smiles), np.random.default_rng(seed)
    noisy = [x + random.normal(scale=s, size=x.shape) for s in (0.05, 0.3, 1.0, 5.0, 30.0)]
    onto = x.copy()  # a pair of atoms all but on top of each other
    one, other = random.permutation(len(x))[:2]
    onto[one] = onto[other] + random.normal(scale=0.02, size=3)
    rod = np.zeros_like(x)  # every angle straight or folded
    rod[:, 0] = random.permutation(len(x)) * 1.3
    collapsed, blown_up = 0.05 * noisy[1], 1000.0 * x
    return np.stack([*noisy, onto, rod, collapsed, blown_up])


@RUNG
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(VARIETY), SCALES)
def test_no_geometry_is_below_the_floor(terms, seed, smiles, scale):
    graph = topology(smiles)
    floor, parameters = floor_and_parameters(graph, seed, scale, terms)
    energy, gradient = energy_and_gradient(parameters, geometry_of(graph, [violent(smiles, seed)]))
    assert bool(torch.isfinite(floor).all())
    assert bool(torch.isfinite(energy).all() & torch.isfinite(gradient).all())
    assert float((energy - floor).min()) >= -1e-9 * (1.0 + abs(float(floor)))


@RUNG
@pytest.mark.parametrize("smiles", ["O", "CO", "CC=C=O"])
def test_no_search_finds_a_way_below_the_floor(terms, smiles):
    """Downhill from violent starts, with weights far beyond any fit's."""
    graph = topology(smiles)
    for seed in range(2):
        floor, parameters = floor_and_parameters(graph, seed, 3.0, terms)

        def surface(x, parameters=parameters):
            geometry = geometry_of(graph, [x.reshape(-1, 3)])
            energy, gradient = energy_and_gradient(parameters, geometry)
            return float(energy), gradient.numpy().ravel()

        for start in violent(smiles, seed)[1:4]:
            lowest = minimize(surface, start.ravel(), jac=True, method="L-BFGS-B").fun
            assert lowest >= float(floor)


@RUNG
@settings(max_examples=20)
@given(SEEDS, st.sampled_from(VARIETY), SCALES)
def test_stretching_a_bond_goes_uphill_without_end(terms, seed, smiles, scale):
    """An atom with one neighbour is pulled away, ever farther."""
    graph, x, mol = topology(smiles), embedded(smiles), mol_of(smiles)
    _, parameters = floor_and_parameters(graph, seed, scale, terms)
    atom = next(a for a in reversed(mol.GetAtoms()) if a.GetDegree() == 1)
    direction = np.zeros_like(x)
    end = x[atom.GetIdx()] - x[atom.GetNeighbors()[0].GetIdx()]
    direction[atom.GetIdx()] = end / np.linalg.norm(end)
    line = np.stack([x + step * direction for step in (1e2, 1e3, 1e4, 1e5)])
    energy, _ = energy_and_gradient(parameters, geometry_of(graph, [line]))
    assert bool((energy.diff() > 0.0).all())
    assert float(energy[-1]) > 1e6


# the parts of the floor


@given(
    st.floats(0.1, 1000.0), st.floats(-1.0, 1.0), st.floats(0.1, 1000.0), st.floats(0.0, 1000.0)
)  # fmt: skip
def test_well_floor_is_the_minimum_on_a_fine_grid(k2, share, k4, strength):
    k3 = share * 2.0 * np.sqrt(k2 * k4)
    rows = [torch.tensor([value], dtype=torch.float64) for value in (k2, k3, k4, strength)]
    x = np.concatenate([[0.0], np.geomspace(1e-6, 1e3, 200_001)])
    lowest = (k2 * x**2 - abs(k3) * x**3 + k4 * x**4 - strength * x).min()
    assert float(well_floor(*rows)) == pytest.approx(lowest, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("amplitude", [-30.0, 7.0])
def test_floor_is_reached_where_nothing_else_stands_in_the_way(amplitude):
    """Hydrogen peroxide with one coupling, cis, its O–O bond at the minimum of K Δ² + A Δ."""
    graph = topology("OO")
    with torch.no_grad():
        terms = ("bond_harmonic", "angle_harmonic", "middle_bond_torsion")
        parameters = untrained_rung(graph, terms=terms)(graph)
    parameters.terms["middle_bond_torsion"]["amplitude"][0, 0] = amplitude
    bonds = parameters.terms["bond_harmonic"]
    theta = float(parameters.terms["angle_harmonic"]["angle"][0])
    end, middle, _ = graph.members["torsion"]["bond"][0].tolist()
    along = float(bonds["length"][end]) * np.cos(theta)
    across = float(bonds["length"][end]) * np.sin(theta)
    length = float(bonds["length"][middle] - amplitude / bonds["force_constant"][middle])
    x = np.zeros((4, 3))
    x[graph.atoms["torsion"][0], :2] = [
        [along, across], [0.0, 0.0], [length, 0.0], [length - along, across]
    ]  # fmt: skip
    energy, gradient = energy_and_gradient(parameters.terms, geometry_of(graph, [x]))
    assert float(energy) == pytest.approx(float(energy_floor(parameters, graph)), rel=1e-10)
    assert float(gradient.abs().max()) < 1e-9


PAIRS = {
    "lennard_jones": lambda sigma, epsilon: {"sigma": sigma, "epsilon": epsilon},
    "lennard_jones_96": lambda sigma, epsilon: {"minimum": sigma, "epsilon": epsilon},
}


@pytest.mark.parametrize("name", PAIRS)
@given(st.floats(0.1, 5.0), st.floats(1e-6, 2.0), st.floats(-2.0, 2.0))
def test_pair_floor_is_below_the_deepest_point_of_two_charged_atoms(name, size, depth, product):
    graph = topology("[H][H]")
    graph = graph._replace(atoms={**graph.atoms, "pair": torch.tensor([[0, 1]])})
    size, depth, product = (torch.tensor([v], dtype=torch.float64) for v in (size, depth, product))
    terms = {name: PAIRS[name](size, depth), "coulomb": {"charge_product": product}}
    floor = float(pair_floor(terms, graph))

    def energy(log_r):
        r = torch.tensor([np.exp(log_r)], dtype=torch.float64)
        return sum(float(TERMS[term].energy((r,), values)[0]) for term, values in terms.items())

    deepest = minimize_scalar(energy, bounds=(-4.0, 4.0), method="bounded").fun
    grid = min(energy(log_r) for log_r in np.linspace(-4.0, 4.0, 200))
    assert floor <= min(deepest, grid) + 1e-9 * abs(floor)
    if float(product) > 0.0:
        assert floor == -float(depth)


def test_opposite_charges_without_a_wall_have_no_floor():
    """A well depth of zero, or a rung without Lennard-Jones: the energy has no bound either."""
    graph = topology("CCO")
    parameters = untrained_rung(graph)(graph)
    pairs = {**parameters.terms["lennard_jones"]}
    pairs["epsilon"] = torch.zeros_like(pairs["epsilon"])
    bare = parameters._replace(terms={**parameters.terms, "lennard_jones": pairs})
    assert float(energy_floor(bare, graph).detach()) == -np.inf
    alone = untrained_rung(graph, terms=["coulomb"])(graph)
    assert float(energy_floor(alone, graph).detach()) == -np.inf


@RUNG
def test_floor_of_a_molecule_does_not_depend_on_the_batch(terms):
    together, _ = floor_and_parameters(topology(*VARIETY), 1, 1.0, terms)
    alone = [floor_and_parameters(topology(smiles), 1, 1.0, terms)[0] for smiles in VARIETY]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-9, atol=1e-9)


def test_untrained_rung_is_held_by_its_charges_and_double_bonds_alone():
    """No couplings, no slope: the floor of hydrogen is zero, where its minimum is."""
    graph = topology("[H][H]", "O")
    with torch.no_grad():
        floor = energy_floor(untrained_rung(graph, terms=CLASS2)(graph), graph)
    assert torch.equal(floor, torch.zeros(2, dtype=torch.float64))
