"""Stability of all methods side by side: who lives, how long, and does what it lives as."""

import numpy as np

from forceladder.figures import plt
from forceladder.validate.plots.style import method_colours
from forceladder.validate.survival import kaplan_meier, survival_interval, trials


def plot_survival(methods: dict):
    """Fraction alive against time (Kaplan-Meier) with its 95 % band: a lane for each method, a
    column for each temperature.

    methods: name → its dataset of MD_FIELDS
    """
    kelvins = sorted({float(k) for d in methods.values() for k in d["nvt_temperature"].values})
    colours = method_colours(list(methods))
    longest = max(float(d["nvt_time"].values[-1]) for d in methods.values())
    start = min(float(d["nvt_time"].values[0]) for d in methods.values())
    figure, axes = plt.subplots(
        len(methods), len(kelvins), figsize=(1.3 + 2.7 * len(kelvins), 0.9 + 0.72 * len(methods)),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for row, (method, trajectories) in zip(axes, methods.items(), strict=True):
        row[0].set_ylabel(method, rotation=0, ha="right", va="center", fontweight="bold")
        for axis, kelvin in zip(row, kelvins, strict=True):
            here = np.flatnonzero(trajectories["nvt_temperature"].values == kelvin)
            lived, died = trials(trajectories, int(here[0])) if len(here) else ([], [])
            if len(lived):
                end = float(trajectories["nvt_time"].values[-1])
                _draw_lane(axis, lived, died, start, end, colours[method])
            else:
                axis.text(0.5, 0.4, "not run", transform=axis.transAxes, ha="center", fontsize=7)
            axis.set(xscale="log", xlim=(start, longest * 1.5), ylim=(-0.08, 1.12), yticks=[0, 1])
            axis.tick_params(labelsize=7)
            axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for axis, kelvin in zip(axes[0], kelvins, strict=True):
        axis.set_title(f"NVT, {kelvin:g} K")
    figure.supxlabel("time (ps)", fontsize=9)
    figure.suptitle("Fraction of trajectories alive", fontsize=10, fontweight="bold")
    return figure


def _draw_lane(axis, lived, died, start, end, colour):
    """Steps until the trajectories end, which a bar marks, and what they say in words."""
    curve = kaplan_meier(lived, died)
    time = np.append(np.maximum(curve.time, start), end)

    def to_the_end(values):
        return np.append(values, values[-1])

    axis.fill_between(
        time, to_the_end(curve.low), to_the_end(curve.high), step="post", color=colour,
        alpha=0.2, lw=0,
    )  # fmt: skip
    axis.step(time, to_the_end(curve.alive), where="post", color=colour, lw=1.6)
    axis.plot(end, curve.alive[-1], "|", color=colour, ms=9, mew=2, clip_on=False)
    low, high = survival_interval(int((~died).sum()), len(died))
    bound = f"chance to live ≥ {low:.2f}" if not died.any() else f"{low:.2f} to {high:.2f}"
    axis.text(
        0.03, 0.08, f"{died.sum()} of {len(lived)} died; {bound}", transform=axis.transAxes,
        fontsize=6.5,
    )  # fmt: skip


def plot_distances(rows: list[dict], reference: str):
    """∫|Δh|dr of every molecule (dots) and its median (bar) by method and temperature, and the
    median of what chance alone makes (grey bar).

    rows: of `distance_rows`
    """
    rows = [row for row in rows if row["reference"] == reference]
    if not rows:
        figure, axis = plt.subplots(figsize=(6, 1.2))
        axis.text(0.5, 0.5, f"no h(r) of {reference} to compare with", ha="center")
        axis.set_axis_off()
        return figure
    methods = list(dict.fromkeys(row["method"] for row in rows))
    kelvins = sorted({row["temperature_kelvin"] for row in rows})
    colours = method_colours(methods)
    figure, axes = plt.subplots(
        1, len(kelvins), figsize=(1.0 + 2.9 * len(kelvins), 1.2 + 0.38 * len(methods)),
        sharey=True, sharex=True, squeeze=False,
    )  # fmt: skip
    for axis, kelvin in zip(axes[0], kelvins, strict=True):
        for y, method in enumerate(methods):
            here = [r for r in rows if r["method"] == method and r["temperature_kelvin"] == kelvin]
            if not here:
                continue
            values = np.array([row["difference"] for row in here])
            floor = np.array([row["noise_floor"] for row in here])
            if np.isfinite(floor).any():
                axis.barh(y, np.nanmedian(floor), height=0.8, color="#d9dee3", zorder=0)
            shift = np.linspace(-0.22, 0.22, len(values))
            axis.plot(
                values, y + shift, "o", ms=4, color=colours[method], mec="white", mew=0.4
            )  # fmt: skip
            axis.vlines(np.median(values), y - 0.36, y + 0.36, colours[method], lw=2)
        axis.set_title(f"{kelvin:g} K")
        axis.set_xlim(0, None)
    axes[0, 0].set_yticks(range(len(methods)), methods)
    axes[0, 0].invert_yaxis()
    figure.supxlabel(
        f"∫ |h(r) − h(r) of {reference}| dr;  grey: what chance makes at least", fontsize=9
    )
    return figure
