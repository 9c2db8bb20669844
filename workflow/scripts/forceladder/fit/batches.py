"""Batches: conformers of many molecules, dealt once in a seeded order."""

import math

import numpy as np

from forceladder.fields import FIELDS
from forceladder.fit.data import FitData, conformer_weights, fit_data
from forceladder.job import seed_of
from forceladder.training_set.dataset import select_each


def make_batches(
    dataset, conformers_per_batch: int, energy_scale: float, seed: int, device="cpu"
) -> list[FitData]:
    """Tensors of a training set in batches, resident on the device.

    conformers_per_batch: molecules with more are cut; smaller ones share a batch, whole
    energy_scale: kcal/mol per atom, see `conformer_weights`
    """
    weight = conformer_weights(dataset, energy_scale)
    first = np.concatenate([[0], np.cumsum(dataset["conformer_count"].values)])
    texts = [name for name in FIELDS if FIELDS[name].dtype == "str"]
    bare = dataset.drop_vars([name for name in texts if FIELDS[name].dims == ("conformer",)])
    deal = deal_conformers(dataset["conformer_count"].values, conformers_per_batch, seed)
    return [
        fit_data(
            part,
            np.concatenate([weight[first[molecule] + kept] for molecule, kept in picks]),
            device,
        )
        for picks, part in zip(deal, select_each(bare, deal), strict=True)
    ]


def deal_conformers(counts, size: int, seed: int) -> list[list[tuple[int, np.ndarray]]]:
    """Batches of about `size` conformers, as picks of `training_set.dataset.select`.

    counts: [molecules], conformers of each      returns: pairs (molecule row, its conformers)
    """
    random = np.random.default_rng(seed_of("batches", seed))
    pieces = []
    for molecule, count in enumerate(counts):
        order = random.permutation(count)
        parts = np.array_split(order, max(1, math.ceil(count / size)))
        pieces += [(molecule, np.sort(part)) for part in parts if len(part)]
    batches, filled = [[]], 0
    for piece in random.permutation(len(pieces)):
        count = len(pieces[piece][1])
        if filled and filled + count > size:
            batches, filled = [*batches, []], 0
        batches[-1].append(pieces[piece])
        filled += count
    return [sorted(batch, key=lambda pick: pick[0]) for batch in batches if batch]
