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


def save_figure(figure, path):
    """Write an SVG whose bytes depend on the figure alone (no date, no random ids)."""
    with files.atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    plt.close(figure)
