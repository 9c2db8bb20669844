"""Torsion profiles of the reference and of every method at the same geometries."""

import numpy as np

from forceladder.figures import plt
from forceladder.validate.plots.style import BASELINE_COLOURS, method_colours


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
