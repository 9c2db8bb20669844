"""Errors of profiles, minima and vibrations by method and split, with bootstrap intervals."""

from typing import NamedTuple

import numpy as np

from forceladder.training_set.dataset import SPLITS
from forceladder.validate.bootstrap import FEWEST, drawn_counts, percentiles

SUMMARY_COLUMNS = ["method", "split", "measure", "unit", "value", "low", "high", "molecules"]


class Measure(NamedTuple):
    """What is pooled of a table's column: 'rms' is the root mean square, 'size' the mean of
    absolute values."""

    name: str
    unit: str
    table: str
    column: str
    pooled: str


MEASURES = (
    Measure("profile_rmse", "kcal/mol", "profiles", "rmse", "rms"),
    Measure("barrier_error", "kcal/mol", "profiles", "barrier_error", "size"),
    Measure("minima_shift", "degree", "profiles", "minima_shift", "size"),
    Measure("missing_minima", "per scan", "profiles", "missing_minima", "size"),
    Measure("spurious_minima", "per scan", "profiles", "spurious_minima", "size"),
    Measure("boltzmann_distance", "1", "profiles", "boltzmann_distance", "size"),
    Measure("well_distance", "1", "profiles", "well_distance", "size"),
    Measure("failed_points", "fraction", "profiles", "failed_fraction", "size"),
    Measure("minimum_rmsd", "angstrom", "minima", "rmsd", "size"),
    Measure("minimum_heavy_rmsd", "angstrom", "minima", "heavy_rmsd", "size"),
    Measure("minimum_tfd", "1", "minima", "tfd", "size"),
    Measure("dde", "kcal/mol", "minima", "dde", "rms"),
    Measure("failed_minima", "fraction", "minima", "failed", "size"),
    Measure("frequency_rmse", "1/cm", "frequencies", "rmse", "rms"),
    Measure("frequency_matched_rmse", "1/cm", "frequencies", "matched_rmse", "rms"),
    Measure("frequency_mae", "1/cm", "frequencies", "mae", "size"),
    Measure("frequency_low_rmse", "1/cm", "frequencies", "low_rmse", "rms"),
    Measure("frequency_high_rmse", "1/cm", "frequencies", "high_rmse", "rms"),
    Measure("zero_point_error", "kcal/mol", "frequencies", "zero_point_error", "size"),
    Measure("failed_frequencies", "fraction", "frequencies", "failed", "size"),
)


def geometry_summary(tables: dict[str, list[dict]], seed: int) -> list[dict]:
    """Rows of SUMMARY_COLUMNS, of every method, split and measure that has rows.

    Scans, minima and Hessians weigh the same; the 95 % interval is over molecules, drawn with
    replacement, the same for all methods; there is none with fewer than three. A measure whose
    rows all lack it has no value, and no molecules.

    tables: rows of 'profiles', 'minima', 'frequencies', of module geometry_errors
    """
    methods = dict.fromkeys(row["method"] for rows in tables.values() for row in rows)
    summary = []
    for method in methods:
        for split in SPLITS:
            for measure in MEASURES:
                rows = [
                    row for row in tables[measure.table]
                    if row["method"] == method and row["split"] == split
                ]  # fmt: skip
                if rows:
                    value, low, high, count = pooled(rows, measure, seed, split)
                    summary.append(
                        {"method": method, "split": split, "measure": measure.name,
                         "unit": measure.unit, "value": value, "low": low, "high": high,
                         "molecules": count}
                    )  # fmt: skip
    return summary


def pooled(rows: list[dict], measure: Measure, *seed):
    """Value, ends of its interval (None without one), and molecules that it is the mean of."""
    power = 2.0 if measure.pooled == "rms" else 1.0
    sums: dict[str, np.ndarray] = {}
    for row in rows:
        size = abs(row.get(measure.column, np.nan))
        if np.isfinite(size):
            total = sums.setdefault(row["molecule"], np.zeros(2))
            total += (size**power, 1.0)
    if not sums:
        return None, None, None, 0
    table = np.array(list(sums.values()))
    value, low, high = float(_mean(table.sum(axis=0), power)), None, None
    if len(table) >= FEWEST:
        low, high = percentiles(_mean(drawn_counts(len(table), *seed) @ table, power))
    return value, low, high, len(table)


def _mean(sums, power: float):
    """Of sums [..., 2] of powers and of counts."""
    return (sums[..., 0] / sums[..., 1]) ** (1.0 / power)
