"""Pictures, because people would rather look than read. Each function returns a figure."""

import matplotlib
import numpy as np

from forceladder.figures import COLOURS, plt
from forceladder.training_set.dataset import SPLITS

RUNG_COLOURS = COLOURS[:4]  # rungs come first, baselines in greys
BASELINE_COLOURS = {
    "MMFF94": "#4d4d4d", "GFN2-xTB": "#8c8c8c", "UFF": "#c4c4c4", "OpenFF Sage 2.3.0": "#000000",
}  # fmt: skip
SPLIT_COLOURS = {"train": "#9ecae1", "validation": "#E69F00", "test": "#D55E00"}
FORCE_LABEL = "force RMSE (kcal/mol/Å)"


def method_colours(methods) -> dict[str, str]:
    rungs = [method for method in methods if method not in BASELINE_COLOURS]
    colours = {method: RUNG_COLOURS[k % len(RUNG_COLOURS)] for k, method in enumerate(rungs)}
    return colours | BASELINE_COLOURS


def log_scale(axis):
    """Logarithmic vertical axis with plain numbers, few of them."""
    axis.set_yscale("log")
    plain = matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_major_formatter(plain)
    axis.yaxis.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))
    axis.yaxis.set_minor_formatter(plain)


def plot_errors(rows: list[dict]):
    """Force and energy error of every molecule (dots) by method and split; lines are medians."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    splits = [split for split in SPLITS if any(row["split"] == split for row in rows)]
    colours = method_colours(methods)
    figure, axes = plt.subplots(2, 1, figsize=(8, 5.4), sharex=True)
    width = 0.8 / len(methods)
    for axis, quantity, label in zip(
        axes, ("force_rmse", "energy_rmse"),
        (FORCE_LABEL, "relative energy RMSE (kcal/mol)"), strict=True,
    ):  # fmt: skip
        for m, method in enumerate(methods):
            for s, split in enumerate(splits):
                values = [
                    r[quantity] for r in rows if r["method"] == method and r["split"] == split
                ]
                values = np.array(values)[np.isfinite(values)]
                if not len(values):
                    continue
                x = s + (m - (len(methods) - 1) / 2) * width
                colour = colours[method]
                spread = np.linspace(-0.3, 0.3, len(values)) * width if len(values) > 1 else 0.0
                axis.plot(
                    x + spread + 0.0 * values, values, "o", color=colour, markersize=4.5,
                    markeredgecolor="white", markeredgewidth=0.5,
                    label=method if s == 0 else None,
                )  # fmt: skip
                axis.hlines(np.median(values), x - 0.4 * width, x + 0.4 * width, colour, lw=2)
        axis.set_ylabel(label)
        log_scale(axis)
        axis.grid(axis="y", which="both", alpha=0.25, linewidth=0.5)
        axis.set_axisbelow(True)
    counts = [len({r["molecule"] for r in rows if r["split"] == split}) for split in splits]
    labels = [f"{split}\n({n} molecules)" for split, n in zip(splits, counts, strict=True)]
    axes[-1].set_xticks(range(len(splits)), labels)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return figure


def plot_parity(dataset, predictions):
    """Force components of every method against the reference, held-out molecules in colour."""
    methods = [str(method) for method in predictions["method"].values]
    repeats = dataset["atom_count"].values * dataset["conformer_count"].values
    split = np.repeat(dataset["split"].values, repeats)
    reference = -dataset["gradients"].values
    limit = 1.05 * np.nanmax(np.abs(reference))
    columns = min(len(methods), 4)
    rows = -(-len(methods) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.5 * columns, 2.7 * rows), squeeze=False, sharex=True, sharey=True
    )
    for axis in axes.flat[len(methods) :]:
        axis.set_visible(False)
    for k, (axis, method) in enumerate(zip(axes.flat, methods, strict=False)):
        predicted = -predictions["predicted_gradients"].values[k]
        for name in SPLITS:
            here = split == name
            if here.any():
                axis.plot(
                    reference[here].ravel(), predicted[here].ravel(), ".", markersize=2.5,
                    color=SPLIT_COLOURS[name], label=name, rasterized=True,
                )  # fmt: skip
        axis.plot([-limit, limit], [-limit, limit], color="black", linewidth=0.7)
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), title=method, aspect="equal")
    figure.supxlabel("QM force component (kcal/mol/Å)", fontsize=9)
    figure.supylabel("predicted (kcal/mol/Å)", fontsize=9)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, markerscale=4)
    return figure


def plot_history(history: dict, rung: str):
    """Parts of the loss, and force errors of training and validation molecules, by epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.8))
    epoch = np.arange(1, len(history["loss"]) + 1)
    for part in ("loss", "force", "energy", "torsion", "esp", "dipole", "prior"):
        # a bespoke fit keeps the whole loss alone
        if part in history and np.isfinite(history[part]).any() and np.max(history[part]) > 0:
            width = 1.8 if part == "loss" else 1.0
            left.plot(epoch, history[part], label=part, linewidth=width)
    left.set(yscale="log", xlabel="epoch", title=f"{rung}: loss and its parts (unweighted)")
    left.legend(fontsize=7, ncols=2)
    for split in ("train", "validation"):
        values = history.get(f"{split}_force_rmse", np.full(len(epoch), np.nan))
        shown = np.isfinite(values)
        if shown.any():
            right.plot(epoch[shown], values[shown], color=SPLIT_COLOURS[split], label=split)
            low = int(np.nanargmin(values))
            right.plot(epoch[low], values[low], "o", color=SPLIT_COLOURS[split], markersize=4)
    right.set(xlabel="epoch", ylabel=FORCE_LABEL, title="force error")
    log_scale(right)
    right.legend(fontsize=7)
    return figure


