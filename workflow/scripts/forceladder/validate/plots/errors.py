"""Errors of every method: by molecule and split, and force against force."""

import numpy as np

from forceladder.figures import plt
from forceladder.training_set.dataset import SPLITS
from forceladder.validate.plots.style import FORCE_LABEL, SPLIT_COLOURS, log_scale, method_colours


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
