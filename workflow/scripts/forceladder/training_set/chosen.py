"""The molecules that expensive questions are asked of: MD, relaxations, probes.

Held-out molecules say what a force field is worth, so they come first; within a split a hash of
the name decides, so that a molecule more moves one other at most, and no order matters.
"""

import numpy as np
import xarray

from forceladder.provenance import digest
from forceladder.training_set.dataset import select_molecules

FIRST = ("test", "validation", "train")


def chosen_rows(names, splits, most: int) -> list[int]:
    """Rows of at most so many molecules, in their order.

    names, splits: [molecules]      most: the config's `validation.max_molecules`
    """

    def place(row):
        return FIRST.index(str(splits[row])), digest(str(names[row]))

    return sorted(sorted(range(len(names)), key=place)[:most])


def chosen_molecules(dataset: xarray.Dataset, most: int) -> xarray.Dataset:
    """The training set of these molecules alone; the whole one, as it is, where it has no more."""
    rows = _rows_of(dataset, most)
    whole = len(rows) == dataset.sizes["molecule"]
    return dataset if whole else select_molecules(dataset, rows)


def conformer_rows(dataset: xarray.Dataset, most: int) -> np.ndarray:
    """Rows in the whole training set of the conformers of these molecules, in their order."""
    chosen = np.isin(np.arange(dataset.sizes["molecule"]), _rows_of(dataset, most))
    return np.flatnonzero(np.repeat(chosen, dataset["conformer_count"].values))


def _rows_of(dataset: xarray.Dataset, most: int) -> list[int]:
    return chosen_rows(dataset["molecule_id"].values, dataset["split"].values, most)
