"""Limits that a release must keep. Values are judged here and nowhere else.

A further gate is an entry of GATES, a limit in the config's `gates`, and, where it looks at a
table that no gate has read before, a line in the input of rule judge_gates.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from forceladder import files
from forceladder.tables import number, read_table

ALWAYS_RUN = "LAMMPS"
COLUMNS = ["rung", "gate", "value", "limit", "passed", "waiver"]

# What is known of one rung: name of an input of rule judge_gates → rows, numbers as in their file
Measures = dict[str, list[dict]]


def always(measures: Measures) -> bool:
    return True


class Gate(NamedTuple):
    """label: what people call it; unit: of the value, '' for pure numbers; sign: ≤ or ≥, how the
    value must lie to the limit; value: of a rung's measures, NaN where it cannot be told;
    applies: whether the gate is asked of such a rung at all"""

    label: str
    unit: str
    sign: str
    value: Callable[[Measures], float]
    applies: Callable[[Measures], bool] = always

    def passes(self, value: float, limit: float) -> bool:
        return value >= limit if self.sign == "≥" else value <= limit


def held_out_error(quantity: str) -> Callable[[Measures], float]:
    """A column of the rung's row of held-out molecules in split_errors.csv; NaN if it is without
    those of a molecule, for which the rung gave no numbers."""

    def value(measures):
        test = next((row for row in measures["errors"] if row["split"] == "test"), None)
        return number(test[quantity]) if test and test["missing"] == "0" else math.nan

    return value


def geometry_error(measure: str) -> Callable[[Measures], float]:
    """A measure of geometry_summary.csv on held-out molecules."""
    return lambda measures: largest(number(row["value"]) for row in held_out(measures, measure))


FAILED = ("failed_points", "failed_minima", "failed_frequencies")


def failed_relaxations(measures: Measures) -> float:
    """Of scans, minima or vibrations of held-out molecules, where most of them have no number: the
    errors are those of the others."""
    return largest(number(row["value"]) for name in FAILED for row in held_out(measures, name))


def passed_fraction(part: str) -> Callable[[Measures], float]:
    """Of the checks of probe_summary.csv that were measured, over the molecules that were asked."""

    def value(measures):
        rows = [row for row in measures["probes"] if row["part"] == part]
        asked = sum(int(row["molecules"]) for row in rows)
        return 1.0 - sum(int(row["failed"]) for row in rows) / asked if asked else math.nan

    return value


def has_geometry(*names: str) -> Callable[[Measures], bool]:
    """Whether the reference has any of what is compared, of held-out molecules that were asked."""
    return lambda measures: any(held_out(measures, measure) for measure in names)


def held_out(measures: Measures, measure: str) -> list[dict]:
    """Rows of geometry_summary.csv of a measure and the held-out molecules."""
    return [
        row
        for row in measures["geometries"]
        if row["split"] == "test" and row["measure"] == measure
    ]


def survival(measures: Measures) -> float:
    """Fraction of NVT trajectories alive, of the molecule and temperature where it is least."""
    found = (value for row in measures["stability"] for value in row["survival"].values())
    return min(found, default=math.nan)


def drift(measures: Measures) -> float:
    """Largest NVE drift of any molecule at the shortest time step; NaN if one broke."""
    rows = measures["stability"]
    steps = {step for row in rows for step in row["nve_drift"]}
    shortest = min(steps, key=lambda step: float(step.split()[0]), default=None)
    found = [row["nve_drift"][shortest] for row in rows]
    return largest(math.nan if value is None else value for value in found)


def engines_differ(quantity: str) -> Callable[[Measures], float]:
    """Largest difference of any engine from the training code. LAMMPS must have run what was
    written for it; other engines count where they are installed."""

    def value(measures):
        if any(
            row["engine"] == ALWAYS_RUN and row["outcome"] not in ("proven", "refused")
            for row in measures["engines"]
        ):
            return math.nan
        return difference(quantity)(measures)

    return value


def difference(quantity: str) -> Callable[[Measures], float]:
    """Largest difference of a quantity in proof.csv."""
    return lambda measures: largest(
        excess(row) for row in measures["proof"] if row["quantity"] == quantity
    )


def has_charges(measures: Measures) -> bool:
    """Whether the rung has Coulomb's law; without a proof nobody knows."""
    proof = measures["proof"]
    return not proof or any("coulomb" in row["term"] for row in proof)


