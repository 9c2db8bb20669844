"""Where every method stands: its error, its cost and its stability, out of the tables of a run."""

import numpy as np

from forceladder.tables import number
from forceladder.validate.cost import ENERGY_AND_FORCE, LEDGER, MD_STEP
from forceladder.validate.front import judged
from forceladder.validate.same_molecules import OWN, same_molecule_errors

COLUMNS = [
    "error_measure", "cost_measure", "method", "kind", "error", "error_low", "error_high", "unit",
    "split", "molecules", "missing", "pooled_over", "milliseconds", "cost_low", "cost_high",
    "survival", "survival_low", "survival_high", "trajectories", "picoseconds",
    "temperature_kelvin", "on_front", "dominated_by",
]  # fmt: skip
KINDS = ("mechanics", "mechanics and network", "network", "baseline", "reference")
ERRORS = {  # of molecule_errors.csv → what people call it, its unit
    "force": ("force RMSE", "kcal/mol/Å"),
    "energy": ("relative energy RMSE", "kcal/mol"),
}
GEOMETRIES = {  # the same of a measure of geometry_summary.csv
    "profile_rmse": ("relaxed torsion profile RMSE", "kcal/mol"),
    "barrier_error": ("torsion barrier error", "kcal/mol"),
    "minimum_rmsd": ("RMSD of minima", "Å"),
    "dde": ("ΔΔE of minima", "kcal/mol"),
    "frequency_rmse": ("frequency RMSE", "cm⁻¹"),
}
COSTS = {ENERGY_AND_FORCE: "energy and forces", MD_STEP: "MD step in OpenMM"}
JUDGED = ("test", "validation", "train")  # the first split that there is


def standings(
    kinds: dict[str, str], molecules: list[dict], geometries: list[dict], costs: list[dict],
    survival: list[dict], hottest: float, seed: int,
) -> list[dict]:  # fmt: skip
    """One row per error measure, cost measure and method, of the columns COLUMNS.

    A method without an error or a cost has a row that is neither on the front nor dominated.
    Errors of forces and energies are over the held-out molecules that all methods have numbers for
    (`same_molecules`); those of geometries over the molecules that each has.

    kinds: method → one of KINDS
    molecules, geometries, costs, survival: rows of molecule_errors.csv, geometry_summary.csv,
        cost.csv and survival.csv as they are read; any but the first may be empty
    hottest: K; trajectories up to here count, a method's worst temperature for it. Hotter ones
        are meant to break things.
    seed: of the bootstrap of errors
    """
    methods = {method for method, kind in kinds.items() if kind != "reference"}
    errors = _errors(molecules, geometries, methods, seed)
    paid = {what: common_costs(costs, what) for what in COSTS}
    stable = {method: lowest_survival(survival, method, hottest) for method in kinds}
    rows = []
    for measure, by_method in errors.items():
        unit, split = next((r["unit"], r["split"]) for r in by_method.values())
        zero = {"error": 0.0, "unit": unit, "split": split}
        for what, by_cost in paid.items():
            if not by_cost:
                continue
            here = []
            for method, kind in kinds.items():
                if kind == "reference" and method not in by_cost:
                    continue
                error = zero if kind == "reference" else by_method.get(method, {})
                certain = {"survival": 1.0} if kind == "reference" else stable[method]
                here.append(
                    {"error_measure": measure, "cost_measure": what, "method": method, "kind": kind}
                    | error | by_cost.get(method, {}) | certain
                )  # fmt: skip
            rows += judged(here)
    return rows


def _errors(molecules, geometries, methods: set[str], seed: int) -> dict[str, dict[str, dict]]:
    """What people call a measure → method → columns of its error, on the held-out split."""
    found: dict[str, dict[str, dict]] = {}
    held_out = _held_out(molecules)
    for quantity, (label, unit) in ERRORS.items():
        by_method = same_molecule_errors(held_out, quantity, methods, seed)
        for method, said in by_method.items():
            said |= {"unit": unit, "split": held_out[0]["split"]}
            found.setdefault(label, {})[method] = said
    for row in _held_out(geometries):
        if row["measure"] in GEOMETRIES:
            label, unit = GEOMETRIES[row["measure"]]
            if said := _error_columns(row, unit):
                found.setdefault(label, {})[row["method"]] = said
    return {label: found[label] for label, _ in (*ERRORS.values(), *GEOMETRIES.values())
            if label in found}  # fmt: skip


def _held_out(rows: list[dict]) -> list[dict]:
    """Rows of the first of the splits JUDGED that there is."""
    present = {row["split"] for row in rows}
    split = next((name for name in JUDGED if name in present), None)
    return [row for row in rows if row["split"] == split]


def _error_columns(row: dict, unit: str) -> dict:
    """Of a row of geometry_summary.csv; empty where there is no error."""
    if _float(row["value"]) is None:
        return {}
    return {
        "error": _float(row["value"]), "error_low": _float(row["low"]),
        "error_high": _float(row["high"]), "unit": unit, "split": row["split"],
        "molecules": int(row["molecules"]), "pooled_over": OWN,
    }  # fmt: skip


def common_costs(costs: list[dict], what: str) -> dict[str, dict]:
    """Method → geometric mean of its milliseconds, and of their quartiles, over the molecules that
    every method has a time for (so ratios are of the same work); without such, over its own."""
    times: dict[str, dict[str, dict]] = {}
    for row in costs:
        if row["what"] == what and _float(row["milliseconds"]) is not None:
            times.setdefault(row["method"], {})[row["molecule"]] = row
    shared = set.intersection(*map(set, times.values())) if times else set()
    found = {}
    for method, by_molecule in times.items():
        rows = [by_molecule[name] for name in sorted(shared or by_molecule)]
        found[method] = {
            "milliseconds": _geometric_mean(rows, "milliseconds"),
            "cost_low": _geometric_mean(rows, "low"), "cost_high": _geometric_mean(rows, "high"),
        }  # fmt: skip
    return found


def reference_name(costs: list[dict]) -> str | None:
    """What the ledger calls the reference; None where nothing is known of its cost."""
    return next((row["method"] for row in costs if row["source"] == LEDGER), None)


def _geometric_mean(rows: list[dict], column: str) -> float | None:
    values = [_float(row[column]) for row in rows]
    return None if None in values else float(np.exp(np.mean(np.log(values))))


def lowest_survival(rows: list[dict], method: str, hottest: float) -> dict:
    """Columns of the temperature, up to `hottest`, at which least trajectories survive as long as
    those of all methods run: some run longer, and have more time to die."""
    own = [r for r in rows if r["method"] == method and _float(r["common_survival"]) is not None]
    own = [r for r in own if _float(r["temperature_kelvin"]) <= hottest]
    if not own:
        return {"survival": None}
    worst = min(own, key=lambda r: (_float(r["common_survival"]), -_float(r["temperature_kelvin"])))
    return {
        "survival": _float(worst["common_survival"]), "survival_low": _float(worst["common_low"]),
        "survival_high": _float(worst["common_high"]), "trajectories": int(worst["trajectories"]),
        "picoseconds": _float(worst["common_picoseconds"]),
        "temperature_kelvin": _float(worst["temperature_kelvin"]),
    }  # fmt: skip


def _float(cell) -> float | None:
    """A cell, as written or as read; None where there is no number."""
    value = number(cell) if isinstance(cell, str) else cell
    return None if value is None or not np.isfinite(value) else float(value)
