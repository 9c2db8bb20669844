"""The front: error against cost against stability, from mechanics through networks to QM."""

from itertools import pairwise

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection

from forceladder.figures import plt
from forceladder.validate.front import climb, steps
from forceladder.validate.plots.labels import place_labels
from forceladder.validate.plots.style import INK, LINE, SOFT, split_name
from forceladder.validate.same_molecules import OWN
from forceladder.validate.standings import COSTS

KIND_COLOURS = {
    "mechanics": "#0072B2", "mechanics and network": "#009E73", "network": "#CC79A7",
    "baseline": "#7d8894", "reference": INK,
}  # fmt: skip
SHADES = 48  # of the space between mechanics and networks
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
RADIUS = 6.5  # points, of the disc of a method


def plot_front(rows: list[dict]):
    """One picture of one error measure and one cost measure, with what each step up costs.

    Discs are filled by the fraction of trajectories that survive, and dashed where none was run.
    The line is the stairs of `front.climb`: going right buys accuracy.

    rows: of `standings`, all of one error measure and one cost measure
    """
    shown = [r for r in rows if r.get("error") is not None and r.get("milliseconds") is not None]
    figure, (axis, below) = plt.subplots(
        2, 1, figsize=(9, 6.6 + 0.24 * max(len(steps(rows)), 1)),
        height_ratios=[6, 0.4 + 0.26 * max(len(steps(rows)), 1)],
    )  # fmt: skip
    below.set_axis_off()
    if not shown:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "no method has both an error and a cost", ha="center")
        return figure
    floor = _scales(axis, shown)
    _shade_space_between(axis, shown)
    stairs = [(row["milliseconds"], row["error"] or floor) for row in climb(rows)]
    _draw_stairs(axis, stairs)
    for row in shown:
        _draw_method(axis, row, floor)
    _words(axis, shown, floor)
    _legend(axis, shown)
    _write_steps(below, steps(rows))
    figure.canvas.draw()  # places depend on the layout, which is made now and kept
    figure.set_layout_engine("none")
    ordered = sorted(shown, key=lambda row: (not row["on_front"], row["milliseconds"]))
    place_labels(
        axis, [(row["milliseconds"], row["error"] or floor) for row in ordered],
        [label_of(row) for row in ordered], taken=_lines(axis, shown, stairs, floor),
        color=[KIND_COLOURS[row["kind"]] if row["on_front"] else SOFT for row in ordered],
        fontweight=["bold" if row["on_front"] else "normal" for row in ordered],
        fontsize=[10.5 if row["on_front"] else 9 for row in ordered],
    )  # fmt: skip
    return figure


def zero_place(rows: list[dict]) -> float:
    """Where an error of zero is drawn on a logarithmic axis: below all others."""
    errors = [value for row in rows for value in (row["error"], row.get("error_low")) if value]
    return min(errors, default=1.0) / 2.2


