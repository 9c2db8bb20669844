"""Batches: conformers of many molecules, dealt once in a seeded order."""

import math

import numpy as np

from forceladder.errors import FitError
from forceladder.fields import FIELDS
from forceladder.fit.data import FitData, conformer_weights, fit_data
from forceladder.job import seed_of
from forceladder.training_set.dataset import select_each


def require_conformers(train):
    """raises: FitError for a training set without any"""
    if not train.sizes["molecule"] or not train.sizes["conformer"]:
        raise FitError("no molecule of the training set is in the split 'train'.")


def make_batches(
    dataset, conformers_per_batch: int, energy_scale: float, seed: int, device="cpu"
) -> list[FitData]:
    """Tensors of a training set in batches, resident on the device.

    conformers_per_batch: molecules with more are cut, but through no torsion scan; smaller ones
        share a batch, whole
    energy_scale: kcal/mol per atom, see `conformer_weights`
    """
    weight = conformer_weights(dataset, energy_scale)
    first = np.concatenate([[0], np.cumsum(dataset["conformer_count"].values)])
    texts = [name for name in FIELDS if FIELDS[name].dtype == "str"]
    bare = dataset.drop_vars([name for name in texts if FIELDS[name].dims == ("conformer",)])
    counts = dataset["conformer_count"].values
    deal = deal_conformers(counts, conformers_per_batch, seed, dataset["scan"].values)
    return [
        fit_data(
            part,
            np.concatenate([weight[first[molecule] + kept] for molecule, kept in picks]),
            device,
        )
        for picks, part in zip(deal, select_each(bare, deal), strict=True)
    ]


def deal_conformers(counts, size: int, seed: int, scans=None) -> list[list[tuple[int, np.ndarray]]]:
    """Batches of about `size` conformers, as picks of `training_set.dataset.select`.

    counts: [molecules], conformers of each
    scans: [conformers], the torsion scan of the molecule that each is of, −1 for none. A scan
        stays together, be it larger than a batch: its profile is relative to its own mean.
    returns: pairs (molecule row, its conformers)
    """
    random = np.random.default_rng(seed_of("batches", seed))
    scans = np.full(np.sum(counts), -1) if scans is None else np.asarray(scans)
    pieces, first = [], 0
    for molecule, count in enumerate(counts):
        parts = cut(scans[first : first + count], size, random)
        pieces += [(molecule, np.sort(part)) for part in parts]
        first += count
    batches, filled = [[]], 0
    for piece in random.permutation(len(pieces)):
        count = len(pieces[piece][1])
        if filled and filled + count > size:
            batches, filled = [*batches, []], 0
        batches[-1].append(pieces[piece])
        filled += count
    return [sorted(batch, key=lambda pick: pick[0]) for batch in batches if batch]


def cut(scans, size: int, random) -> list[np.ndarray]:
    """Conformers of one molecule in parts of at most `size`, drawn at random, no scan cut.

    scans: [conformers]
    """
    if not len(scans):
        return []
    share = math.ceil(len(scans) / math.ceil(len(scans) / size))
    whole = [np.flatnonzero(scans == scan) for scan in np.unique(scans[scans >= 0])]
    units = [*np.flatnonzero(scans < 0)[:, None], *whole]
    parts, filled = [[]], 0
    for unit in random.permutation(len(units)):
        if filled and filled + len(units[unit]) > share:
            parts, filled = [*parts, []], 0
        parts[-1].append(units[unit])
        filled += len(units[unit])
    return [np.concatenate(part) for part in parts]
