"""The training set as xarray: making, writing, reading and slicing it."""

import hashlib
import json
from collections.abc import Iterator

import numpy as np
import xarray

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.fields import FIELDS, TABLES, labelled, problems

SPLITS = ("train", "validation", "test")


def as_dataset(arrays: dict, coordinates: dict, provenance: dict) -> xarray.Dataset:
    """Arrays by field name → dataset with dims, dtypes and units as in fields.py."""
    dataset = xarray.Dataset(labelled(arrays, FIELDS))
    # Names of features travel as attributes: coordinates of strings differ between readers.
    dataset["atom_features"].attrs["names"] = " ".join(coordinates["atom_feature"])
    dataset["bond_features"].attrs["names"] = " ".join(coordinates["bond_feature"])
    dataset.attrs = {
        "Conventions": "CF-1.11, contiguous ragged arrays",
        "provenance": json.dumps(provenance, sort_keys=True),
    }
    return dataset


def write_training_set(dataset: xarray.Dataset, path):
    """Write NetCDF4 (HDF5), compressed, atomically."""
    if found := problems(dataset):
        raise ValueError("; ".join(found))
    dataset = dataset.assign_attrs(content_sha256=content_digest(dataset))
    encoding = {
        name: {"zlib": True, "complevel": 4}
        for name, field in FIELDS.items()
        if field.dtype != "str" and dataset[name].size
    }
    for name in FIELDS:
        if FIELDS[name].dtype.startswith("float"):
            encoding.setdefault(name, {})["_FillValue"] = None  # NaN stays NaN by itself
    files.write_netcdf(path, dataset, encoding)


def read_training_set(path) -> xarray.Dataset:
    """Read a training set into memory; check it against fields.py and its own digest.

    raises: CorruptFileError, naming what departs
    """
    dataset = files.read_netcdf(path)
    if found := problems(dataset):
        raise CorruptFileError(f"{path} is no training set of this version: {'; '.join(found)}.")
    if dataset.attrs.pop("content_sha256", None) != content_digest(dataset):
        raise CorruptFileError(f"{path} is damaged: its arrays were changed; delete it, run again.")
    return dataset


def content_digest(dataset: xarray.Dataset) -> str:
    """SHA-256 of all arrays and the provenance: HDF5 itself does not notice every flipped bit."""
    return _digest(dataset, hashlib.sha256(dataset.attrs["provenance"].encode()))


def arrays_digest(dataset: xarray.Dataset) -> str:
    """SHA-256 of all arrays alone: the same for the same data, whoever made it."""
    return _digest(dataset, hashlib.sha256())


def _digest(dataset: xarray.Dataset, content) -> str:
    for name in FIELDS:
        values = dataset[name].values
        content.update(name.encode() + str(values.shape).encode())
        if FIELDS[name].dtype == "str":
            content.update("\0".join(map(str, values)).encode())
        else:
            content.update(np.ascontiguousarray(values).data)
    return content.hexdigest()


def provenance(dataset: xarray.Dataset) -> dict:
    return json.loads(dataset.attrs["provenance"])


def row_ranges(dataset: xarray.Dataset) -> dict[str, np.ndarray]:
    """First row of every molecule along each flat dim, [molecules + 1]; the last is the end."""
    counts = {dim: dataset[f"{dim}_count"].values for dim in (*TABLES, "atom", "conformer", "scan")}
    counts["position"] = counts["atom"] * counts["conformer"]
    counts["conformer_bond"] = counts["bond"] * counts["conformer"]
    ranges = {dim: np.concatenate([[0], np.cumsum(count)]) for dim, count in counts.items()}
    for dim, first in conformer_starts(dataset).items():
        ranges[dim] = first[ranges["conformer"]]
    return ranges


def conformer_starts(dataset: xarray.Dataset) -> dict[str, np.ndarray]:
    """First row of every conformer along the dims that are ragged in it, [conformers + 1]."""
    return {
        dim: np.concatenate([[0], np.cumsum(dataset[count].values, dtype=np.int64)])
        for dim, count in (("grid_point", "grid_count"), ("hessian_element", "hessian_count"))
    }


