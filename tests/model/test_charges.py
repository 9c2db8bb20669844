"""Charges are the constrained minimum of the electronegativity equalization functional."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

import oracles
from examples import mol_of
from force_fields import VARIETY, random_rung, topology, untrained_rung
from forceladder.model.charges import equalized_charges

MOLECULE = st.tuples(
    st.integers(-3, 3),
    st.lists(
        st.tuples(st.floats(-20.0, 20.0), st.floats(0.05, 20.0)), min_size=1, max_size=12
    ),
)  # fmt: skip


def charges_of(molecules):
    chi = np.array([c for _, atoms in molecules for c, _ in atoms])
    eta = np.array([h for _, atoms in molecules for _, h in atoms])
    rows = np.repeat(range(len(molecules)), [len(atoms) for _, atoms in molecules])
    net = torch.tensor([float(q) for q, _ in molecules], dtype=torch.float64)
    q = equalized_charges(*map(torch.as_tensor, (chi, eta, rows)), net).numpy()
    return [(q[rows == m], chi[rows == m], eta[rows == m]) for m in range(len(molecules))]


@given(st.lists(MOLECULE, min_size=1, max_size=4))
def test_charges_are_the_dense_constrained_minimum(molecules):
    for (net, _), (q, chi, eta) in zip(molecules, charges_of(molecules), strict=True):
        expected = oracles.constrained_minimum(chi, eta, net)
        np.testing.assert_allclose(q, expected, rtol=1e-9, atol=1e-9 * (1 + np.abs(q).max()))


@given(st.lists(MOLECULE, min_size=1, max_size=4))
def test_charges_add_up_to_the_net_charge(molecules):
    for (net, _), (q, _, _) in zip(molecules, charges_of(molecules), strict=True):
        assert q.sum() == pytest.approx(net, abs=1e-12 * (1 + np.abs(q).sum()))


@given(MOLECULE, st.integers(0, 2**31))
def test_no_other_charges_with_the_same_sum_have_less_energy(molecule, seed):
    ((q, chi, eta),) = charges_of([molecule])
    shift = np.random.default_rng(seed).normal(size=(20, len(q)))
    shift -= shift.mean(axis=1, keepdims=True)

    def energy(charges):
        return (chi * charges + 0.5 * eta * charges**2).sum(axis=-1)

    size = 1e-10 * (1.0 + np.abs(chi * q).sum() + (eta * q * q).sum())
    assert (energy(q + shift) >= energy(q) - size).all()


@given(MOLECULE, st.floats(-100.0, 100.0))
def test_only_differences_of_electronegativity_matter(molecule, shift):
    net, atoms = molecule
    ((q, _, _),) = charges_of([molecule])
    ((shifted, _, _),) = charges_of([(net, [(chi + shift, eta) for chi, eta in atoms])])
    # χ/η reaches 2000; its rounding is what remains
    np.testing.assert_allclose(shifted, q, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", [untrained_rung, random_rung])
def test_charges_of_a_model_add_up_exactly(make):
    graph = topology(*VARIETY, "[OH-]", "NC(N)=[NH2+]", "[O-]C(=O)/C=C/C(=O)[O-]")
    with torch.no_grad():
        charge = make(graph, 3)(graph).charge
    total = torch.zeros_like(graph.net_charge).index_add(0, graph.molecule, charge)
    np.testing.assert_allclose(total, graph.net_charge, rtol=0, atol=1e-12)


@pytest.mark.parametrize("smiles", ["CC(=O)[O-]", "c1ccccc1", "CCO", "NC(N)=[NH2+]", "CC(C)C"])
def test_equivalent_atoms_have_equal_charges(smiles):
    """Equivalent by RDKit's ranks, or as ends of a resonance."""
    mol, graph = mol_of(smiles), topology(smiles)
    with torch.no_grad():
        charge = random_rung(graph, 9)(graph).charge.numpy()
    ranks = np.array(Chem.CanonicalRankAtoms(mol, breakTies=False))
    for rank in set(ranks.tolist()):
        np.testing.assert_allclose(np.ptp(charge[ranks == rank]), 0.0, atol=1e-13)
    if graph.net_charge[0]:  # every N or O of an ion here is a resonance twin of the others
        twins = charge[np.isin(graph.atomic_number.numpy(), [7, 8])]
        np.testing.assert_allclose(np.ptp(twins), 0.0, atol=1e-13)


def test_charges_that_the_user_gave_are_kept_and_used():
    graph = topology("CCO", "O")
    given = torch.linspace(-0.4, 0.4, 9, dtype=torch.float64)
    known = torch.cat([given, torch.full((3,), torch.nan, dtype=torch.float64)])
    model, told = random_rung(graph, 2), graph._replace(user_charge=known)
    with torch.no_grad():
        free, found = model(graph), model(told)
    assert torch.equal(found.charge[:9], given)
    assert torch.equal(found.charge[9:], free.charge[9:])
    first, second = graph.atoms["pair"].T
    scale = torch.where(graph.pair_is_14, 1.0 / 1.2, 1.0)
    product = scale * found.charge[first] * found.charge[second]
    torch.testing.assert_close(found.terms["coulomb"]["charge_product"], product)


def test_rung_without_coulombs_law_has_no_charges():
    graph = topology("CCO")
    assert not bool(untrained_rung(graph, terms=["bond_harmonic"])(graph).charge.any())