def _scales(axis, rows: list[dict]) -> float:
    """Logarithmic axes with room for all; returns where zero is drawn, below all errors."""
    tops = [value for row in rows for value in (row["error"], row.get("error_high")) if value]
    costs = [row["milliseconds"] for row in rows]
    floor = zero_place(rows)
    axis.set(xscale="log", yscale="log", xlim=(min(costs) / 3.5, max(costs) * 5.0))
    axis.set_ylim(floor / 1.5, max(tops, default=1.0) * 1.8)
    if has_zero := any(row["error"] == 0 for row in rows):
        axis.axhline(floor * 1.35, color=SOFT, linewidth=0.8, dashes=(1, 3))
    else:
        axis.set_ylim(bottom=floor * 1.4)
    locator = matplotlib.ticker.LogLocator(subs=(1, 2, 5), numticks=30)
    marks = [y for y in locator.tick_values(floor * 1.4, axis.get_ylim()[1])
             if floor * 1.4 < y < axis.get_ylim()[1]]  # fmt: skip
    zero = [(floor, "0")] if has_zero else []
    axis.set_yticks(*zip(*zero, *((y, f"{y:g}") for y in marks), strict=True))
    axis.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(numticks=20))
    axis.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: in_time(x)))
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.grid(color=LINE, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[:].set_color(SOFT)
    axis.tick_params(color=SOFT, labelcolor=INK)
    return floor


def label_of(row: dict) -> str:
    """The method, and how much of it survives where that is not all."""
    survival = row.get("survival")
    if survival is None or survival == 1.0:
        return row["method"]
    return f"{row['method']}, {min(100 * survival, 99.9):.3g} % survive"


def in_time(milliseconds: float) -> str:
    """A time in the unit that suits it."""
    unit, size = next(
        ((u, s) for u, s in (("s", 1e3), ("ms", 1.0)) if milliseconds >= 0.9995 * s), ("µs", 1e-3)
    )
    return f"{milliseconds / size:.3g} {unit}"


def _shade_space_between(axis, rows: list[dict]):
    """The design space: from the cheapest mechanics to the dearest network."""
    ends = {kind: [r["milliseconds"] for r in rows if r["kind"] == kind] for kind in KIND_COLOURS}
    networks = ends["network"] + ends["mechanics and network"]
    if not ends["mechanics"] or not networks:
        return
    edges = np.geomspace(min(ends["mechanics"]), max(networks), SHADES + 1)
    if edges[0] >= edges[-1]:
        return
    first, last = (np.array(matplotlib.colors.to_rgb(KIND_COLOURS[k])) for k in
                   ("mechanics", "network"))  # fmt: skip
    for k in range(SHADES):
        part = k / (SHADES - 1)
        axis.axvspan(edges[k], edges[k + 1], color=first + part * (last - first), alpha=0.09,
                     linewidth=0, zorder=0)  # fmt: skip
    axis.text(np.sqrt(edges[0] * edges[-1]), 0.985, "design space between MM and ML",
              transform=axis.get_xaxis_transform(), ha="center", va="top", fontsize=9.5,
              style="italic", color=SOFT, zorder=1)  # fmt: skip


def _draw_stairs(axis, stairs):
    """Level until the next method is paid for, then down to its error."""
    if len(stairs) < 2:
        return
    corners = [stairs[0]]
    for (_, error), step in pairwise(stairs):
        corners += [(step[0], error), step]
    axis.add_collection(LineCollection([corners], colors=[INK], linewidths=1.6, zorder=2))


def _draw_method(axis, row: dict, floor: float):
    """Interval, ring, and a disc whose area is the fraction that survives."""
    x, y, colour = row["milliseconds"], row["error"] or floor, KIND_COLOURS[row["kind"]]
    if row.get("error_low") is not None and row["error"] > 0:
        axis.plot([x, x], [row["error_low"], row["error_high"]], color=colour, linewidth=1.4,
                  solid_capstyle="round", zorder=3)  # fmt: skip
    if row.get("cost_low") is not None:
        axis.plot([row["cost_low"], row["cost_high"]], [y, y], color=colour, lw=1.4, zorder=3)
    if row["kind"] == "reference":
        axis.plot(x, y, "*", color=colour, markersize=17, markeredgecolor="white", zorder=5)
        return
    survival = row.get("survival")
    ring = axis.plot(x, y, "o", markersize=2 * RADIUS, markerfacecolor="white",
                     markeredgecolor=colour, markeredgewidth=1.6, zorder=4)[0]  # fmt: skip
    if survival is None:
        ring.set_markerfacecolor("#eef1f4")
        axis.plot(x, y, marker="$?$", color=colour, markersize=6, zorder=5, markeredgewidth=0.2)
    elif survival > 0:
        axis.plot(x, y, "o", markersize=2 * RADIUS * np.sqrt(survival), color=colour, zorder=5,
                  markeredgewidth=0)  # fmt: skip


def _words(axis, rows: list[dict], floor: float):
    row = rows[0]
    count = max((r.get("molecules") or 0 for r in rows), default=0)
    own = any(r.get("pooled_over") == OWN for r in rows)
    most, whose = ("up to ", ",\neach method's own") if own else ("", "")
    axis.set_ylabel(
        f"{row['error_measure']} of {most}{count} {split_name(row['split'])} molecules{whose} "
        f"({row['unit']})"
    )
    axis.set_xlabel(f"cost on one core: {COSTS[row['cost_measure']]} of one molecule")


def _legend(axis, rows: list[dict]):
    """Colours of the kinds that are there, and what the filling of a disc says."""
    handles = [
        plt.Line2D([], [], marker="*" if kind == "reference" else "o", linestyle="", label=kind,
                   color=colour, markersize=10 if kind == "reference" else 7)
        for kind, colour in KIND_COLOURS.items()
        if any(row["kind"] == kind for row in rows)
    ]  # fmt: skip
    for words, fill in (("all trajectories survive", SOFT), ("none survives", "white")):
        handles.append(plt.Line2D([], [], marker="o", linestyle="", color=SOFT, label=words,
                                  markerfacecolor=fill, markersize=8))  # fmt: skip
    if any(row.get("survival") is None for row in rows):
        handles.append(plt.Line2D([], [], marker="$?$", linestyle="", color=SOFT,
                                  label="stability not tested", markersize=6))  # fmt: skip
    handles.append(plt.Line2D([], [], color=INK, linewidth=1.6, label="front"))
    axis.figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=8)


