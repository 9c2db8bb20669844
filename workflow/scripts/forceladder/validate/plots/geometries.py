"""Pictures of torsion profiles, minima and vibrations. Each function returns a figure."""

import numpy as np

from forceladder.figures import plt
from forceladder.validate.geometry_errors import ScanProfile, Spectrum
from forceladder.validate.plots.style import BASELINE_COLOURS, method_colours
from forceladder.validate.profiles import GRID, WIDEST_GAP, profile, widest_gap

COLUMNS = 4


def plot_profiles(profiles: list[ScanProfile], most: int = 24):
    """Relaxed torsion profiles, the reference's and every method's own, one panel a scan.

    At most `most` scans; a 2-D scan shows the reference alone, as a map.
    """
    scans = list(dict.fromkeys((p.molecule, p.scan.index) for p in profiles))[:most]
    if not scans:
        return nothing("no torsion scans in this run")
    methods = list(dict.fromkeys(p.method for p in profiles))
    colours, columns = method_colours(methods), min(len(scans), COLUMNS)
    rows = -(-len(scans) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(max(2.3 * columns, 4.6), 2.0 * rows + 0.5), squeeze=False
    )
    for axis in axes.flat[len(scans) :]:
        axis.set_visible(False)
    for axis, scan in zip(axes.flat, scans, strict=False):
        here = [p for p in profiles if (p.molecule, p.scan.index) == scan]
        reference, angles = here[0].reference - here[0].reference.min(), here[0].scan.angles
        axis.set_title(here[0].molecule, fontsize=8, pad=14)
        axis.text(
            0.5, 1.02, here[0].torsion, fontsize=6.5, color="#555555", ha="center", va="bottom",
            transform=axis.transAxes,
        )  # fmt: skip
        axis.tick_params(labelsize=7)
        axis.set_xticks([-180, -90, 0, 90, 180])
        if angles.shape[1] > 1:
            shown = axis.tricontourf(*angles.T, reference, levels=12, cmap="viridis")
            axis.set_yticks([-180, -90, 0, 90, 180])
            figure.colorbar(shown, ax=axis, label="kcal/mol")
            continue
        for p in sorted(here, key=lambda p: p.method not in BASELINE_COLOURS):  # rungs on top
            draw_profile(axis, p, colours[p.method])
        axis.plot(angles[:, 0], reference, "o", ms=3.2, color="black", label="QM", zorder=5)
        axis.set_xlim(-190, 190)
    figure.supxlabel("torsion (degrees)", fontsize=9)
    figure.supylabel("energy (kcal/mol)", fontsize=9)
    flat = next((a for a in axes.flat if a.get_legend_handles_labels()[0]), None)
    if flat is not None:
        drawn = dict(zip(*reversed(flat.get_legend_handles_labels()), strict=True))
        labels = [name for name in ("QM", *methods) if name in drawn]
        figure.legend([drawn[name] for name in labels], labels, loc="outside upper center", ncols=6)
    return figure


def draw_profile(axis, p: ScanProfile, colour: str):
    """One method's curve, through its own points and aligned to the reference by its mean
    difference; points alone where there are too few for a curve."""
    known = np.isfinite(p.energies)
    if not known.any():
        return
    difference = (p.energies - p.reference)[known].mean() + p.reference.min()
    angles, energies = p.scan.angles[known, 0], p.energies[known] - difference
    width = 0.9 if p.method in BASELINE_COLOURS else 1.6
    if known.sum() > 2 and widest_gap(angles) <= WIDEST_GAP:
        curve = profile(angles, energies).spline(GRID)
        axis.plot(GRID, curve, color=colour, lw=width, label=p.method)
    else:
        axis.plot(angles, energies, "x", ms=3, color=colour, label=p.method)


