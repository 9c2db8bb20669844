"""Error against cost against stability: which methods are on the front, and what a step up costs.

Dominance. A method is three numbers: its error e, its cost c, and the fraction s of its
trajectories that survive. A dominates B if e_A ≤ e_B, c_A ≤ c_B and s_A ≥ s_B, and one of the three
is strict. So a method that breaks cannot dominate one that holds, however accurate and cheap it is;
equal methods do not dominate each other and stand side by side. A stability that was not tested
counts as less than any fraction: such a method dominates only others that were not tested. The
reference is what errors and broken bonds are measured by: its error is 0, its fraction 1. The front
are the methods that no other one dominates.

Stairs. Dominance compares fractions as they are, so one death in 38 trajectories keeps a method on
the front. Whether one can stand on a method is asked of the intervals instead: it is firm enough
for the stairs unless the upper end of its survival lies below the lower end of the firmest one's.
"""

from itertools import pairwise

import numpy as np

STEP_COLUMNS = [
    "error_measure", "cost_measure", "from_method", "to_method", "error_less", "unit",
    "cost_factor", "milliseconds_more", "milliseconds_per_unit", "factor_per_unit",
]  # fmt: skip
UNTESTED = -1.0


def dominates(one, other) -> bool:
    """See the module; each is (error, cost, survival), survival None where it was not tested."""
    a, b = _criteria(one), _criteria(other)
    return bool((a <= b).all() and (a < b).any())


def _criteria(point) -> np.ndarray:
    """Three numbers of which less is better."""
    error, cost, survival = point
    return np.array([error, cost, -(UNTESTED if survival is None else survival)], float)


def judged(rows: list[dict]) -> list[dict]:
    """The same rows with `on_front`, and in `dominated_by` the methods that dominate one."""
    points = {
        r["method"]: (r["error"], r["milliseconds"], r.get("survival"))
        for r in rows
        if r.get("error") is not None and r.get("milliseconds") is not None
    }
    found = []
    for row in rows:
        said = {"on_front": None, "dominated_by": ""}
        if row["method"] in points:
            own = points[row["method"]]
            better = [name for name, point in points.items() if dominates(point, own)]
            said = {"on_front": not better, "dominated_by": "; ".join(better)}
        found.append(row | said)
    return found


def climb(rows: list[dict]) -> list[dict]:
    """The front as stairs: its members by rising cost, each more accurate than all cheaper ones.

    Members of which it is sure that they survive less than the firmest one are left out: they are
    on the front, but nobody can stand on them. The firmest one survives most; of several, it is
    the one that is surest to. Without intervals the fractions are compared.

    rows: of one error measure and one cost measure
    """
    members = sorted(
        (row for row in rows if row["on_front"]), key=lambda r: (r["milliseconds"], r["error"])
    )
    judgeable = [row for row in members if row["kind"] != "reference"]
    firmest = max(
        judgeable, key=lambda r: (_stability(r), r.get("survival_low") or 0.0), default={}
    )
    stairs: list[dict] = []
    for row in members:
        if firm_enough(row, firmest) and (not stairs or row["error"] < stairs[-1]["error"]):
            stairs.append(row)
    return stairs


def firm_enough(row: dict, firmest: dict) -> bool:
    """Whether nothing shows that a method survives less than the firmest one; see the module."""
    high, low = row.get("survival_high"), firmest.get("survival_low")
    if high is None or low is None:
        return _stability(row) >= _stability(firmest)
    return high >= low


def _stability(row: dict) -> float:
    return UNTESTED if row.get("survival") is None else row["survival"]


def steps(rows: list[dict]) -> list[dict]:
    """What a step up the stairs of `climb` buys and costs, of the columns STEP_COLUMNS.

    factor_per_unit: by how much cost is multiplied for each unit of error that is saved; None
        where no float holds it, as where minima differ by a hundredth of an Å
    """
    stairs = climb(rows)
    return [
        {
            "error_measure": low["error_measure"], "cost_measure": low["cost_measure"],
            "from_method": low["method"], "to_method": high["method"],
            "error_less": (less := low["error"] - high["error"]), "unit": low["unit"],
            "cost_factor": (factor := high["milliseconds"] / low["milliseconds"]),
            "milliseconds_more": (more := high["milliseconds"] - low["milliseconds"]),
            "milliseconds_per_unit": more / less, "factor_per_unit": _root(factor, less),
        }
        for low, high in pairwise(stairs)
    ]  # fmt: skip


def _root(factor: float, degree: float) -> float | None:
    """factor^(1/degree), None beyond floats."""
    try:
        return factor ** (1.0 / degree)
    except OverflowError:
        return None


def views(rows: list[dict]) -> dict[tuple[str, str], list[dict]]:
    """(error measure, cost measure) → its rows, in their order."""
    found: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        found.setdefault((row["error_measure"], row["cost_measure"]), []).append(row)
    return found
