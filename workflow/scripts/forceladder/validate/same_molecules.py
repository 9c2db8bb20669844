"""Errors of all methods over the same molecules, so that who lacks the hard ones gains nothing."""

import numpy as np

from forceladder.tables import number
from forceladder.validate.errors import COUNTS, pooled_columns

COMMON, OWN = "common molecules", "own molecules"  # what an error is pooled over


def same_molecule_errors(rows: list[dict], quantity: str, methods, seed: int) -> dict[str, dict]:
    """Method → its pooled RMSE over the molecules that all methods have a number for.

    A method without any number takes no part: it has no error, and costs nobody a molecule. Where
    no molecule is left, each method is pooled over its own, and `pooled_over` says so.

    rows: of one split of molecule_errors.csv, as read       quantity: 'force' or 'energy'
    seed: of the bootstrap over molecules, which is that of `split_errors`
    returns: columns error, error_low, error_high, molecules, missing (of those that the reference
        has numbers for, how many are left out) and pooled_over
    """
    rows = [read(row) for row in rows if row["method"] in methods]
    rows = [row for row in rows if row[COUNTS[quantity]] > 0]
    everything = {row["molecule"] for row in rows}
    known: dict[str, list[dict]] = {}
    for row in rows:
        if np.isfinite(row[f"{quantity}_rmse"]):
            known.setdefault(row["method"], []).append(row)
    names = [{row["molecule"] for row in own} for own in known.values()]
    shared = set.intersection(*names) if names else set()
    found = {}
    for method, own in known.items():
        members = [row for row in own if row["molecule"] in shared] if shared else own
        pooled = pooled_columns(members, quantity, seed, members[0]["split"])
        found[method] = {
            "error": pooled[f"{quantity}_rmse"], "error_low": pooled[f"{quantity}_rmse_low"],
            "error_high": pooled[f"{quantity}_rmse_high"], "molecules": len(members),
            "missing": len(everything) - len(members), "pooled_over": COMMON if shared else OWN,
        }  # fmt: skip
    return found


def read(row: dict) -> dict:
    """A row of molecule_errors.csv with what is pooled as numbers."""
    errors = {f"{quantity}_rmse": number(row[f"{quantity}_rmse"]) for quantity in COUNTS}
    return row | errors | {count: int(row[count]) for count in COUNTS.values()}
