"""Limits that a release must keep. Values are judged here and nowhere else."""

import math

from forceladder.errors import GateError
from forceladder.tables import number

ALWAYS_RUN = "LAMMPS"
COLUMNS = ["rung", "gate", "value", "limit", "passed"]


def judge_gates(rung: str, errors, stability, proof, engines, limits: dict) -> list[dict]:
    """One row per gate. A value that is missing or not a number fails, saying so; the sum of
    charges is asked of a rung that has Coulomb's law.

    errors: rows of split_errors.csv of this rung     stability: as `stability_rows` gives it
    proof: rows of proof.csv; engines: rows of engines.csv. LAMMPS, where it is asked for, must
        have run what was written for it; other engines where they are installed
    limits: the config's `gates`
    """
    test = next((row for row in errors if row["split"] == "test"), None)
    shortest = min(
        (key for row in stability for key in row["nve_drift"]),
        key=lambda key: float(key.split()[0]), default=None,
    )  # fmt: skip

    def largest(values):
        values = [abs(value) for value in values]
        return math.nan if not values or any(map(math.isnan, values)) else max(values)

    unproven = any(
        row["engine"] == ALWAYS_RUN and row["outcome"] not in ("proven", "refused")
        for row in engines
    )

    def differences(quantity):
        if unproven and quantity != "sum":
            return math.nan
        return largest(excess(row) for row in proof if row["quantity"] == quantity)

    survival = [value for row in stability for value in row["survival"].values()]
    values = {
        "max_test_force_rmse_kcal_per_angstrom": number(test["force_rmse"]) if test else math.nan,
        "max_test_energy_rmse_kcal": number(test["energy_rmse"]) if test else math.nan,
        "min_nvt_survival_fraction": min(survival, default=math.nan),
        "max_nve_drift_kt_per_ns_per_dof": largest(
            math.nan if (drift := row["nve_drift"][shortest]) is None else drift
            for row in stability
        ),
        "max_charge_sum_error_e": differences("sum"),
        "max_engine_energy_difference_kcal": differences("energy"),
        "max_engine_force_difference_kcal_per_angstrom": differences("force"),
    }
    uncharged = bool(proof) and not any("coulomb" in row["term"] for row in proof)
    rows = []
    for gate, limit in limits.items():
        if gate == "max_charge_sum_error_e" and uncharged:
            continue
        value = values[gate]
        passed = value >= limit if gate.startswith("min_") else value <= limit
        rows.append({"rung": rung, "gate": gate, "value": value, "limit": limit, "passed": passed})
    return rows


def excess(row: dict) -> float:
    """What of a difference the engine's own precision does not explain, never negative."""
    value, difference, precision = (
        number(row[name]) for name in ("value", "difference", "precision")
    )
    own = precision * abs(value)
    return abs(difference) - own if not abs(difference) <= own else 0.0


def require_gates(rows: list[dict]):
    """Raise GateError if any gate failed, naming each number, its limit and the difference.

    rows: of gates.csv, as strings
    """
    missed = [row for row in rows if row["passed"] != "True"]
    if not missed:
        return
    phrases = []
    for row in missed:
        value, limit = number(row["value"]), float(row["limit"])
        if math.isnan(value):
            phrases.append(f"{row['rung']}: {row['gate']} could not be measured")
        else:
            phrases.append(
                f"{row['rung']}: {row['gate']} is {value:.4g}, limit {limit:.4g}, "
                f"missed by {abs(value - limit):.4g}"
            )
    raise GateError(
        f"not released, {len(missed)} gate(s) missed: {'; '.join(phrases)}. "
        "Mend the force field, or change the limit in the config's gates and say why."
    )
