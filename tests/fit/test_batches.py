"""Batches hold every conformer once, and are the same whenever they are dealt."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forceladder.fit.batches import deal_conformers, make_batches
from forceladder.fit.data import conformer_weights, fit_data
from forceladder.training_set.dataset import row_ranges

COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=12)
SIZES, SEEDS = st.integers(1, 30), st.integers(0, 5)


@given(COUNTS, SIZES, SEEDS)
def test_every_conformer_is_dealt_once_and_no_batch_is_too_large(counts, size, seed):
    batches = deal_conformers(counts, size, seed)
    dealt = [(m, c) for batch in batches for m, kept in batch for c in kept.tolist()]
    assert sorted(dealt) == [(m, c) for m, count in enumerate(counts) for c in range(count)]
    for batch in batches:
        assert 0 < sum(len(kept) for _, kept in batch) <= size
        assert [m for m, _ in batch] == sorted(m for m, _ in batch)


@given(COUNTS, SIZES, SEEDS)
def test_molecules_that_fit_into_a_batch_are_not_cut(counts, size, seed):
    for batch in deal_conformers(counts, size, seed):
        for molecule, kept in batch:
            if counts[molecule] <= size:
                assert kept.tolist() == list(range(counts[molecule]))


@given(COUNTS, SIZES, SEEDS)
def test_two_batches_that_follow_each_other_would_not_fit_into_one(counts, size, seed):
    sizes = [sum(len(kept) for _, kept in b) for b in deal_conformers(counts, size, seed)]
    firsts = [len(kept) for kept in (b[0][1] for b in deal_conformers(counts, size, seed))]
    if len(sizes) > 1:
        assert sum(sizes) / len(sizes) > size / 2 or max(firsts) > size / 2


@given(COUNTS, SIZES, SEEDS)
def test_no_torsion_scan_is_cut(counts, size, seed):
    """Even a scan that is larger than a batch: its profile is relative to its own mean."""
    random = np.random.default_rng(seed)
    scans = [random.integers(-1, 3, count) for count in counts]
    batches = deal_conformers(counts, size, seed, np.concatenate(scans))
    dealt = [(m, kept) for batch in batches for m, kept in batch]
    assert sorted((m, c) for m, kept in dealt for c in kept.tolist()) == [
        (m, c) for m, count in enumerate(counts) for c in range(count)
    ]
    for m, scan in enumerate(scans):
        for number in range(3):
            holders = [kept for one, kept in dealt if one == m and (scan[kept] == number).any()]
            assert len(holders) <= 1
    longest = max([size, *(int((scan == n).sum()) for scan in scans for n in range(3))])
    assert all(sum(len(kept) for _, kept in b) <= size + longest for b in batches)


def test_seed_alone_decides_who_is_dealt_with_whom():
    counts = [5, 40, 3, 3, 12]

    def dealt(seed):
        return [[(m, kept.tolist()) for m, kept in b] for b in deal_conformers(counts, 10, seed)]

    np.random.seed(3)  # somebody else's draws must not matter
    assert dealt(0) == dealt(0) != dealt(1)


@settings(max_examples=5)
@given(st.integers(2, 30), SEEDS)
def test_tensors_of_batches_are_those_of_the_whole_set(xtb_set, size, seed):
    """Weights too: they are relative to a molecule's lowest conformer, in whichever batch."""
    whole = fit_data(xtb_set, conformer_weights(xtb_set, 2.0))
    first, ranges = row_ranges(xtb_set)["conformer"], row_ranges(xtb_set)
    counts, atoms = xtb_set["conformer_count"].values, xtb_set["atom_count"].values
    batches = make_batches(xtb_set, size, 2.0, seed)
    for picks, batch in zip(deal_conformers(counts, size, seed), batches, strict=True):
        conformers = np.concatenate([first[m] + kept for m, kept in picks])
        positions = np.concatenate(
            [
                ranges["position"][m] + c * atoms[m] + np.arange(atoms[m])
                for m, kept in picks
                for c in kept
            ]
        )
        for name in ("weight", "total_energy", "dipole", "scan"):
            assert torch.equal(getattr(batch, name), getattr(whole, name)[conformers]), name
        assert torch.equal(batch.gradient, whole.gradient[positions])
        assert torch.equal(batch.geometry.positions, whole.geometry.positions[positions])
        names = xtb_set["molecule_id"].values[[m for m, _ in picks]]
        assert batch.topology.molecule_ids == names.tolist()
