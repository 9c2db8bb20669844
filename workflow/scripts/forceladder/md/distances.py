"""h(r): how far apart the atoms of a molecule are, whichever atoms they be.

Fu et al., Forces are not enough, TMLR 2023: the distribution of all pair distances along the
stable part of NVT, and the integral of the absolute difference of two such distributions.
"""

import numpy as np

BIN = 0.05  # Å: bond lengths vibrate by as much at 300 K
REACH = 20.0  # Å: longer distances fall into the last bin
EDGES = np.arange(round(REACH / BIN) + 1) * BIN  # Å
BLOCKS = 10  # parts of a trajectory
HEATING = 2  # of them at its beginning, from the minimum: no part of h(r)


def pair_counts(positions) -> np.ndarray:
    """Pairs of atoms by distance, [bins]; positions: [atoms, 3] Å."""
    x = np.asarray(positions, float)
    i, j = np.triu_indices(len(x), k=1)
    distance = np.linalg.norm(x[i] - x[j], axis=-1)
    place = np.minimum((distance / BIN).astype(int), len(EDGES) - 2)
    return np.bincount(place, minlength=len(EDGES) - 1).astype(np.int32)


def density(counts) -> np.ndarray:
    """h(r) [bins] in 1/Å, its integral one; NaN where nothing was counted.

    counts: [..., bins], summed over all but the last axis
    """
    total = np.asarray(counts, float).reshape(-1, np.shape(counts)[-1]).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return total / (total.sum() * BIN)


def difference(counts, other) -> float:
    """∫ |h − h'| dr, pure number: 0 where both agree, 2 where they have no distance in common."""
    return float(np.abs(density(counts) - density(other)).sum() * BIN)


def noise_floor(blocks, seed: int, draws: int = 200) -> float:
    """What `difference` says of two trajectories of the same surface, as long as this one.

    Halves of it, drawn at random by whole blocks, differ by chance alone; a distribution of n
    frames and one of twice as many are 1/√2 apart in that, so the mean over draws is divided
    by √2. NaN of less than four blocks that hold anything.

    blocks: counts [blocks, bins], of pieces longer than the memory of the motion
    """
    blocks = np.asarray(blocks, float)
    blocks = blocks[blocks.sum(axis=1) > 0]
    if len(blocks) < 4:
        return float("nan")
    generator, found = np.random.default_rng(seed), []
    for _ in range(draws):
        order = generator.permutation(len(blocks))
        half = len(blocks) // 2
        found.append(difference(blocks[order[:half]], blocks[order[half : 2 * half]]))
    return float(np.mean(found)) / np.sqrt(2.0)
