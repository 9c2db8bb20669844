"""How far parameters moved from one force field to another, on the same molecules."""

import numpy as np

from forceladder.export.numbers import numbers

COLUMNS = [
    "rung", "term", "parameter", "unit", "numbers", "scale", "rms_shift", "largest_shift",
    "largest_relative", "molecule", "atoms", "old", "new",
]  # fmt: skip


def parameter_shifts(old: list[dict], new: list[dict]) -> list[dict]:
    """One row per parameter of the terms that both have: COLUMNS but `rung`.

    old, new: of `molecule_parameters`, the same molecules in the same order
    scale: the spread (standard deviation) of the old numbers, their mean size where they are all
        alike: what is large for this kind of number
    largest_…: of the number that moved most, `atoms` counted from 0
    """
    found: dict[tuple, list] = {}
    for one, other in zip(old, new, strict=True):
        by_place = {number[:3]: number.value for number in numbers(other)}
        for number in numbers(one):
            if number[:3] in by_place:
                place = (one["id"], "-".join(map(str, number.atoms)))
                key = (number.term, number.parameter, number.unit)
                found.setdefault(key, []).append((*place, number.value, by_place[number[:3]]))
    rows = []
    for (term, parameter, unit), entries in found.items():
        before, after = (np.array([entry[k] for entry in entries]) for k in (2, 3))
        shift, scale = after - before, typical_scale(before)
        worst = int(np.argmax(np.abs(shift)))
        molecule, atoms, was, became = entries[worst]
        rows.append(
            {"term": term, "parameter": parameter, "unit": unit, "numbers": len(entries),
             "scale": scale, "rms_shift": float(np.sqrt(np.mean(shift**2))),
             "largest_shift": float(shift[worst]),
             "largest_relative": float(abs(shift[worst]) / scale),
             "molecule": molecule, "atoms": atoms, "old": was, "new": became}
        )  # fmt: skip
    return sorted(rows, key=lambda row: -row["largest_relative"])


def gradient_shift(dataset, old, new) -> dict:
    """The same of all gradients at the dataset's geometries: what a correction has, which writes
    no parameters; its scale is their root mean square."""
    before, after = (p["predicted_gradients"].values[0] for p in (old, new))
    molecules = np.repeat(
        dataset["molecule_id"].values.astype(str),
        dataset["atom_count"].values * dataset["conformer_count"].values,
    )
    shift = after - before
    place = np.unravel_index(int(np.nanargmax(np.abs(shift))), shift.shape)
    scale = float(np.sqrt(np.nanmean(before**2)))
    return {
        "term": "all", "parameter": "gradient", "unit": "kcal/mol/angstrom",
        "numbers": int(np.isfinite(shift).sum()), "scale": scale,
        "rms_shift": float(np.sqrt(np.nanmean(shift**2))), "largest_shift": float(shift[place]),
        "largest_relative": float(abs(shift[place]) / scale), "molecule": molecules[place[0]],
        "atoms": "", "old": float(before[place]), "new": float(after[place]),
    }  # fmt: skip


def typical_scale(values: np.ndarray) -> float:
    spread, size = float(np.std(values)), float(np.mean(np.abs(values)))
    return spread if spread > 1e-6 * size else (size or 1.0)
