"""Bootstrap intervals of root-mean-square errors."""

import numpy as np

from forceladder.job import seed_of

RESAMPLES = 2000
FEWEST = 3  # members; fewer make no interval


def drawn_counts(size: int, *seed, block: int = 1) -> np.ndarray:
    """How often each of `size` members is drawn in each resample, [RESAMPLES, size].

    block: members that are drawn together, neighbours on a circle; 1 is Efron's bootstrap, more
        the circular block bootstrap (Politis & Romano, in Exploring the Limits of Bootstrap, 1992)
    seed: whatever names the draw; the same parts give the same draw everywhere
    """
    random = np.random.default_rng(seed_of("bootstrap", *seed))
    starts = random.integers(0, max(size, 1), (RESAMPLES, -(-size // block)))
    members = (starts[:, :, None] + np.arange(block)).reshape(RESAMPLES, -1)[:, :size] % max(
        size, 1
    )
    cells = members + size * np.arange(RESAMPLES)[:, None]
    return np.bincount(cells.ravel(), minlength=RESAMPLES * size).reshape(RESAMPLES, size)


def block_length(size: int) -> int:
    """n^(1/3), the order that is optimal for n values of a stationary series (Künsch, Ann. Statist.
    17, 1217, 1989)."""
    return max(1, round(size ** (1.0 / 3.0)))


def percentiles(values) -> tuple[float, float]:
    """Ends of the 95 % interval of resampled values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def pooled_rmse(square, weight, *seed) -> tuple[float | None, float | None, float | None]:
    """Root of the weighted mean square of all members, and its 95 % interval over members.

    square: [members], sums of squared errors        weight: [members], how many each sums
    returns: RMSE, low, high; None without members, no interval with fewer than FEWEST
    """
    square, weight = np.asarray(square, float), np.asarray(weight, float)
    if not len(square):
        return None, None, None
    rmse = float(np.sqrt(square.sum() / weight.sum()))
    if len(square) < FEWEST:
        return rmse, None, None
    counts = drawn_counts(len(square), *seed)
    return rmse, *percentiles(np.sqrt((counts @ square) / (counts @ weight)))
