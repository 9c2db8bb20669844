"""A rung writes parameters that obey the symmetries and the bounds of chemistry."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from examples import mol_of
from force_fields import (
    CLASS1,
    CLASS2,
    NETWORK,
    VARIETY,
    dataset_of_mapped,
    random_rung,
    reordered,
    swapped_ends,
    topology,
    untrained_rung,
)
from forceladder.energy.terms import TERMS
from forceladder.energy.topology import topology_of
from forceladder.errors import ConfigError, VersionError
from forceladder.model import priors
from forceladder.model.rung import make_rung

SEEDS = st.integers(0, 2**31)
RUNG = pytest.mark.parametrize("terms", [CLASS1, CLASS2], ids=["class1", "class2"])


def written(model, graph):
    """term → parameter → values, with the charges as a term of their own."""
    with torch.no_grad():
        found = model(graph)
    return {**found.terms, "charge": {"charge": found.charge}}


def assert_equal_parameters(found, expected):
    assert found.keys() == expected.keys()
    for term in found:
        for name in found[term]:
            torch.testing.assert_close(
                found[term][name], expected[term][name], rtol=1e-12, atol=1e-12
            )


def test_untrained_model_is_its_priors_exactly():
    graph = topology(*VARIETY)
    found = written(untrained_rung(graph, seed=11), graph)
    length = priors.bond_length(graph, priors.bond_order(graph), graph.atoms["bond"])
    assert torch.equal(found["bond_harmonic"]["length"], length)
    assert torch.equal(
        found["bond_harmonic"]["force_constant"], priors.bond_force_constant(graph, length)
    )
    angle = priors.equilibrium_angle(graph)
    torch.testing.assert_close(found["angle_harmonic"]["angle"], angle, rtol=1e-15, atol=1e-15)
    amplitude = priors.torsion_amplitudes(graph, NETWORK["torsion_orders"])
    assert torch.equal(found["torsion_cosine"]["amplitude"], amplitude)
    improper = found["improper_cosine"]["amplitude"]
    assert torch.equal(improper, torch.full_like(improper, priors.IMPROPER_AMPLITUDE))
    deviations = untrained_rung(graph)(graph).deviations
    assert all(bool((d == 0.0).all()) for d in deviations.values())


@RUNG
def test_parameters_are_complete(terms):
    graph = topology(*VARIETY)
    found = untrained_rung(graph, terms=terms)(graph).terms
    assert list(found) == list(terms)
    for name in terms:
        assert set(found[name]) == set(TERMS[name].parameters)
        for values in found[name].values():
            assert len(values) == len(graph.atoms[TERMS[name].table])


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([1.0, 10.0, 1000.0]))
def test_no_weights_leave_the_physical_ranges(seed, scale):
    graph = topology(*VARIETY)
    found = written(random_rung(graph, seed, scale), graph)
    prior = written(untrained_rung(graph), graph)
    length = found["bond_harmonic"]["length"] / prior["bond_harmonic"]["length"]
    assert bool((length.log().abs() <= 0.3 + 1e-12).all())
    for term in ("bond_harmonic", "angle_harmonic"):
        ratio = found[term]["force_constant"] / prior[term]["force_constant"]
        assert bool((ratio.log().abs() <= 1.5 + 1e-12).all())
    angle = found["angle_harmonic"]["angle"]
    assert bool(((angle > 0.0) & (angle <= math.pi)).all())
    linear = priors.is_linear(graph)
    assert bool((angle[linear] == math.pi).all())
    deviation = found["torsion_cosine"]["amplitude"] - prior["torsion_cosine"]["amplitude"]
    assert bool((deviation.abs() * graph.torsion_paths[:, None] <= 15.0 + 1e-9).all())
    assert bool((found["improper_cosine"]["amplitude"] > 0.0).all())
    assert bool(torch.isfinite(found["charge"]["charge"]).all())


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([1.0, 10.0, 1000.0]))
def test_no_weights_leave_the_ranges_of_class2(seed, scale):
    """Wells with one minimum near the prior; amplitudes that stay far below force constants."""
    graph = topology(*VARIETY)
    found = written(random_rung(graph, seed, scale, terms=CLASS2), graph)
    prior = written(untrained_rung(graph, terms=CLASS2), graph)
    for term in ("bond_quartic", "angle_quartic"):
        stiffer = found[term]["quadratic"] / prior[term]["quadratic"]
        assert bool((stiffer.log().abs() <= 1.5 + 1e-12).all())
        steeper = found[term]["quartic"] / found[term]["quadratic"]
        steeper = steeper / (prior[term]["quartic"] / prior[term]["quadratic"])
        assert bool((steeper.log().abs() <= 3.0 + 1e-12).all())
    assert bool((found["out_of_plane"]["quadratic"] > 0.0).all())
    for term in ("middle_bond_torsion", "end_bond_torsion", "angle_torsion"):
        for name, values in found[term].items():
            assert not name.startswith("amplitude") or float(values.abs().max()) <= 36.0


@RUNG
@settings(max_examples=15)
@given(st.lists(st.sampled_from(VARIETY), min_size=2, max_size=5), SEEDS)
def test_molecule_gets_in_a_batch_what_it_gets_alone(terms, molecules, seed):
    model = random_rung(topology(*molecules), seed, terms=terms)
    together = written(model, topology(*molecules))
    alone = [written(model, topology(smiles)) for smiles in molecules]
    joined = {
        term: {name: torch.cat([one[term][name] for one in alone]) for name in together[term]}
        for term in together
    }
    assert_equal_parameters(together, joined)


@RUNG
@settings(max_examples=10)
@given(st.permutations([1, 2, 3]), SEEDS)
def test_neighbours_of_an_improper_have_no_order(terms, order, seed):
    graph = topology(*VARIETY)
    model = random_rung(graph, seed, terms=terms)
    shuffled = graph.atoms["improper"][:, [0, *order]]
    other = graph._replace(atoms={**graph.atoms, "improper": shuffled})
    assert_equal_parameters(written(model, other), written(model, graph))


def by_atoms(found, graph, label=None):
    """List of (term, parameter, row of atoms read from one side) and value, to compare two
    numberings; numbers of an end go with the end.

    label: [atoms], to call atoms by; their own numbers if None
    """
    label = range(len(graph.atomic_number)) if label is None else label
    for term, parameters in found.items():
        table = TERMS[term].table if term in TERMS else "atom"
        for row, atoms in enumerate(graph.atoms[table].tolist()):
            values = {name: np.asarray(value[row]) for name, value in parameters.items()}
            named = tuple(label[atom] for atom in atoms)
            if (one_side := canonical(table, named)) != named:
                values = swapped_ends(values)
            for name, value in values.items():
                yield (term, name, one_side), atoms, value


def canonical(table, atoms):
    if table == "improper":
        return atoms[0], *sorted(atoms[1:])
    if table == "angle_pair":
        return *atoms[:2], *sorted(atoms[2:])
    return min(atoms, atoms[::-1])


@RUNG
@settings(max_examples=20)
@given(st.sampled_from(VARIETY), SEEDS)
def test_parameters_follow_the_users_order_of_atoms(terms, smiles, seed):
    order = np.random.default_rng(seed).permutation(mol_of(smiles).GetNumAtoms())
    place = np.argsort(order).tolist()
    graph, other = topology(smiles), topology_of(dataset_of_mapped([reordered(smiles, order)]))
    model = random_rung(graph, seed, terms=terms)
    expected = {key: value for key, _, value in by_atoms(written(model, graph), graph, place)}
    found = {key: value for key, _, value in by_atoms(written(model, other), other)}
    assert found.keys() == expected.keys()
    for key, value in found.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-11, atol=1e-12)


@RUNG
@pytest.mark.parametrize(
    "smiles", ["CCO", "CC(=O)[O-]", "c1ccccc1", "CC(C)C", "C[N+](=O)[O-]", "NC(N)=[NH2+]", "C1CC1"]
)
def test_equivalent_rows_have_equal_parameters(terms, smiles):
    """Rows are equivalent when the ranks of their atoms are, resonance forms forgotten."""
    mol, graph = mol_of(smiles), topology(smiles)
    flat = Chem.RWMol(mol)
    for atom in flat.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
    for bond in flat.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    for atom in flat.GetAtoms():
        atom.SetIsAromatic(False)
    rank = list(Chem.CanonicalRankAtoms(flat, breakTies=False))
    groups = {}
    found = written(random_rung(graph, 4, terms=terms), graph)
    for key, atoms, value in by_atoms(found, graph, rank):
        path = None
        if key[0] in ("lennard_jones", "coulomb"):  # scaled if three bonds apart
            path = min(len(Chem.GetShortestPath(mol, *atoms)), 5)
        groups.setdefault((*key, path), []).append(value)
    assert any(len(values) > 1 for values in groups.values())
    for key, values in groups.items():
        spread = np.ptp(np.stack(values), axis=0)
        np.testing.assert_allclose(spread, 0.0, atol=1e-11, err_msg=str(key))


def test_pairs_follow_the_mixing_and_scaling_rules():
    graph = topology(*VARIETY)
    found = written(random_rung(graph, 2), graph)
    charge = found["charge"]["charge"]
    for row, (i, j) in enumerate(graph.atoms["pair"].tolist()):
        near = bool(graph.pair_is_14[row])
        sigma = (graph.lj_sigma[i] + graph.lj_sigma[j]) / 2
        epsilon = (0.5 if near else 1.0) * (graph.lj_epsilon[i] * graph.lj_epsilon[j]).sqrt()
        product = charge[i] * charge[j] / (1.2 if near else 1.0)
        assert float(found["lennard_jones"]["sigma"][row]) == pytest.approx(float(sigma), rel=1e-14)
        assert float(found["lennard_jones"]["epsilon"][row]) == pytest.approx(
            float(epsilon), rel=1e-14
        )
        assert float(found["coulomb"]["charge_product"][row]) == pytest.approx(
            float(product), rel=1e-14
        )


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    graph = topology("CCO")
    torch.manual_seed(1)
    one = untrained_rung(graph, 5).state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    two = untrained_rung(graph, 5).state_dict()
    assert torch.equal(torch.get_rng_state(), state)  # nobody else's draws are disturbed
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = untrained_rung(graph, 6).state_dict()
    assert not torch.equal(one["encoder.embed.weight"], other["encoder.embed.weight"])


def test_unknown_term_is_an_error_that_names_it_and_the_known_ones():
    with pytest.raises(ConfigError, match="unknown term 'bond_morse'; known are angle_angle, "):
        make_rung({"terms": ["bond_morse"], **NETWORK}, topology("O"), 0)


@pytest.mark.parametrize("terms", [["bond_harmonic"], ["coulomb"], ["lennard_jones", "coulomb"]])
def test_rung_is_the_list_of_its_terms(terms):
    graph = topology("CCO")
    model = make_rung({"terms": terms, **NETWORK}, graph, 0)
    assert list(model(graph).terms) == terms


@pytest.mark.parametrize("smiles", ["O", "[H][H]", "[OH-]", "C"])
def test_molecule_with_empty_tables_is_parametrized(smiles):
    graph = topology(smiles)
    found = random_rung(graph, 1)(graph)
    assert float(found.charge.detach().sum()) == pytest.approx(float(graph.net_charge), abs=1e-14)
    assert found.terms["torsion_cosine"]["amplitude"].shape == (0, NETWORK["torsion_orders"])


def test_a_molecule_with_other_features_is_refused_with_their_names():
    """A model of an older release, met by a library that describes molecules differently."""
    graph = topology("CCO")
    model = untrained_rung(graph)
    renamed = ["is_antimony", *graph.atom_feature_names[1:]]
    with pytest.raises(VersionError, match="is_antimony"):
        model(graph._replace(atom_feature_names=renamed))
