"""Errors against the reference, per molecule and per split, with bootstrap intervals."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from forceladder.training_set.dataset import SPLITS, row_ranges
from forceladder.validate.bootstrap import (
    FEWEST,
    block_length,
    drawn_counts,
    percentiles,
    pooled_rmse,
)

COUNTS = {"force": "force_components", "energy": "conformers"}  # what an error is the mean of


class Errors(NamedTuple):
    """Of one method on the geometries of one molecule, predicted minus reference.

    energy: [conformers] kcal/mol, energies relative to their mean on both sides
    force: [conformers, atoms, 3] kcal/mol/Å, of the gradients; 0 where the reference's is unknown
    known: [conformers, atoms], where it is known
    """

    method: str
    molecule: int
    energy: np.ndarray
    force: np.ndarray
    known: np.ndarray


def errors_of_each(dataset, predictions) -> Iterator[Errors]:
    """Method by method, molecules in the order of the training set."""
    ranges = row_ranges(dataset)
    for k, method in enumerate(predictions["method"].values):
        for m, atoms in enumerate(dataset["atom_count"].values):
            conformers = slice(*ranges["conformer"][m : m + 2])
            positions = slice(*ranges["position"][m : m + 2])
            energy = predictions["predicted_energy"].values[k, conformers]
            reference = dataset["energy"].values[conformers]
            gradients = dataset["gradients"].values[positions]
            force = predictions["predicted_gradients"].values[k, positions] - gradients
            known = np.isfinite(gradients).all(axis=1)
            force = np.where(known[:, None], force, 0.0)
            yield Errors(
                str(method), m, (energy - energy.mean()) - (reference - reference.mean()),
                force.reshape(len(energy), atoms, 3), known.reshape(len(energy), atoms),
            )  # fmt: skip


def molecule_errors(dataset, predictions, seed: int) -> list[dict]:
    """One row per method and molecule.

    force_rmse        kcal/mol/Å, per component, over all conformers
    energy_rmse       kcal/mol, energies relative to the molecule's mean, both sides
    …_low, …_high     95 % interval over the molecule's geometries: how far the number would move
                      had others been drawn in the same way. Frames of one MD run and points of
                      one scan follow each other in the data and are correlated, so neighbours are
                      drawn together, in blocks; what is correlated over longer stretches makes
                      the interval too narrow, and it says nothing of other molecules. None with
                      fewer than three geometries. Methods share the draws.
    conformers, force_components   how many numbers each error is the mean of, to pool them
    NaN where the method has no parameters.
    """
    return [
        {
            "method": errors.method,
            "molecule": str(dataset["molecule_id"].values[errors.molecule]),
            "split": str(dataset["split"].values[errors.molecule]),
            "conformers": len(errors.energy),
            "force_components": 3 * int(errors.known.sum()),
            **_force_columns(errors, seed),
            **_energy_columns(errors, seed),
        }
        for errors in errors_of_each(dataset, predictions)
    ]


def _force_columns(errors: Errors, seed: int) -> dict:
    components = 3.0 * errors.known.sum(axis=1)
    square = (errors.force**2).sum(axis=(1, 2))[components > 0]
    components = components[components > 0]
    if not len(square) or not np.isfinite(square).all():
        return columns("force", float("nan"), None, None)
    low = high = None
    if len(square) >= FEWEST:
        counts = _drawn_geometries(len(square), seed, errors.molecule)
        low, high = percentiles(np.sqrt((counts @ square) / (counts @ components)))
    return columns("force", float(np.sqrt(square.sum() / components.sum())), low, high)


def _energy_columns(errors: Errors, seed: int) -> dict:
    if not np.isfinite(errors.energy).all():
        return columns("energy", float("nan"), None, None)
    low = high = None
    if (size := len(errors.energy)) >= FEWEST:
        counts = _drawn_geometries(size, seed, errors.molecule)
        mean = counts @ errors.energy / size  # every draw is relative to a mean of its own
        low, high = percentiles(np.sqrt(np.maximum(counts @ errors.energy**2 / size - mean**2, 0)))
    return columns("energy", float(np.sqrt(np.mean(errors.energy**2))), low, high)


def _drawn_geometries(size: int, seed: int, molecule: int) -> np.ndarray:
    return drawn_counts(size, seed, "geometries", molecule, block=block_length(size))


def columns(quantity: str, rmse, low, high) -> dict:
    """An error and its interval as columns of a table."""
    return {f"{quantity}_rmse": rmse, f"{quantity}_rmse_low": low, f"{quantity}_rmse_high": high}


def split_errors(rows: list[dict], seed: int) -> list[dict]:
    """One row per method and split: pooled RMSE and a 95 % interval over molecules.

    Molecules are drawn with replacement, because conformers of one molecule are not
    independent; methods share the draws. Molecules without parameters, and those of which any
    number is missing that the reference has, are left out and counted in `missing`. With fewer
    than three molecules there is no interval (None).
    """
    table = []
    for method in dict.fromkeys(row["method"] for row in rows):
        for split in SPLITS:
            members = [r for r in rows if r["method"] == method and r["split"] == split]
            if not members:
                continue
            known = [
                r for r in members
                if np.isfinite(r["energy_rmse"])
                and (np.isfinite(r["force_rmse"]) or not r["force_components"])
            ]  # fmt: skip
            entry = {"method": method, "split": split, "molecules": len(known)}
            entry["missing"] = len(members) - len(known)
            for quantity in COUNTS:
                # molecules may have energies alone
                rows_of = [r for r in known if np.isfinite(r[f"{quantity}_rmse"])]
                entry |= pooled_columns(rows_of, quantity, seed, split)
            table.append(entry)
    return table


def pooled_columns(rows: list[dict], quantity: str, seed: int, split: str) -> dict:
    """√(Σ w r² / Σ w) over rows of molecules, w of them `COUNTS`, and its interval."""
    weight = np.array([row[COUNTS[quantity]] for row in rows], float)
    square = weight * np.array([row[f"{quantity}_rmse"] for row in rows]) ** 2
    return columns(quantity, *pooled_rmse(square, weight, seed, split))
