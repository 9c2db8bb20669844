"""Errors by functional group: one row a group, one column a method, numbers in the cells."""

import matplotlib
import numpy as np

from forceladder.figures import plt
from forceladder.training_set.dataset import SPLITS
from forceladder.validate.plots.style import FORCE_LABEL, INK, SOFT, plain_bar, split_name

COLOURS = "YlOrBr"


def plot_group_errors(rows: list[dict], quantity: str = "force_rmse"):
    """A map for every split: colour and number are the error of a method on a group."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    groups = list(dict.fromkeys(row["group"] for row in rows))
    splits = [split for split in SPLITS if any(row["split"] == split for row in rows)]
    cells = {(r["split"], r["group"], r["method"]): r for r in rows}
    values = [row[quantity] for row in rows if row[quantity]]
    scale = matplotlib.colors.LogNorm(min(values, default=1.0), max(values, default=1.0) * 1.01)
    figure, axes = plt.subplots(
        1, len(splits), squeeze=False, sharey=True,
        figsize=(1.9 + 0.62 * len(methods) * len(splits), 1.5 + 0.24 * len(groups)),
    )  # fmt: skip
    for axis, split in zip(axes[0], splits, strict=True):
        errors = np.array(
            [[_value(cells.get((split, g, m)), quantity) for m in methods] for g in groups]
        )
        shown = axis.imshow(np.ma.masked_invalid(errors), cmap=COLOURS, norm=scale, aspect="auto")
        for (row, column), error in np.ndenumerate(errors):
            if np.isfinite(error):
                dark = scale(max(error, scale.vmin)) > 0.6
                axis.text(column, row, f"{error:.3g}" if error < 100 else f"{error:.0f}",
                          ha="center", va="center", fontsize=7,
                          color="white" if dark else INK)  # fmt: skip
        axis.set_title(split_name(split))
        axis.set_xticks(range(len(methods)), methods, rotation=40, ha="right", fontsize=8)
        counts = [_molecules(cells, split, group) for group in groups]
        for row, count in enumerate(counts):
            if count:
                axis.text(len(methods) - 0.42, row, str(count), va="center", fontsize=6.5,
                          color=SOFT)  # fmt: skip
        axis.text(len(methods) - 0.42, -0.75, "n", fontsize=6.5, color=SOFT)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    axes[0, 0].set_yticks(range(len(groups)), [g.replace("_", " ") for g in groups], fontsize=8)
    bar = figure.colorbar(shown, ax=axes, location="bottom", fraction=0.03, pad=0.01, aspect=50)
    bar.set_label(FORCE_LABEL if quantity == "force_rmse" else "relative energy RMSE (kcal/mol)")
    plain_bar(bar)
    return figure


def _value(row: dict | None, quantity: str) -> float:
    return float("nan") if row is None or row[quantity] is None else row[quantity]


def _molecules(cells: dict, split: str, group: str) -> int:
    """That have the group, by the method that knows most of them."""
    return max(
        (row["molecules"] for (s, g, _), row in cells.items() if (s, g) == (split, group)),
        default=0,
    )
