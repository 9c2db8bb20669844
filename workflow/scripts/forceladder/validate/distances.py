"""h(r) of every method against two references: GFN2-xTB's own trajectories, and training frames.

GFN2-xTB under the same thermostat at the same temperature is the fair comparison: a quantum
method's ensemble, sampled the same way. MD frames of the training set, where it has any at that
temperature, are few and short (the workflow's own are GFN2-xTB's); they matter for imported sets
that were sampled with the reference itself. Beside each difference stands its noise floor, what
chance alone makes of trajectories this short; a difference below it says nothing. It is found
from pieces of each trajectory and cannot know of conformers that none of them visited, so it is a
lower bound: GFN2-xTB's own picoseconds and GFN2-xTB's training frames, one surface, are 0.47 apart
in the quickstart where the floor says 0.38.
"""

import numpy as np

from forceladder.job import seed_of
from forceladder.md.distances import HEATING, difference, noise_floor, pair_counts
from forceladder.training_set.dataset import molecule_positions, row_ranges

REFERENCE = "GFN2-xTB"
TRAINING_FRAMES = "training set"
FEWEST_FRAMES = 4  # of a reference: fewer have no noise floor
COLUMNS = [
    "method", "reference", "temperature_kelvin", "molecule", "pairs", "reference_pairs",
    "difference", "noise_floor",
]  # fmt: skip


def distance_rows(dataset, methods: dict) -> list[dict]:
    """One row for every method, reference, temperature and molecule, of the columns COLUMNS.

    dataset: the training set      methods: name → its dataset of MD_FIELDS
    difference: ∫ |h − h'| dr, between 0 and 2      pairs: distances that were counted
    """
    rows = []
    asked = {str(name) for t in methods.values() for name in t["molecule_id"].values}
    references = {TRAINING_FRAMES: training_blocks(dataset, asked)}
    if REFERENCE in methods:
        references[REFERENCE] = trajectory_blocks(methods[REFERENCE])
    floors = {
        reference: {key: noise_floor(blocks, seed_of("h(r)", reference, *key))
                    for key, blocks in found.items()}
        for reference, found in references.items()
    }  # fmt: skip
    for method, trajectories in methods.items():
        for key, blocks in trajectory_blocks(trajectories).items():
            own = noise_floor(blocks, seed_of("h(r)", method, *key))
            for reference, known in references.items():
                if reference == method or key not in known:
                    continue
                temperature, molecule = key
                rows.append(
                    {
                        "method": method, "reference": reference,
                        "temperature_kelvin": temperature, "molecule": molecule,
                        "pairs": int(blocks.sum()), "reference_pairs": int(known[key].sum()),
                        "difference": difference(blocks, known[key]),
                        # each floor is of two alike; independent errors add in squares
                        "noise_floor": float(np.hypot(own, floors[reference][key]) / np.sqrt(2)),
                    }
                )  # fmt: skip
    return rows


def trajectory_blocks(trajectories) -> dict[tuple[float, str], np.ndarray]:
    """(temperature, molecule) → counts [blocks, bins] after heating, all replicas; those alone
    that hold anything: a molecule that died at once, or has no parameters, has no h(r)."""
    counts = trajectories["nvt_distance_count"].values[:, :, :, HEATING:]
    found = {}
    for m, name in enumerate(trajectories["molecule_id"].values):
        for t, kelvin in enumerate(trajectories["nvt_temperature"].values):
            blocks = counts[m, t].reshape(-1, counts.shape[-1])
            if blocks.any():
                found[float(kelvin), str(name)] = blocks[blocks.any(axis=1)]
    return found


def training_blocks(dataset, asked: set[str]) -> dict[tuple[float, str], np.ndarray]:
    """(temperature, molecule) → counts [frames, bins] of MD frames, where there are enough, of
    the molecules that are asked for."""
    first, found = row_ranges(dataset)["conformer"], {}
    for m, name in enumerate(dataset["molecule_id"].values):
        if str(name) not in asked:
            continue
        temperature = dataset["temperature"].values[first[m] : first[m + 1]]
        positions = molecule_positions(dataset, m)
        for kelvin in np.unique(temperature[temperature > 0]):
            frames = positions[temperature == kelvin]
            if len(frames) >= FEWEST_FRAMES:
                found[float(kelvin), str(name)] = np.array([pair_counts(x) for x in frames])
    return found
