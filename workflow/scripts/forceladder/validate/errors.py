"""Errors against the reference, per molecule and per split, with bootstrap intervals."""

import numpy as np

from forceladder.job import seed_of
from forceladder.training_set.dataset import SPLITS, row_ranges

RESAMPLES = 2000


def molecule_errors(dataset, predictions) -> list[dict]:
    """One row per method and molecule.

    force_rmse        kcal/mol/Å, per component, over all conformers
    energy_rmse       kcal/mol, energies relative to the molecule's mean, both sides
    conformers, force_components   how many numbers each error is the mean of, to pool them
    NaN where the method has no parameters.
    """
    ranges = row_ranges(dataset)
    rows = []
    for k, method in enumerate(predictions["method"].values):
        for m, name in enumerate(dataset["molecule_id"].values):
            conformers = slice(*ranges["conformer"][m : m + 2])
            positions = slice(*ranges["position"][m : m + 2])
            energy = predictions["predicted_energy"].values[k, conformers]
            reference = dataset["energy"].values[conformers]
            energy_error = (energy - energy.mean()) - (reference - reference.mean())
            force_error = (
                predictions["predicted_gradients"].values[k, positions]
                - dataset["gradients"].values[positions]
            )
            known = np.isfinite(dataset["gradients"].values[positions]).all(axis=1)
            rows.append(
                {
                    "method": str(method),
                    "molecule": str(name),
                    "split": str(dataset["split"].values[m]),
                    "conformers": len(reference),
                    "force_components": int(known.sum()) * 3,
                    "force_rmse": root_mean_square(force_error[known]),
                    "energy_rmse": root_mean_square(energy_error),
                }
            )
    return rows


def root_mean_square(values) -> float:
    """NaN of no values."""
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def split_errors(rows: list[dict], seed: int) -> list[dict]:
    """One row per method and split: pooled RMSE and a 95 % interval over molecules.

    Molecules are drawn with replacement, because conformers of one molecule are not
    independent; methods share the draws. Molecules without parameters are left out and
    counted in `missing`. With fewer than three molecules there is no interval (None).
    """
    table = []
    for method in dict.fromkeys(row["method"] for row in rows):
        for split in SPLITS:
            members = [r for r in rows if r["method"] == method and r["split"] == split]
            if not members:
                continue
            known = [r for r in members if np.isfinite(r["energy_rmse"])]
            entry = {"method": method, "split": split, "molecules": len(known)}
            entry["missing"] = len(members) - len(known)
            for quantity, count in (("force", "force_components"), ("energy", "conformers")):
                # molecules may have energies alone
                rows_of = [r for r in known if np.isfinite(r[f"{quantity}_rmse"])]
                draws = np.random.default_rng(seed_of("bootstrap", seed, split)).integers(
                    0, max(len(rows_of), 1), (RESAMPLES, len(rows_of))
                )
                weight = np.array([r[count] for r in rows_of], float)
                square = weight * np.array([r[f"{quantity}_rmse"] for r in rows_of]) ** 2
                entry[f"{quantity}_rmse"] = (
                    float(np.sqrt(square.sum() / weight.sum())) if rows_of else None
                )
                low = high = None
                if len(rows_of) >= 3:
                    drawn = np.sqrt(square[draws].sum(axis=1) / weight[draws].sum(axis=1))
                    low, high = (float(x) for x in np.percentile(drawn, [2.5, 97.5]))
                entry[f"{quantity}_rmse_low"], entry[f"{quantity}_rmse_high"] = low, high
            table.append(entry)
    return table
