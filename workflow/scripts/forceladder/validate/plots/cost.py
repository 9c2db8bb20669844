"""What a force costs, by the number of atoms."""

import numpy as np

from forceladder.figures import plt
from forceladder.validate.cost import ENERGY_AND_FORCE, LEDGER, MD_STEP, growth_exponent
from forceladder.validate.plots.style import INK, log_scale, method_colours

ATOMS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 80, 100, 150)  # ticks
TITLES = {ENERGY_AND_FORCE: "one energy and its forces", MD_STEP: "one step of MD in OpenMM"}


def plot_cost(rows: list[dict]):
    """Milliseconds against atoms, one colour a method, with the exponent of its growth."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    reference = {row["method"] for row in rows if row["source"] == LEDGER}
    colours = method_colours(methods) | dict.fromkeys(reference, INK)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.9), sharey=True)
    for axis, (what, title) in zip(axes, TITLES.items(), strict=True):
        for method in sorted(methods, key=lambda method: -_highest(rows, method, what)):
            here = [r for r in rows if (r["method"], r["what"]) == (method, what)]
            here = [r for r in here if np.isfinite(r["milliseconds"])]
            if not here:
                continue
            here.sort(key=lambda row: row["atoms"])
            x = [row["atoms"] for row in here]
            y = [row["milliseconds"] for row in here]
            axis.plot(
                x, y, "*" if method in reference else "o", color=colours[method],
                markersize=9 if method in reference else 5, markeredgecolor="white",
                markeredgewidth=0.5, label=_label(method, here),
            )  # fmt: skip
            _draw_growth(axis, x, y, colours[method])
        axis.set(title=title, xlabel="atoms", xscale="log")
        low, high = axis.get_xlim()
        axis.set_xticks([n for n in ATOMS if low <= n <= high], minor=False)
        axis.set_xticks([], minor=True)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        log_scale(axis)
        axis.yaxis.set_minor_locator(plt.NullLocator())  # decades: there are many of them
        axis.grid(axis="y", alpha=0.25, linewidth=0.5)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes[0].set_ylabel("milliseconds on one core")
    return figure


def _highest(rows: list[dict], method: str, what: str) -> float:
    """For the order of the legend: that of the points from above."""
    costs = [r["milliseconds"] for r in rows if (r["method"], r["what"]) == (method, what)]
    return np.nanmax([0.0, *costs])


def _label(method: str, rows: list[dict]) -> str:
    exponent = growth_exponent(rows)
    return method if exponent is None else f"{method}  ∝ N$^{{{exponent:.1f}}}$"


def _draw_growth(axis, x, y, colour):
    """The power law through the points."""
    if len(set(x)) > 1:
        slope, offset = np.polyfit(np.log(x), np.log(y), 1)
        ends = np.array([min(x), max(x)], float)
        axis.plot(ends, np.exp(offset) * ends**slope, color=colour, linewidth=0.8, alpha=0.5)