def select(dataset: xarray.Dataset, picks) -> xarray.Dataset:
    """The dataset of some molecules, each with some of its conformers.

    picks: pairs of a molecule row and the conformers to keep of it, counted from zero within the
        molecule (None for all); in the order wanted
    """
    return next(select_each(dataset, [picks]))


def select_each(dataset: xarray.Dataset, lists) -> Iterator[xarray.Dataset]:
    """`select` for every list of picks; where things are is worked out once."""
    ranges, starts = row_ranges(dataset), conformer_starts(dataset)
    for picks in lists:
        yield _selected(dataset, picks, ranges, starts)


def _selected(dataset, picks, ranges: dict, starts: dict) -> xarray.Dataset:
    """See `select`; ranges of `row_ranges`, starts of `conformer_starts`."""
    per_conformer = {
        "position": dataset["atom_count"].values, "conformer_bond": dataset["bond_count"].values
    }  # fmt: skip
    rows: dict[str, list] = {dim: [] for dim in (*ranges, *starts)}
    counts = []
    for molecule, kept in picks:
        for dim in (*TABLES, "atom", "scan"):
            rows[dim].append(np.arange(*ranges[dim][molecule : molecule + 2]))
        first, end = ranges["conformer"][molecule : molecule + 2]
        conformers = np.arange(first, end) if kept is None else first + np.asarray(kept, int)
        counts.append(len(conformers))
        rows["conformer"].append(conformers)
        for dim, size in per_conformer.items():
            begin = ranges[dim][molecule] + (conformers - first) * size[molecule]
            rows[dim].append((begin[:, None] + np.arange(size[molecule])).ravel())
        for dim, start in starts.items():
            pieces = [
                np.arange(start[c], start[c + 1]) for c in conformers if start[c] < start[c + 1]
            ]
            rows[dim] += pieces
    indexers = {
        dim: np.concatenate(pieces) if pieces else np.zeros(0, int) for dim, pieces in rows.items()
    }
    indexers["molecule"] = np.array([molecule for molecule, _ in picks], int)
    selected = dataset.isel({dim: rows for dim, rows in indexers.items() if dim in dataset.dims})
    selected["conformer_count"] = (
        "molecule", np.array(counts, "int32"), dataset.conformer_count.attrs
    )  # fmt: skip
    return selected


def select_molecules(dataset: xarray.Dataset, rows) -> xarray.Dataset:
    """The dataset of the given molecule rows alone, in that order."""
    return select(dataset, [(int(row), None) for row in rows])


def select_conformers(dataset: xarray.Dataset, keep) -> xarray.Dataset:
    """The dataset of the conformers for which `keep` [conformers] is true, all molecules kept."""
    first, keep = row_ranges(dataset)["conformer"], np.asarray(keep, bool)
    return select(
        dataset,
        [(m, np.flatnonzero(keep[first[m] : first[m + 1]])) for m in range(len(first) - 1)],
    )


def join_datasets(datasets: list[xarray.Dataset], provenance: dict) -> xarray.Dataset:
    """One training set out of several, molecules in the order given."""
    arrays = {
        name: np.concatenate([dataset[name].values for dataset in datasets]) for name in FIELDS
    }
    features = {
        f"{kind}_feature": datasets[0][f"{kind}_features"].attrs["names"].split()
        for kind in ("atom", "bond")
    }
    return as_dataset(arrays, features, provenance)


def select_split(dataset: xarray.Dataset, split: str) -> xarray.Dataset:
    """The molecules of one split: 'train', 'validation' or 'test'."""
    return select_molecules(dataset, np.flatnonzero(dataset["split"].values == split))


def molecule_positions(dataset: xarray.Dataset, molecule: int) -> np.ndarray:
    """Positions [conformers, atoms, 3] Å of one molecule; minimized conformers come first."""
    rows = slice(*row_ranges(dataset)["position"][molecule : molecule + 2])
    atoms = int(dataset["atom_count"].values[molecule])
    return dataset["positions"].values[rows].reshape(-1, atoms, 3)