GATES = {
    "max_test_force_rmse_kcal_per_angstrom": Gate(
        "held-out force RMSE", "kcal/mol/Å", "≤", held_out_error("force_rmse")
    ),
    "max_test_energy_rmse_kcal": Gate(
        "held-out relative energy RMSE", "kcal/mol", "≤", held_out_error("energy_rmse")
    ),
    "max_test_profile_rmse_kcal": Gate(
        "held-out relaxed torsion profiles, RMSE", "kcal/mol", "≤",
        geometry_error("profile_rmse"), has_geometry("profile_rmse"),
    ),
    "max_test_minimum_rmsd_angstrom": Gate(
        "held-out minima, mean RMSD", "Å", "≤",
        geometry_error("minimum_rmsd"), has_geometry("minimum_rmsd"),
    ),
    "max_test_frequency_rmse_per_cm": Gate(
        "held-out vibrations, RMSE", "1/cm", "≤",
        geometry_error("frequency_rmse"), has_geometry("frequency_rmse"),
    ),
    "max_test_failed_relaxations_fraction": Gate(
        "held-out scans, minima or vibrations without a number", "", "≤",
        failed_relaxations, has_geometry(*FAILED),
    ),
    "min_physics_checks_passed_fraction": Gate(
        "physics battery, checks passed", "", "≥", passed_fraction("physics")
    ),
    "min_probes_passed_fraction": Gate(
        "clashes, stretched and pressed bonds, probes passed", "", "≥", passed_fraction("probes")
    ),
    "min_nvt_survival_fraction": Gate(
        "NVT trajectories that survive, worst molecule", "", "≥", survival
    ),
    "max_nve_drift_kt_per_ns_per_dof": Gate(
        "NVE energy drift, worst molecule", "kT/ns/dof", "≤", drift
    ),
    "max_charge_sum_error_e": Gate(
        "sum of charges − net charge", "e", "≤", difference("sum"), has_charges
    ),
    "max_engine_energy_difference_kcal": Gate(
        "engines − training code, energy", "kcal/mol", "≤", engines_differ("energy")
    ),
    "max_engine_force_difference_kcal_per_angstrom": Gate(
        "engines − training code, force", "kcal/mol/Å", "≤", engines_differ("force")
    ),
}  # fmt: skip


def measures_of(paths: dict, rungs: list[str], methods: dict[str, str]) -> dict[str, Measures]:
    """The measures of every rung, from the inputs of rule judge_gates.

    paths: name → a table of all methods with a column `method`, or a list of files, one per rung,
        CSV or JSON
    methods: rung → its name in the tables
    """
    found: dict[str, Measures] = {rung: {} for rung in rungs}
    for name, given in paths.items():
        if isinstance(given, str):
            rows = read_table(given)
            for rung in rungs:
                found[rung][name] = [row for row in rows if row["method"] == methods[rung]]
            continue
        for rung, path in zip(rungs, given, strict=True):
            read = files.read_json if Path(path).suffix == ".json" else read_table
            found[rung][name] = read(path)
    return found


def judge_gates(rung: str, measures: Measures, limits: dict, waivers=()) -> list[dict]:
    """One row per gate that applies. A value that is missing or not a number fails, saying so.

    limits: the config's `gates`      waivers: the config's `waivers`
    """
    reasons = {w["gate"]: w["reason"] for w in waivers if w["rung"] == rung and "gate" in w}
    rows = []
    for name, limit in limits.items():
        gate = GATES[name]
        if gate.applies(measures):
            value = gate.value(measures)
            passed = gate.passes(value, limit)
            row = (rung, name, value, limit, passed, reasons.get(name, ""))
            rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def largest(values) -> float:
    """The largest size of any number; NaN if one is NaN or there is none."""
    values = [abs(value) for value in values]
    return math.nan if not values or any(map(math.isnan, values)) else max(values)


def excess(row: dict) -> float:
    """What of a difference the engine's own precision does not explain, never negative."""
    value, difference, precision = (
        number(row[name]) for name in ("value", "difference", "precision")
    )
    own = precision * abs(value)
    return abs(difference) - own if not abs(difference) <= own else 0.0


def missed_gates(rows: list[dict]) -> list[str]:
    """A phrase for each gate that was missed and not waived: number, limit and difference.

    rows: of gates.csv, as strings
    """
    return [miss(row) for row in rows if row["passed"] != "True" and not row["waiver"]]


def miss(row: dict) -> str:
    """'class1: held-out force RMSE (max_…) is 5.25 kcal/mol/Å, limit 5, missed by 0.25 (5 %)'."""
    gate, value, limit = GATES[row["gate"]], number(row["value"]), float(row["limit"])
    what = f"{row['rung']}: {gate.label} ({row['gate']})"
    if math.isnan(value):
        return f"{what} could not be measured, limit {limit:.4g}"
    unit = f" {gate.unit}" if gate.unit else ""
    by = abs(value - limit)
    share = f" ({100.0 * by / abs(limit):.3g} %)" if limit else ""
    return f"{what} is {value:.4g}{unit}, limit {limit:.4g}, missed by {by:.4g}{share}"
