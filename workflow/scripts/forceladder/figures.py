"""How our pictures look, and how they are written. Whoever draws imports `plt` from here."""

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from forceladder import files

# Okabe & Ito's palette, told apart by everyone
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")

plt.rcParams.update(
    {
        "font.family": "DejaVu Sans", "font.size": 9, "axes.spines.top": False,
        "axes.spines.right": False, "axes.titlesize": 10, "axes.titleweight": "bold",
        "legend.frameon": False, "figure.constrained_layout.use": True, "svg.hashsalt": "house",
        "svg.fonttype": "path",
    }
)  # fmt: skip


CROWD = 30_000  # points of the lines of one panel; of more the pixels are smaller than the paths
PIXELS_PER_INCH = 200


def save_figure(figure, path):
    """Write an SVG whose bytes depend on the figure alone (no date, no random ids).

    Crowded lines become pixels: reports hold their pictures, and trajectories of a thousand
    molecules are 60 MB of paths.
    """
    for axis in figure.axes:
        lines = axis.get_lines()
        if sum(len(line.get_xdata(orig=False)) for line in lines) > CROWD:
            for line in lines:
                line.set_rasterized(True)
    with files.atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None}, dpi=PIXELS_PER_INCH)
    plt.close(figure)
