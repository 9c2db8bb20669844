"""A picture of what got worse and what got better: errors then and now."""

import numpy as np

from forceladder.figures import plt

CHANGE_COLOURS = {"worse": "#B5342B", "better": "#00795A", "same": "#9AA5B1"}
QUANTITIES = {
    "force_rmse": "force RMSE (kcal/mol/Å)", "energy_rmse": "relative energy RMSE (kcal/mol)"
}  # fmt: skip


def plot_changes(rows: list[dict], most: int = 30):
    """Errors of single molecules, one column a rung: a ring then, a dot now, a line between.

    rows: of changes.csv, numbers as numbers; the molecules of largest relative change, at most
        `most`, are shown
    """
    rows = [r for r in rows if r["kind"] == "molecule" and np.isfinite(r["difference"])]
    rungs = list(dict.fromkeys(row["rung"] for row in rows))
    names = largest_changes(rows, most)
    if not names:
        figure, axis = plt.subplots(figsize=(4, 1))
        axis.text(0.5, 0.5, "no molecule can be compared", ha="center", va="center")
        axis.set_axis_off()
        return figure
    figure, axes = plt.subplots(
        2, len(rungs), figsize=(2.6 + 2.4 * len(rungs), 1.6 + 0.36 * len(names)), squeeze=False,
        sharey=True, sharex="row",
    )  # fmt: skip
    for line, (quantity, label) in zip(axes, QUANTITIES.items(), strict=True):
        for axis, rung in zip(line, rungs, strict=True):
            own = {r["name"]: r for r in rows if r["rung"] == rung and r["quantity"] == quantity}
            for y, name in enumerate(names):
                if name in own:
                    draw_change(axis, y, own[name])
            axis.set(title=rung, ylim=(len(names) - 0.5, -0.5), xlabel=label)
            axis.set_xlim(left=0)
            axis.grid(axis="y", alpha=0.2, linewidth=0.5)
        line[0].set_yticks(range(len(names)), names, fontsize=8)
    handles = [
        plt.Line2D([], [], color=colour, lw=2, marker="o", label=change)
        for change, colour in CHANGE_COLOURS.items()
    ]
    ring = {"marker": "o", "markerfacecolor": "white", "markeredgecolor": "#5B6775"}
    handles.insert(0, plt.Line2D([], [], linestyle="", label="then", **ring))
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def draw_change(axis, y: int, row: dict):
    colour = CHANGE_COLOURS[row["change"]]
    axis.plot([row["old"], row["new"]], [y, y], color=colour, lw=2, zorder=2)
    axis.plot(row["old"], y, "o", mfc="white", mec=colour, ms=5, zorder=3)
    axis.plot(row["new"], y, "o", color=colour, ms=5, zorder=4)


def largest_changes(rows: list[dict], most: int) -> list[str]:
    """Names of the molecules of the largest relative change in any rung, the worst first."""
    size: dict[str, float] = {}
    for row in rows:
        if np.isfinite(row["relative"]):
            size[row["name"]] = max(size.get(row["name"], 0.0), row["relative"], key=abs)
    chosen = sorted(size, key=lambda name: -abs(size[name]))[:most]
    return sorted(chosen, key=lambda name: -size[name])
