"""The loss and the errors along a fit."""

import numpy as np

from forceladder.figures import plt
from forceladder.validate.plots.style import FORCE_LABEL, SPLIT_COLOURS, log_scale


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