def plot_minima(rows: list[dict]):
    """RMSD, torsion fingerprint deviation and ddE of every method, dots are minima; a line is the
    median, below the name how many numbers there are."""
    panels = (
        ("rmsd", "RMSD (Å), all atoms", 0.05), ("tfd", "torsion fingerprint deviation", 0.01),
        ("dde", "|ddE| (kcal/mol)", 0.5),
    )  # fmt: skip
    if not rows:
        return nothing("no minima of the reference in this run")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    colours = method_colours(methods)
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 0.42 * len(methods) + 1.3), sharey=True)
    for axis, (column, label, least) in zip(axes, panels, strict=True):
        everything = []
        for y, method in enumerate(methods):
            values = np.array(
                [abs(row.get(column, np.nan)) for row in rows if row["method"] == method]
            )
            values = np.sort(values[np.isfinite(values)])
            everything += list(values)
            spread = 0.25 * np.sin(np.arange(len(values)) * 2.4)  # no two neighbours overlap
            axis.plot(values, y + spread, "o", ms=4, color=colours[method], mec="white", mew=0.5)
            if len(values):
                axis.vlines(np.median(values), y - 0.38, y + 0.38, colours[method], lw=2)
            axis.text(1.01, y, f"{len(values)}", transform=axis.get_yaxis_transform(),
                      fontsize=7, color="#777777", va="center")  # fmt: skip
        axis.set_xlabel(label)
        axis.set_xlim(0.0, 1.05 * max([least, *everything]))
        axis.grid(axis="x", alpha=0.25, linewidth=0.5)
        axis.set_axisbelow(True)
        if not everything:
            why = {
                "tfd": "no molecule has a torsion\nbetween heavy atoms",
                "dde": "no molecule has two minima",
            }.get(column, "no relaxation ended")
            axis.text(0.5, 0.5, why, ha="center", va="center", transform=axis.transAxes)
            axis.tick_params(labelbottom=False)
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].set_ylim(len(methods) - 0.4, -0.6)
    figure.align_xlabels()
    return figure


def plot_frequencies(spectra: list[Spectrum]):
    """Error of every harmonic wavenumber against the reference's wavenumber, one panel a method.

    The band is 5 % of the wavenumber; triangles are errors beyond the axis.
    """
    found = [spectrum for spectrum in spectra if not isinstance(spectrum.found, str)]
    if not found:
        sentence = "no Hessians of the reference in this run"
        if spectra:
            sentence = "no Hessian of a method can be compared:\nfrequency_errors.csv says why"
        return nothing(sentence)
    methods = list(dict.fromkeys(spectrum.method for spectrum in found))
    colours, columns = method_colours(methods), min(len(methods), COLUMNS)
    rows = -(-len(methods) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.4 * columns + 0.4, 2.0 * rows + 0.5), squeeze=False,
        sharex=True, sharey=True,
    )  # fmt: skip
    for axis in axes.flat[len(methods) :]:
        axis.set_visible(False)
    for axis in axes[max(rows - 2, 0), len(methods) - columns * (rows - 1) :]:
        axis.tick_params(labelbottom=True)  # nothing is below it
    errors = {
        method: np.concatenate([s.found.ordered - s.found.reference for s in found
                                if s.method == method])
        for method in methods
    }  # fmt: skip
    limit = 1.1 * max(np.percentile(np.abs(error), 99) for error in errors.values())
    for axis, method in zip(axes.flat, methods, strict=False):
        reference = np.concatenate([s.found.reference for s in found if s.method == method])
        edge = np.array([0.0, max(reference.max(), 100.0)])
        axis.fill_between(edge, -0.05 * edge, 0.05 * edge, color="#eeeeee", lw=0)
        axis.axhline(0.0, color="black", lw=0.7)
        beyond = np.abs(errors[method]) > limit
        style = {"color": colours[method], "mec": "white", "mew": 0.3, "ls": "", "clip_on": False}
        axis.plot(reference[~beyond], errors[method][~beyond], marker="o", ms=3, **style)
        for sign, marker in ((1.0, "^"), (-1.0, "v")):
            if (out := beyond & (sign * errors[method] > 0.0)).any():
                edges = np.full(out.sum(), sign * limit)
                axis.plot(reference[out], edges, marker=marker, ms=5, **style)
        axis.set_title(method, fontsize=8.5)
        rmse = np.sqrt(np.mean(errors[method] ** 2))
        axis.text(
            0.98, 0.98, f"RMSE {rmse:.0f} /cm", fontsize=7, transform=axis.transAxes,
            ha="right", va="top",
        )  # fmt: skip
    axes[0, 0].set_ylim(-1.05 * limit, 1.05 * limit)
    figure.supxlabel("QM harmonic wavenumber (1/cm)", fontsize=9)
    figure.supylabel("method − QM (1/cm)", fontsize=9)
    return figure


def nothing(sentence: str):
    """A picture that says why there is none."""
    figure, axis = plt.subplots(figsize=(4.6, 1.2))
    axis.text(0.5, 0.5, sentence, ha="center", va="center")
    axis.set_axis_off()
    return figure
