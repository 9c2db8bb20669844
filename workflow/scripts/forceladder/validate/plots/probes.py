"""Picture of the physics battery and the probes of one method."""

import numpy as np
from matplotlib.colors import ListedColormap

from forceladder.figures import plt
from forceladder.validate.checks import passed_fraction
from forceladder.validate.probes import HOLE as DEEPEST
from forceladder.validate.probes import depth

FINE, HOLE = "#0072B2", "#D55E00"
FAILED, PASSED, UNMEASURED = 0, 1, 2
STATES = ListedColormap([HOLE, "#9fd3c0", "#e0e0e0"])
SCALE = 10.0  # kcal/mol: linear within, logarithmic beyond
HIGH = 1e5  # kcal/mol; walls go on, interest does not

MOST_NAMES = 60  # molecules; the columns of more are narrower, and have no names


def plot_probes(rows: list[dict], curves: dict, label: str):
    """Energy along all bonds, and which checks each molecule passed.

    rows: of `checks.check_rows`      curves: molecule → list of `probes.Curve`
    """
    checks = list(dict.fromkeys(row["check"] for row in rows))
    molecules = list(dict.fromkeys(row["molecule"] for row in rows))
    width = 0.21 * min(len(molecules), MOST_NAMES)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(6.6 + width, 0.8 + 0.2 * len(checks)),
        gridspec_kw={"width_ratios": [3.2, 3.4 + width]},
    )  # fmt: skip
    draw_curves(left, [curve for found in curves.values() for curve in found])
    draw_checks(right, rows, checks, molecules)
    parts = ", ".join(
        f"{part} {100.0 * fraction:.1f} %"
        for part in dict.fromkeys(row["part"] for row in rows)
        if np.isfinite(fraction := passed_fraction(rows, part))
    )
    figure.suptitle(f"{label}: passed {parts}" if parts else f"{label}: nothing measured")
    return figure


def draw_curves(axis, curves):
    """Thin lines, those with a hole in red."""
    deep = [depth(curve.energy) > DEEPEST.most for curve in curves]
    for k in np.argsort(deep, kind="stable"):
        curve, colour, lines = curves[k], HOLE if deep[k] else FINE, 0.9 if deep[k] else 0.5
        axis.plot(curve.length, np.clip(curve.energy, None, HIGH), color=colour, lw=lines)
    axis.axhline(0.0, color="black", linewidth=0.5)
    axis.set_yscale("symlog", linthresh=SCALE)
    axis.set(
        xlabel="bond length (Å)", ylabel="energy above the minimum (kcal/mol)",
        title=f"{len(curves)} bonds, {sum(deep)} with a hole",
    )  # fmt: skip
    deepest = max((depth(curve.energy) for curve in curves), default=0.0)
    highest = max((np.nanmax(curve.energy, initial=0.0) for curve in curves), default=0.0)
    axis.set_ylim(-max(2.0 * deepest, 0.5 * SCALE), np.clip(2.0 * highest, 10.0 * SCALE, HIGH))


def draw_checks(axis, rows, checks, molecules):
    """One cell a check and molecule; beside them the worst value and the limit."""
    state = np.full((len(checks), len(molecules)), UNMEASURED)
    for row in rows:
        if row["passed"] is not None:
            place = checks.index(row["check"]), molecules.index(row["molecule"])
            state[place] = PASSED if row["passed"] else FAILED
    axis.imshow(state, cmap=STATES, vmin=-0.5, vmax=2.5, aspect="auto")
    if len(molecules) <= MOST_NAMES:
        axis.set_xticks(np.arange(len(molecules) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(len(checks) + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=1.0)
    axis.tick_params(which="both", length=0)
    shown = molecules if len(molecules) <= MOST_NAMES else []
    axis.set_xticks(range(len(shown)), shown, rotation=60, ha="right", fontsize=7)
    axis.set_yticks(range(len(checks)), [check.replace("_", " ") for check in checks], fontsize=7)
    for side in axis.spines.values():
        side.set_visible(False)
    for k, check in enumerate(checks):
        same = [row for row in rows if row["check"] == check]
        known = [row["value"] for row in same if not np.isnan(row["value"])]
        value = f"{max(known):.2g}" if known else "–"
        unit = same[0]["unit"].replace("angstrom", "Å").replace("1", "")
        failed = (state[k] == FAILED).any()
        axis.text(
            1.01, k, f"{value} ({same[0]['limit']:g}) {unit}", va="center", fontsize=7,
            transform=axis.get_yaxis_transform(), color=HOLE if failed else "black",
        )  # fmt: skip
    axis.set_title("checks: passed, failed (red), not measured (grey); worst value (limit)")
