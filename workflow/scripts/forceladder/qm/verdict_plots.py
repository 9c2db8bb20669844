"""Pictures of the verdicts: how many of each, and how far from its limit each measure is."""

from collections import Counter

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from forceladder.figures import COLOURS, plt
from forceladder.qm.verdicts import ACCEPTED, MEASURES

BLUE, RED = (0.00, 0.45, 0.70), (0.84, 0.37, 0.00)  # used, not used
LIMITS = {  # measure → its key in the config's `qm.limits`
    "net_force": "max_net_force_kcal_per_angstrom",
    "net_torque": "max_net_torque_kcal",
    "largest_force": "max_force_kcal_per_angstrom",
    "energy_per_atom": "max_energy_kcal_per_atom",
    "energy_mismatch": "max_energy_mismatch_kcal",
    "finite_difference_error": "max_finite_difference_error_kcal_per_angstrom",
}
BINS = 30  # on a logarithmic axis
FLOOR = 1e-3  # of the limit; what is smaller is drawn there


def plot_counts(counts: dict[str, dict[str, int]]):
    """A table of verdicts by kind of geometry, shaded by count.

    counts: kind → verdict → number of records
    """
    kinds = list(counts)
    totals = Counter({ACCEPTED: 0})
    for row in counts.values():
        totals.update(row)
    verdicts = sorted(totals, key=lambda v: (v != ACCEPTED, -totals[v], v))
    columns = ["all", *kinds]
    table = np.array([[totals[v], *(counts[k].get(v, 0) for k in kinds)] for v in verdicts])
    shades = np.zeros((*table.shape, 4))
    shades[..., :3] = RED
    shades[0, :, :3] = BLUE
    shades[..., 3] = 0.6 * np.log1p(table) / max(np.log1p(table).max(), 1.0)
    figure, axis = plt.subplots(figsize=(2.6 + 1.1 * len(columns), 0.6 + 0.32 * len(verdicts)))
    axis.imshow(shades, aspect="auto")
    for (row, column), number in np.ndenumerate(table):
        colour = "black" if number else "#b0b0b0"
        axis.text(column, row, f"{number:,}", ha="center", va="center", color=colour)
    axis.set_xticks(range(len(columns)), [name.replace("_", " ") for name in columns])
    axis.set_yticks(range(len(verdicts)), verdicts)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.axvline(0.5, color="white", linewidth=4)
    return figure


def plot_measures(measured: dict[str, dict[str, np.ndarray]], limits: dict):
    """Distribution of every measure by kind of geometry, with its limit.

    measured: kind → measure → its values, NaN where it was not measured; units as in MEASURES
    limits: the config's `qm.limits`
    """
    figure, axes = plt.subplots(2, 3, figsize=(9, 5))
    for axis, (measure, label) in zip(axes.flat, MEASURES.items(), strict=True):
        limit = limits[LIMITS[measure]]
        values = [np.abs(columns[measure]) for columns in measured.values()]
        values = [column[np.isfinite(column)] for column in values]
        draw_distribution(axis, values, limit)
        axis.set_xlabel(label)
    for axis in axes[:, 0]:
        axis.set_ylabel("records")
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS[k % 8]) for k in range(len(measured))]
    names = [kind.replace("_", " ") for kind in measured]
    figure.legend(handles, names, loc="outside upper center", ncols=7)
    return figure


def draw_distribution(axis, values: list[np.ndarray], limit: float):
    """Stacked histograms of positive numbers on a logarithmic axis, and a line at the limit."""
    count = sum(map(len, values))
    shown = [np.maximum(column, FLOOR * limit) for column in values]
    highest = max([limit, *(column.max() for column in shown if len(column))])
    edges = np.geomspace(FLOOR * limit, 1.5 * highest, BINS + 1)
    axis.set(xscale="log", xlim=edges[[0, -1]])
    if count:
        colours = [COLOURS[k % len(COLOURS)] for k in range(len(values))]
        axis.hist(shown, edges, stacked=True, color=colours)
        beyond = sum(int((column > limit).sum()) for column in values)
        title = f"{beyond:,} of {count:,} beyond the limit"
        axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    else:
        title = "not measured"
        axis.set_yticks([])
    axis.set_title(title, fontsize=8, fontweight="normal")
    axis.axvline(limit, color="black", linestyle="--", linewidth=0.8)
    axis.text(
        limit, 0.98, f"{limit:g} ", ha="right", va="top", fontsize=7,
        transform=axis.get_xaxis_transform(),
    )  # fmt: skip
    axis.xaxis.set_major_locator(LogLocator(numticks=6))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
