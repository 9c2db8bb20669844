"""Pictures of a campaign: what it cost, how levels of theory differ. Each returns a figure."""

from collections import defaultdict

import numpy as np

from forceladder.figures import COLOURS, plt

KIND_COLOURS = dict(zip(("gradients", "minima", "torsion_scans"), COLOURS, strict=False))
FAILED = "#333333"


def plot_ledger(rows: list[dict], most: int = 30):
    """Core-hours of the dearest molecules by kind of calculation, failures and retries dark.

    rows: as `ledger.total_ledger` gives them
    """
    cost = defaultdict(lambda: defaultdict(float))
    for row in rows:
        good = row["outcome"] == "success"
        cost[row["molecule"]][row["kind"] if good else "failed"] += row["core_seconds"] / 3600
        cost[row["molecule"]]["retried"] += row["retry_core_seconds"] / 3600
    names = sorted(cost, key=lambda name: -sum(cost[name].values()))[:most]
    kinds = [*KIND_COLOURS, "failed", "retried"]
    kinds = [kind for kind in kinds if any(cost[name][kind] for name in names)]
    figure, axis = plt.subplots(figsize=(8, 1.2 + 0.19 * len(names)))
    left = np.zeros(len(names))
    for kind in kinds:
        hours = np.array([cost[name][kind] for name in names])
        colour = KIND_COLOURS.get(kind, FAILED if kind == "failed" else "#999999")
        axis.barh(names, hours, left=left, color=colour, label=kind.replace("_", " "), height=0.75)
        left += hours
    axis.invert_yaxis()
    axis.set_xlabel("core-hours")
    total = sum(sum(kinds.values()) for kinds in cost.values())
    shown = f", the dearest {most} of {len(cost)}" if len(cost) > most else ""
    axis.set_title(f"{total:.3g} core-hours by molecule{shown}", loc="left")
    axis.legend(loc="lower right")
    return figure


def plot_levels(pairs: list[dict], reference: str):
    """Relative energies and force components of other levels against the reference's.

    pairs: one per level: level_of_theory, energy [2, n] kcal/mol and force [2, n] kcal/mol/Å,
        the reference's first
    """
    figure, axes = plt.subplots(len(pairs), 2, figsize=(8, 3.6 * len(pairs)), squeeze=False)
    for row, pair in zip(axes, pairs, strict=True):
        for axis, quantity, unit in zip(
            row, ("energy", "force"), ("kcal/mol", "kcal/mol/Å"), strict=True
        ):
            own, other = pair[quantity]
            axis.plot(own, other, ".", ms=2, alpha=0.5, color=COLOURS[0], rasterized=len(own) > 5e3)
            limits = [min(own.min(), other.min()), max(own.max(), other.max())]
            axis.plot(limits, limits, color="#999999", lw=0.8, zorder=0)
            error = float(np.sqrt(np.mean((own - other) ** 2)))
            axis.set_title(f"RMS difference {error:.3g} {unit}", loc="left")
            what = "relative energy" if quantity == "energy" else "force component"
            axis.set_xlabel(f"{reference}, {what} ({unit})")
            axis.set_ylabel(pair["level_of_theory"])
    return figure