def _write_steps(axis, found: list[dict]):
    """What a kcal/mol/Å costs, one line a step."""
    if not found:
        return
    heads = ("a step up the front", "less error", "more cost", f"per {found[0]['unit']}")
    places = (0.02, 0.40, 0.60, 0.80)
    height = 1.0 / (len(found) + 1)
    for place, head in zip(places, heads, strict=True):
        axis.text(place, 1.0 - 0.5 * height, head, fontsize=8.5, color=SOFT, va="baseline",
                  fontweight="bold", transform=axis.transAxes)  # fmt: skip
    for k, step in enumerate(found, start=1):
        cells = (
            f"{step['from_method']} → {step['to_method']}",
            f"−{step['error_less']:.3g} {step['unit']}",
            f"{in_factors(step['cost_factor'])}, +{in_time(step['milliseconds_more'])}",
            f"{in_factors(step['factor_per_unit'])}, +{in_time(step['milliseconds_per_unit'])}",
        )
        for place, cell in zip(places, cells, strict=True):
            axis.text(place, 1.0 - (k + 0.5) * height, cell, fontsize=8.5, color=INK, va="baseline",
                      transform=axis.transAxes)  # fmt: skip


def in_factors(factor: float | None) -> str:
    """'× 5.2'; large ones with their thousands apart, huge ones as a power of ten; a dash for what
    no float holds."""
    if factor is None:
        return "–"
    if factor >= 1e5:
        digits, power = f"{factor:.1e}".split("e")
        return f"× {digits}·10{str(int(power)).translate(SUPERSCRIPTS)}"
    return f"× {factor:.3g}" if factor < 1000 else f"× {factor:,.0f}".replace(",", "\u202f")


def _lines(axis, rows: list[dict], stairs, floor: float) -> list:
    """Display boxes of the front's segments and of the intervals, for labels to keep off."""
    ends = []
    for (x0, y0), (x1, y1) in pairwise(stairs):
        ends += [[(x0, y0), (x1, y0)], [(x1, y0), (x1, y1)]]
    for row in rows:
        if row.get("error_low") is not None and row["error"] > 0:
            x = row["milliseconds"]
            ends.append([(x, row["error_low"] or floor), (x, row["error_high"])])
    boxes = []
    for pair in ends:
        pixels = axis.transData.transform(pair)
        boxes.append([*(pixels.min(axis=0) - 2), *(pixels.max(axis=0) + 2)])
    return boxes
