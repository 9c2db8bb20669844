"""Messages are summed alike on DGL and on plain torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import mol_of
from force_fields import CLASS1, CLASS2, VARIETY, random_rung, topology
from forceladder.model import graph
from forceladder.model.graph import directed_edges, message_sum

MOLECULES = st.lists(st.sampled_from([*VARIETY, "[OH-]", "C"]), min_size=1, max_size=5)


def summed(topology, backend, seed):
    """The sums for random values, and their gradients by node and edge values."""
    generator = torch.Generator().manual_seed(seed)

    def random(rows):
        return torch.randn(rows, 7, generator=generator, dtype=torch.float64).requires_grad_()

    node, edge = random(len(topology.atomic_number)), random(2 * len(topology.bond_features))
    total = message_sum(topology, backend)(node, edge)
    target = torch.linspace(-1.0, 1.0, total.numel(), dtype=torch.float64).reshape(total.shape)
    return (total.detach(), *torch.autograd.grad(((total - target) ** 2).sum(), (node, edge)))


@settings(max_examples=20)
@given(MOLECULES, st.integers(0, 2**31))
def test_dgl_and_torch_sum_the_same_messages_with_the_same_gradients(molecules, seed):
    pytest.importorskip("dgl")
    both = [summed(topology(*molecules), backend, seed) for backend in ("dgl", "torch")]
    for ours, theirs in zip(*both, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@given(MOLECULES, st.integers(0, 2**31))
def test_sum_runs_over_the_bonded_neighbours(molecules, seed):
    """Against loops over RDKit's neighbours."""
    graph = topology(*molecules)
    random = np.random.default_rng(seed)
    node = random.normal(size=(len(graph.atomic_number), 3))
    edge = random.normal(size=(len(graph.bond_features), 3))
    expected, first_atom, first_bond = np.zeros_like(node), 0, 0
    for smiles in molecules:
        mol = mol_of(smiles)
        for bond in mol.GetBonds():
            for here in (bond.GetBeginAtom(), bond.GetEndAtom()):
                there = bond.GetOtherAtomIdx(here.GetIdx())
                value = node[first_atom + there] + edge[first_bond + bond.GetIdx()]
                expected[first_atom + here.GetIdx()] += value / (1.0 + np.exp(-value))
        first_atom, first_bond = first_atom + mol.GetNumAtoms(), first_bond + mol.GetNumBonds()
    both_ways = torch.as_tensor(np.concatenate([edge, edge]))
    found = message_sum(graph, "torch")(torch.as_tensor(node), both_ways)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_each_bond_is_an_edge_both_ways():
    source, destination = directed_edges(topology("CCO", "O"))
    pairs = list(zip(source.tolist(), destination.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == 2 * (8 + 2)
    assert set(pairs) == {(j, i) for i, j in pairs}


@pytest.mark.parametrize("terms", [CLASS1, CLASS2], ids=["class1", "class2"])
@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_whole_model_agrees_on_both_backends(scale, terms):
    """Parameters and their gradients by every weight, to 1e-6 and better."""
    pytest.importorskip("dgl")
    everything = topology(*VARIETY)
    model = random_rung(everything, seed=1, scale=scale, terms=terms)
    results = []
    for backend in ("dgl", "torch"):
        model.zero_grad()
        found = model(everything, backend)
        values = [v for term in found.terms.values() for v in term.values()]
        sum((value**2).sum() for value in [*values, found.charge]).backward()
        gradients = [w.grad.clone() for w in model.parameters() if w.grad is not None]
        results.append([*(value.detach() for value in values), found.charge.detach(), *gradients])
    for ours, theirs in zip(*results, strict=True):
        size = float(theirs.abs().max()) if theirs.numel() else 1.0
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10 * size)


def test_auto_is_torch_where_dgl_cannot_be_imported(monkeypatch):
    def absent():
        raise ImportError("no dgl here")

    graph.dgl_supports.cache_clear()
    monkeypatch.setattr(graph, "import_dgl", absent)
    try:
        molecule = topology("CCO")
        automatic, plain = summed(molecule, "auto", 0), summed(molecule, "torch", 0)
        assert all(torch.equal(a, b) for a, b in zip(automatic, plain, strict=True))
    finally:
        graph.dgl_supports.cache_clear()
