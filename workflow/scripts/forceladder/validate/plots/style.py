"""What all pictures share: colours of methods and splits, words on axes, plain logarithmic axes."""

import matplotlib

from forceladder.figures import COLOURS

RUNG_COLOURS = COLOURS[:4]  # rungs come first, baselines in greys
BASELINE_COLOURS = {
    "MMFF94": "#4d4d4d", "GFN2-xTB": "#8c8c8c", "UFF": "#c4c4c4", "OpenFF Sage 2.3.0": "#000000",
}  # fmt: skip
SPLIT_COLOURS = {"train": "#9ecae1", "validation": "#E69F00", "test": "#D55E00"}
INK, SOFT, LINE = "#1d2733", "#5b6775", "#dfe4ea"  # of the release's report
FORCE_LABEL = "force RMSE (kcal/mol/Å)"


def method_colours(methods) -> dict[str, str]:
    rungs = [method for method in methods if method not in BASELINE_COLOURS]
    colours = {method: RUNG_COLOURS[k % len(RUNG_COLOURS)] for k, method in enumerate(rungs)}
    return colours | BASELINE_COLOURS


def split_name(split: str) -> str:
    """What readers call a split."""
    return "held-out" if split == "test" else split


def log_scale(axis):
    """Logarithmic vertical axis with plain numbers, few of them."""
    axis.set_yscale("log")
    plain = matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_major_formatter(plain)
    axis.yaxis.set_minor_locator(matplotlib.ticker.LogLocator(subs=(2, 5)))
    axis.yaxis.set_minor_formatter(plain)


def plain_bar(bar):
    """Plain numbers, few of them, along a horizontal logarithmic colour bar."""
    plain = matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")
    bar.set_ticks(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
    bar.ax.xaxis.set_major_formatter(plain)
    bar.ax.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