def plot_stability(dataset, rung: str):
    """Total energy along NVE, and the largest bond deviation along NVT, one line a molecule."""
    temperatures = dataset["nvt_temperature"].values
    figure, axes = plt.subplots(
        1, 1 + len(temperatures), figsize=(3.2 + 2.5 * len(temperatures), 3)
    )
    colours = plt.get_cmap("tab20").colors
    freedom = dataset["degrees_of_freedom"].values
    axis, step = axes[0], int(np.argmin(dataset["nve_timestep"].values))
    for m, name in enumerate(dataset["molecule_id"].values):
        energy = dataset["nve_energy"].values[m, step]
        change = (energy - np.nanmean(energy)) / freedom[m]
        axis.plot(
            dataset["nve_time"].values[step], change, linewidth=0.6,
            color=colours[m % 20], label=str(name),
        )  # fmt: skip
    axis.set(
        title=f"{rung}: NVE, {dataset['nve_timestep'].values[step]:g} fs",
        xlabel="time (ps)", ylabel="ΔE per degree of freedom (kcal/mol)",
    )  # fmt: skip
    for t, (axis, kelvin) in enumerate(zip(axes[1:], temperatures, strict=True)):
        for m in range(dataset.sizes["molecule"]):
            for trace in dataset["nvt_bond_deviation"].values[m, t]:
                axis.plot(
                    dataset["nvt_time"].values,
                    trace,
                    linewidth=0.4,
                    color=colours[m % 20],
                    alpha=0.8,
                )
        axis.axhline(0.5, color="black", linestyle="--", linewidth=0.8)
        axis.set(title=f"NVT, {kelvin:g} K", xlabel="time (ps)", ylim=(0, 0.6))
        axis.text(0.02, 0.51, "broken", fontsize=7, transform=axis.get_yaxis_transform())
    axes[1].set_ylabel("largest bond deviation (Å)")
    if dataset.sizes["molecule"] <= 20:
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=7
        )
    return figure


def plot_scans(dataset, predictions, most: int = 24):
    """Torsion profiles: the reference's relaxed scans, and every method at the same geometries.

    One panel a scan, at most `most`; a 2-D scan shows the reference alone, as a map.
    """
    scans = torsion_scans(dataset)[:most]
    columns = max(min(len(scans), 4), 1)
    rows = max(-(-len(scans) // columns), 1)
    figure, axes = plt.subplots(rows, columns, figsize=(2.3 * columns, 1.9 * rows), squeeze=False)
    methods = [str(method) for method in predictions["method"].values]
    colours = method_colours(methods)
    for axis in axes.flat[len(scans) :]:
        axis.set_visible(False)
    for axis, (name, conformers, angles) in zip(axes.flat, scans, strict=False):
        energy = dataset["energy"].values[conformers]
        axis.set_title(name, fontsize=8)
        if np.isfinite(angles[:, 1]).all():
            shown = axis.tricontourf(*angles.T, energy - energy.min(), levels=12, cmap="viridis")
            figure.colorbar(shown, ax=axis, label="kcal/mol")
            continue
        for k, method in enumerate(methods):
            predicted = predictions["predicted_energy"].values[k, conformers]
            # aligned by the mean difference, so that the shapes can be compared
            shifted = predicted - (predicted - energy).mean() - energy.min()
            width = 0.8 if method in BASELINE_COLOURS else 1.6
            axis.plot(angles[:, 0], shifted, color=colours[method], lw=width, label=method)
        axis.plot(angles[:, 0], energy - energy.min(), "o", ms=3, color="black", label="QM")
        axis.set_xticks([-180, -90, 0, 90, 180])
        axis.tick_params(labelsize=7)
    if not scans:
        axes[0, 0].set_visible(True)
        axes[0, 0].text(0.5, 0.5, "no torsion scans in this run", ha="center", va="center")
        axes[0, 0].set_axis_off()
        return figure
    figure.supxlabel("torsion (degrees)", fontsize=9)
    figure.supylabel("energy (kcal/mol)", fontsize=9)
    curves = [axis.get_legend_handles_labels() for axis in axes.flat]
    longest = max(curves, key=lambda curve: len(curve[0]))
    figure.legend(*longest, loc="outside upper center", ncols=6)
    return figure


def torsion_scans(dataset) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(molecule, conformer rows by angle, angles [points, 2] degrees) of every scan."""
    first = np.concatenate([[0], np.cumsum(dataset["conformer_count"].values)])
    found = []
    for m, molecule in enumerate(dataset["molecule_id"].values):
        rows = np.arange(first[m], first[m + 1])
        for scan in range(int(dataset["scan_count"].values[m])):
            here = rows[dataset["scan"].values[rows] == scan]
            angles = dataset["scan_angle"].values[here]
            if len(here) > 2:
                order = np.lexsort(np.nan_to_num(angles).T[::-1])
                found.append((str(molecule), here[order], angles[order]))
    return found
