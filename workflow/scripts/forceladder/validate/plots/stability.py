"""Molecular dynamics: does energy stay, do bonds hold?"""

import numpy as np
from matplotlib.ticker import LogLocator

from forceladder.figures import COLOURS, plt
from forceladder.md.stability import BROKEN_BOND, energy_fluctuation, in_thermal_units
from forceladder.md.watch import ALIVE, NO_PARAMETERS

CROWD, DEAD = "#b8c2cc", "#D50000"
NAMED = COLOURS[:3]  # of the molecules that stand out most; all others are one grey


def plot_stability(dataset, label: str, temperature: float):
    """Total energy along NVE, its fluctuation at two time steps, and the largest bond deviation
    along NVT; the three molecules that stand out most have names.

    temperature: K, of the start of NVE; energies are in units of k_BT
    """
    kelvins = dataset["nvt_temperature"].values
    figure, axes = plt.subplot_mosaic(
        [["energy", "energy", "order"], [f"{kelvin:g}" for kelvin in kelvins]]
        if len(kelvins) == 3
        else [["energy", "order", *(f"{kelvin:g}" for kelvin in kelvins)]],
        figsize=(9, 5.6) if len(kelvins) == 3 else (3.0 * (2 + len(kelvins)), 3.0),
    )
    figure.suptitle(f"{label}: {_lengths(dataset)}", fontsize=10, fontweight="bold")
    _draw_energy(axes["energy"], dataset, temperature)
    _draw_order(axes["order"], dataset, temperature)
    for t, kelvin in enumerate(kelvins):
        _draw_deviation(axes[f"{kelvin:g}"], dataset, t)
    axes[f"{kelvins[0]:g}"].set_ylabel("largest bond deviation (Å)")
    return figure


def _lengths(dataset) -> str:
    """What was run, in words."""
    described = ~(dataset["nvt_cause"].values == NO_PARAMETERS).any(axis=(1, 2))
    nve, nvt = dataset["nve_time"].values[0, -1], dataset["nvt_time"].values[-1]
    replicas = dataset.sizes["replica"]
    missing = int((~described).sum())
    return f"{described.sum()} molecules, NVE {nve:g} ps, NVT {replicas} × {nvt:g} ps each" + (
        f"; {missing} without parameters" if missing else ""
    )


def _draw_energy(axis, dataset, temperature):
    """Change of the total energy per degree of freedom, at the shortest time step."""
    step = int(np.argmin(dataset["nve_timestep"].values))
    time, energy = dataset["nve_time"].values[step], dataset["nve_energy"].values[:, step]
    freedom = dataset["degrees_of_freedom"].values[:, None]
    change = in_thermal_units((energy - energy[:, :1]) / freedom, temperature)
    swing = np.nan_to_num(np.ptp(change, axis=1), nan=-1.0)
    for rank, m in reversed(list(enumerate(np.argsort(-swing)))):
        if swing[m] < 0:
            continue
        style = {"color": CROWD}
        if rank < len(NAMED):
            style = {"color": NAMED[rank], "label": str(dataset["molecule_id"].values[m])}
        axis.plot(time, 1e3 * change[m], lw=0.7, **style)
    axis.set(
        title=f"NVE, {dataset['nve_timestep'].values[step]:g} fs", xlabel="time (ps)",
        ylabel=f"ΔE per degree of freedom\n(10⁻³ $k_BT$ at {temperature:g} K)",
    )  # fmt: skip
    if (swing >= 0).any():
        axis.legend(fontsize=7, ncols=3, loc="upper left", title="largest swings", title_fontsize=7)
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + 0.3 * (high - low))


def _draw_order(axis, dataset, temperature):
    """Fluctuation at the longest against the shortest time step, one dot a molecule."""
    steps = dataset["nve_timestep"].values
    short, long = int(np.argmin(steps)), int(np.argmax(steps))
    found = np.array(
        [
            [
                energy_fluctuation(
                    dataset["nve_time"].values[t], dataset["nve_energy"].values[m, t], freedom
                )
                for t in (short, long)
            ]
            for m, freedom in enumerate(dataset["degrees_of_freedom"].values)
        ]
    )
    found = in_thermal_units(found[np.isfinite(found).all(axis=1)], temperature)
    if short == long or not len(found):
        axis.text(0.5, 0.5, "one time step" if short == long else "no NVE survived", ha="center")
        axis.set_axis_off()
        return
    ratio = np.median(found[:, 1] / found[:, 0])
    expected = (steps[long] / steps[short]) ** 2
    axis.plot(*found.T, "o", ms=4, color=COLOURS[0], mec="white", mew=0.4)
    ends = np.array([found[:, 0].min() / 1.3, found[:, 0].max() * 1.3])
    axis.plot(ends, expected * ends, color="black", lw=0.8)
    axis.set(
        xscale="log", yscale="log", xlabel=f"fluctuation at {steps[short]:g} fs ($k_BT$)",
        ylabel=f"at {steps[long]:g} fs ($k_BT$)",
        title=f"median ratio {ratio:.2f},\nof second order {expected:g}",
    )  # fmt: skip
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(lambda value, _: f"{value:g}")
        side.set_minor_formatter(lambda value, _: "")
        side.set_major_locator(LogLocator(subs=(1, 3)))


def _draw_deviation(axis, dataset, t: int):
    """Of one temperature: the molecules that come nearest to breaking named, deaths crossed."""
    time, traces = dataset["nvt_time"].values, dataset["nvt_bond_deviation"].values[:, t]
    causes, died = (dataset[f"nvt_{what}"].values[:, t] for what in ("cause", "death_time"))
    largest = np.array([np.nanmax(trace, initial=-1.0) for trace in traces])
    for rank, m in reversed(list(enumerate(np.argsort(-largest)))):
        if largest[m] < 0:
            continue
        name = str(dataset["molecule_id"].values[m])
        style = {"color": NAMED[rank], "zorder": 3} if rank < len(NAMED) else {"color": CROWD}
        for replica, trace in enumerate(traces[m]):
            first = {"label": name} if rank < len(NAMED) and not replica else {}
            axis.plot(time, trace, lw=0.5, **first, **style)
    dead = sorted(
        (died[m, r], str(dataset["molecule_id"].values[m]))
        for m, r in np.argwhere((causes != ALIVE) & (causes != NO_PARAMETERS))
    )
    for when, _ in dead:
        axis.plot(when, BROKEN_BOND, "x", color=DEAD, ms=6, zorder=4, clip_on=False)
    axis.axhline(BROKEN_BOND, color="black", ls="--", lw=0.8)
    died_here = ", ".join(dict.fromkeys(name for _, name in dead))
    note = f"dead: {died_here}" if dead else "all alive"
    axis.text(
        0.02, 0.52, note[:60] + ("…" if len(note) > 60 else ""), fontsize=7,
        color=DEAD if dead else "black", transform=axis.get_yaxis_transform(),
    )  # fmt: skip
    axis.set(
        title=f"NVT, {dataset['nvt_temperature'].values[t]:g} K", xlabel="time (ps)",
        xlim=(0, time[-1]), ylim=(0, 0.78),
    )  # fmt: skip
    if largest.max() >= 0:
        axis.legend(fontsize=6, ncols=2, loc="upper left", handlelength=1.0, columnspacing=0.8)
