"""Checks of a method: a number, a limit, and whether the number keeps it."""

import math
from typing import NamedTuple

COLUMNS = ["method", "molecule", "part", "check", "value", "unit", "limit", "passed", "reason"]


class Limit(NamedTuple):
    """What a check's value, of which less is better, may be at most."""

    unit: str
    most: float


class Unmeasured(NamedTuple):
    """In the place of a value: why there is none, which is no failure of the method."""

    reason: str


def check_rows(method: str, molecule: str, part: str, values: dict, limits: dict) -> list[dict]:
    """Rows of COLUMNS in the order of the limits.

    values: check → value or Unmeasured; NaN is a failure      limits: check → Limit
    """
    rows = []
    for check, (unit, most) in limits.items():
        value, reason, passed = values[check], "", None
        if isinstance(value, Unmeasured):
            value, reason = math.nan, value.reason
        else:
            value, passed = float(value), bool(value <= most)
            reason = "not a number" if math.isnan(value) else ""
        row = method, molecule, part, check, value, unit, most, passed, reason
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def passed_fraction(rows: list[dict], part: str | None = None) -> float:
    """Of the checks that were measured, of one part or of all; NaN if none was.

    rows: of `check_rows`, or as `tables.read_table` returns them
    """
    judged = [
        str(row["passed"]) == "True"
        for row in rows
        if row["part"] == (part or row["part"]) and row["passed"] not in (None, "")
    ]
    return sum(judged) / len(judged) if judged else math.nan


SUMMARY_COLUMNS = [
    "method", "part", "check", "molecules", "failed", "unmeasured", "worst", "unit", "limit",
    "worst_molecule", "reasons",
]  # fmt: skip


def check_summary(rows: list[dict]) -> list[dict]:
    """One row per method and check, of SUMMARY_COLUMNS: how many molecules were measured, how many
    failed or were not measured, and the largest value with the molecule that has it.

    rows: of all methods, as `tables.read_table` returns them
    """
    table: dict[tuple, list[dict]] = {}
    for row in rows:
        table.setdefault((row["method"], row["part"], row["check"]), []).append(row)
    summary = []
    for (method, part, check), found in table.items():
        measured = [row for row in found if row["passed"]]
        worst = max(measured, key=lambda row: _size(row["value"]), default=None)
        reasons = dict.fromkeys(row["reason"] for row in found if row["reason"])
        values = (
            method, part, check, len(measured), sum(row["passed"] == "False" for row in measured),
            len(found) - len(measured), worst and worst["value"], found[0]["unit"],
            found[0]["limit"], worst and worst["molecule"], "; ".join(reasons),
        )  # fmt: skip
        summary.append(dict(zip(SUMMARY_COLUMNS, values, strict=True)))
    return summary


def _size(cell: str) -> float:
    """A value to look for the worst by: no number is worse than any."""
    return float(cell) if cell else math.inf
