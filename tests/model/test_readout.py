"""Readouts are symmetric, start at zero, and stay within their bounds."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from forceladder.model.readout import CentreReadout, Readout, SharedBondReadout, bounded

SEEDS = st.integers(0, 2**31)


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_random_weights(readout, seed):
    readout = readout.double()
    with torch.no_grad():
        for row, weight in enumerate(readout.parameters()):
            weight.copy_(random(*weight.shape, seed=seed + row))
    return readout


def rows_of_atoms(columns, seed):
    """Embeddings of twelve atoms, and a table of nine rows of them."""
    table = torch.randint(12, (9, columns), generator=torch.Generator().manual_seed(seed))
    return random(12, 6, seed=seed), table


@given(SEEDS, st.sampled_from([1, 2, 3, 4]), st.sampled_from([0, 3]))
def test_reversed_rows_read_the_same(seed, atoms, extra):
    readout = with_random_weights(Readout(atoms, width=6, extra=extra, outputs=2), seed)
    embedding, table = rows_of_atoms(atoms, seed)
    more = random(9, extra, seed=seed) if extra else None
    assert torch.equal(readout(embedding, table, more), readout(embedding, table.flip(1), more))


@given(SEEDS, st.sampled_from([2, 3, 4]))
def test_numbers_of_the_ends_swap_in_reversed_rows(seed, atoms):
    readout = Readout(atoms, width=6, extra=0, outputs=2, per_end=True)
    embedding, table = rows_of_atoms(atoms, seed)
    readout = with_random_weights(readout, seed)
    found = readout(embedding, table)
    assert found.shape == (9, 2, 2)
    assert torch.equal(readout(embedding, table.flip(1)), found.flip(1))
    assert not torch.allclose(found[:, 0], found[:, 1])


@given(SEEDS, st.sampled_from([2, 3, 4]), st.sampled_from([0, 3]))
def test_readout_is_a_network_of_the_joined_embeddings_in_both_orders(seed, atoms, extra):
    """The first layer multiplies each atom once, and the rows pick from that: the same number."""
    readout = with_random_weights(Readout(atoms, width=6, extra=extra, outputs=2), seed)
    embedding, table = rows_of_atoms(atoms, seed)
    more = random(9, extra, seed=seed)
    both = 0.0
    for order in (table, table.flip(1)):
        joined = torch.cat([embedding[order].flatten(1), more], dim=1)
        both = both + nn.functional.silu(readout.inner(joined))
    found = readout(embedding, table, more if extra else None)
    torch.testing.assert_close(found, readout.outer[1:](both), rtol=1e-11, atol=1e-11)


@given(SEEDS)
def test_torsion_readout_is_no_more_symmetric_than_a_torsion(seed):
    """i-j-k-l is l-k-j-i, but not i-k-j-l."""
    readout = with_random_weights(Readout(4, width=6, extra=0, outputs=2), seed)
    embedding, table = rows_of_atoms(4, seed)
    other = readout(embedding, table[:, [0, 2, 1, 3]])
    assert not torch.allclose(readout(embedding, table), other)


@given(SEEDS)
def test_other_ends_of_two_angles_with_a_common_bond_have_no_order(seed):
    readout = with_random_weights(SharedBondReadout(4, width=6, extra=0, outputs=1), seed)
    embedding, table = rows_of_atoms(4, seed)
    found = readout(embedding, table)
    assert torch.equal(readout(embedding, table[:, [0, 1, 3, 2]]), found)
    for order in ([1, 0, 2, 3], [2, 1, 0, 3], [3, 2, 1, 0]):
        assert not torch.allclose(readout(embedding, table[:, order]), found)


@given(SEEDS)
def test_neighbours_of_a_centre_have_no_order(seed):
    readout = with_random_weights(CentreReadout(width=6, outputs=1), seed)
    embedding, table = rows_of_atoms(4, seed)
    found = readout(embedding, table)
    for order in permutations([1, 2, 3]):
        assert torch.equal(readout(embedding, table[:, [0, *order]]), found)
    assert not torch.allclose(readout(embedding, table[:, [1, 0, 2, 3]]), found)


@pytest.mark.parametrize(
    "readout", [Readout(4, 6, 0, 4), SharedBondReadout(4, 6, 0, 4), CentreReadout(6, 4)]
)
def test_untrained_readout_says_zero(readout):
    embedding, table = rows_of_atoms(4, 1)
    assert torch.equal(readout(embedding.float(), table), torch.zeros(9, 4))


@given(st.floats(-1e6, 1e6), st.floats(0.01, 100.0))
def test_bounded_is_odd_within_its_limit_and_never_falls(value, limit):
    x = torch.tensor([value, -value, value + 0.1], dtype=torch.float64)
    y = bounded(x, limit)
    assert float(y.abs().max()) <= limit
    assert float(y[0]) == -float(y[1])
    assert float(y[2]) >= float(y[0])


@given(st.floats(0.1, 10.0))
def test_bounded_is_the_identity_near_zero(limit):
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    y = bounded(x, limit)
    (slope,) = torch.autograd.grad(y, x)
    assert float(y.detach()) == 0.0
    assert float(slope) == pytest.approx(1.0, rel=1e-15)
