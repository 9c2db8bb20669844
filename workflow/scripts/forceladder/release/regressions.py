"""What of a comparison with the previous release is a regression, and which of them block.

A row of kind split, group or molecule is worse if its error grew significantly (p, corrected for
many tests, below the config's release.regression_significance) and by more than
release.regression_tolerance_fraction of the old error; such a row blocks unless it is waived. What
had a number and has none any more is worse without a test.
Gates and single trajectories are one number each, without a test: they are said, never block.
"""

import math

from forceladder.release.gates import GATES
from forceladder.tables import number

COLUMNS = [
    "rung", "kind", "name", "split", "old_split", "quantity", "unit", "conformers", "old", "new",
    "difference", "relative", "low", "high", "p_value", "change", "waiver",
]  # fmt: skip
TESTED = ("split", "group", "molecule")  # kinds that block


def judged_changes(rung: str, rows: list[dict], old_splits: dict, settings: dict, waivers) -> list:
    """Rows of `validate.changes` with rung, old_split, relative, change and waiver.

    old_splits: molecule → its split in the previous release, '' where it was not in it
    settings: the config's `release`      waivers: the config's `waivers`
    """
    reasons = {
        w["regression"]: w["reason"] for w in waivers if w["rung"] == rung and "regression" in w
    }
    judged = []
    for row in rows:
        relative = row["difference"] / row["old"] if row["old"] else math.nan
        significant = row["p_value"] < settings["regression_significance"]
        large = abs(relative) > settings["regression_tolerance_fraction"]
        change = direction(row["difference"]) if significant and large else "same"
        if math.isnan(row["difference"]):
            change = "worse" if lost(row) else "not comparable"
        old_split = old_splits.get(row["name"], "") if row["kind"] == "molecule" else ""
        own = {"rung": rung, "old_split": old_split, "relative": relative, "change": change}
        judged.append(row | own | {"waiver": reasons.get(row["name"], "")})
    return judged


def direction(difference: float) -> str:
    """Of an error, which had better be small."""
    return "worse" if difference > 0 else "better"


def gate_changes(old: list[dict], new: list[dict], tolerance: float) -> list[dict]:
    """Values of gates that both releases had; a change is one beyond `tolerance` of the limit.

    old, new: rows of gates.csv, as strings
    """
    before = {(row["rung"], row["gate"]): number(row["value"]) for row in old}
    rows = []
    for row in new:
        if (row["rung"], row["gate"]) not in before or row["gate"] not in GATES:
            continue
        gate, limit = GATES[row["gate"]], float(row["limit"])
        entry = of_two(before[row["rung"], row["gate"]], number(row["value"]))
        sign = -1.0 if gate.sign == "≥" else 1.0
        entry |= {"rung": row["rung"], "kind": "gate", "name": gate.label, "unit": gate.unit}
        entry |= {"quantity": row["gate"], "waiver": ""}
        rows.append(entry | {"change": changed(entry, sign, tolerance * abs(limit))})
    return rows


def stability_changes(
    rung: str, old: list[dict], new: list[dict], tolerance: float, drift_limit: float
) -> list[dict]:
    """Survival by temperature, and NVE drift at the shortest time step that both have, of
    molecules that both releases ran.

    old, new: rows of stability.json; drift_limit: of the gate, k_BT/ns per degree of freedom
    """
    before, rows = {row["molecule"]: row for row in old}, []
    for row in new:
        was = before.get(row["molecule"])
        if was is None:
            continue
        named = {"rung": rung, "kind": "stability", "name": row["molecule"], "waiver": ""}
        for kelvin in row["survival"].keys() & was["survival"].keys():
            entry = of_two(was["survival"][kelvin], row["survival"][kelvin])
            entry |= named | {"quantity": f"survival at {kelvin}", "unit": ""}
            rows.append(entry | {"change": changed(entry, -1.0, 0.0)})
        steps = row["nve_drift"].keys() & was["nve_drift"].keys()
        if steps:
            step = min(steps, key=lambda name: float(name.split()[0]))
            sizes = (was["nve_drift"][step], row["nve_drift"][step])
            entry = of_two(*(math.nan if size is None else abs(size) for size in sizes))
            entry |= named | {"quantity": f"NVE drift at {step}", "unit": "kT/ns/dof"}
            rows.append(entry | {"change": changed(entry, 1.0, tolerance * drift_limit)})
    return rows


def of_two(old: float, new: float) -> dict:
    relative = (new - old) / abs(old) if old else math.nan
    return {"old": old, "new": new, "difference": new - old, "relative": relative}


def lost(row: dict) -> bool:
    """Whether the old force field has a number where the new one has none."""
    return math.isnan(row["new"]) and not math.isnan(row["old"])


def changed(row: dict, sign: float, tolerance: float) -> str:
    """sign: 1.0 where less is better, else -1.0"""
    worsening = sign * row["difference"]
    if math.isnan(worsening):
        return "worse" if lost(row) else "not comparable"
    return direction(worsening) if abs(worsening) > tolerance else "same"


def blocking(rows: list[dict]) -> list[str]:
    """A phrase for each regression without a waiver; rows of changes.csv, as strings."""
    return [
        regression(row)
        for row in rows
        if row["kind"] in TESTED and row["change"] == "worse" and not row["waiver"]
    ]


def regression(row: dict) -> str:
    """'class1: molecule furan got worse, force RMSE 5.1 → 6.4 kcal/mol/Å (+25 %, p = 0.001)'."""
    what, name = row["quantity"].replace("_rmse", " RMSE"), f"{row['kind']} {row['name']}"
    if row["split"]:
        then = f", {row['old_split']} then" if row["old_split"] not in ("", row["split"]) else ""
        name += f" ({row['split']}{then})"
    if not row["new"]:
        return (
            f"{row['rung']}: {name} got worse, {what} {number(row['old']):.3g} {row['unit']} and "
            "now no number"
        )
    return (
        f"{row['rung']}: {name} got worse, {what} {number(row['old']):.3g} → "
        f"{number(row['new']):.3g} {row['unit']} ({100 * number(row['relative']):+.3g} %, "
        f"p = {number(row['p_value']):.2g})"
    )


def idle_waivers(rows: list[dict], waivers) -> list[dict]:
    """The waivers of regressions that nothing needs; rows of changes.csv, as strings."""
    worse = {
        (row["rung"], row["name"])
        for row in rows
        if row["kind"] in TESTED and row["change"] == "worse"
    }
    return [
        waiver
        for waiver in waivers
        if "regression" in waiver and (waiver["rung"], waiver["regression"]) not in worse
    ]
