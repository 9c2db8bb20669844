"""What got worse: two force fields on the same geometries, paired.

For each molecule, functional group and split the difference of two RMSEs, new − old. A row speaks
of these molecules, not of chemical space. Frames of one trajectory and points of one scan follow
each other in the data and err alike, so neighbours of a molecule go together, in blocks of the
length of `bootstrap.block_length`: n^(1/3), which is 1 for up to three conformers and 2 for up to
fifteen. What errs alike over longer stretches still counts for more than it should.

low, high: blocks of conformers are drawn with replacement, within each molecule and the same for
both force fields (paired bootstrap). It is too narrow for few conformers, so it does not decide.
p_value: two-sided, of exchanging the two force fields' errors in every block by the toss of a
coin, exact if they are equally good and blocks are independent: b blocks cannot show more than
2 · 2⁻ᵇ. Within a family (one rung, one kind, one quantity) p-values are corrected by Holm's method
(Scand. J. Stat. 6, 65, 1979).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forceladder.export.parameters import molecule_parameters
from forceladder.job import seed_of
from forceladder.model.rung import CORRECTION
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.training_set.dataset import SPLITS, row_ranges
from forceladder.validate.bootstrap import block_length
from forceladder.validate.parameter_shifts import gradient_shift, parameter_shifts
from forceladder.validate.predictions import rung_predictions

LEAST_DRAWS, DRAWS_PER_TEST = 4000, 100  # so that Holm's smallest p can reach 0.02
QUANTITIES = {"force_rmse": "kcal/mol/Å", "energy_rmse": "kcal/mol"}

Groups = Callable[..., dict]  # RDKit molecule → name of a functional group → its atom rows


class Subject(NamedTuple):
    """What an error is of. kind: molecule, group or split; name; split of a molecule, else '';
    pieces: molecule row → [conformers, 3]: old and new sum of squares, and how many of them"""

    kind: str
    name: str
    split: str
    pieces: dict[int, np.ndarray]


def changes(dataset, old, new, seed: int, groups: Groups | None = None) -> list[dict]:
    """One row per quantity and subject, `p_value` as Holm leaves it; NaN where nothing can be told.

    old, new: predictions of one method each for the dataset's geometries
    returns: kind, name, split, quantity, unit, conformers, old, new, difference, low, high (95 %),
        p_value
    """
    rows = []
    for quantity, unit in QUANTITIES.items():
        per_atom = quantity == "force_rmse"
        squares = force_squares if per_atom else energy_squares
        subjects = subjects_of(dataset, squares(dataset, old, new), groups if per_atom else None)
        for kind in dict.fromkeys(subject.kind for subject in subjects):
            family = [subject for subject in subjects if subject.kind == kind]
            draws = max(LEAST_DRAWS, DRAWS_PER_TEST * len(family))
            found = [compared(subject, draws, seed) for subject in family]
            corrected = holm([row["p_value"] for row in found])
            for row, p_value in zip(found, corrected, strict=True):
                rows.append(row | {"quantity": quantity, "unit": unit, "p_value": p_value})
    return rows


def force_squares(dataset, old, new) -> list[np.ndarray]:
    """Of each molecule [conformers, atoms, 3]: squared error of both, and components known."""
    ranges, atoms = row_ranges(dataset)["position"], dataset["atom_count"].values
    reference = dataset["gradients"].values
    known = np.isfinite(reference).all(axis=1)
    columns = [
        np.where(known, ((p["predicted_gradients"].values[0] - reference) ** 2).sum(axis=1), 0.0)
        for p in (old, new)
    ]
    table = np.stack([*columns, 3.0 * known], axis=1)
    return [
        table[ranges[m] : ranges[m + 1]].reshape(-1, atoms[m], 3) for m in range(len(ranges) - 1)
    ]


def energy_squares(dataset, old, new) -> list[np.ndarray]:
    """Of each molecule [conformers, 1, 3]: squared error of energies relative to its mean."""
    first, found = row_ranges(dataset)["conformer"], []
    for m in range(len(first) - 1):
        here = slice(first[m], first[m + 1])
        reference = dataset["energy"].values[here]
        errors = [p["predicted_energy"].values[0, here] - reference for p in (old, new)]
        table = [(error - error.mean()) ** 2 for error in errors] + [np.ones(len(reference))]
        found.append(np.stack(table, axis=1)[:, None])
    return found


def subjects_of(dataset, squares: list[np.ndarray], groups: Groups | None) -> list[Subject]:
    """Splits, functional groups and molecules, in this order; `squares` as above."""
    names, splits = (dataset[key].values.astype(str) for key in ("molecule_id", "split"))
    whole = {m: table.sum(axis=1) for m, table in enumerate(squares)}
    found = [
        Subject("split", split, "", {m: whole[m] for m in np.flatnonzero(splits == split)})
        for split in SPLITS
        if (splits == split).any()
    ]
    of_groups: dict[str, dict] = {}
    for m, smiles in enumerate(dataset["mapped_smiles"].values):
        mol = molecule_from_mapped_smiles(str(smiles)) if groups else None
        for name, atoms in (groups(mol) if groups else {}).items():
            of_groups.setdefault(name, {})[m] = squares[m][:, list(atoms)].sum(axis=1)
    found += [Subject("group", name, "", pieces) for name, pieces in sorted(of_groups.items())]
    return found + [Subject("molecule", names[m], splits[m], {m: whole[m]}) for m in whole]


def compared(subject: Subject, draws: int, seed: int) -> dict:
    """Errors of both, their difference, its interval, and the p-value before any correction."""
    row = {"kind": subject.kind, "name": subject.name, "split": subject.split}
    total = sum(piece.sum(axis=0) for piece in subject.pieces.values())
    row["conformers"] = count = sum(len(piece) for piece in subject.pieces.values())
    nothing = dict.fromkeys(("old", "new", "difference", "low", "high", "p_value"), np.nan)
    if not total[2] > 0:
        return row | nothing
    old, new = np.sqrt(total[:2] / total[2])
    row |= nothing | {"old": float(old), "new": float(new), "difference": float(new - old)}
    if not np.isfinite(new - old) or count < 2:
        return row
    drawn, exchanged = resampled(subject, total, draws, seed)
    low, high = (float(x) for x in np.nanpercentile(drawn, [2.5, 97.5]))
    beyond = np.abs(exchanged) >= abs(new - old) * (1.0 - 1e-9)  # the draw that is the data itself
    p_value = (1 + beyond.sum()) / (1 + draws)
    return row | {"low": low, "high": high, "p_value": float(p_value)}


def resampled(subject: Subject, total, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Differences of RMSEs, [draws] each: of blocks of conformers drawn with replacement, and of
    the two force fields exchanged in each block at random.

    total: [3], sums over all pieces
    """
    sums, moved = np.zeros((draws, 3)), np.zeros(draws)
    for m, piece in subject.pieces.items():
        generator = np.random.default_rng(seed_of("changes", seed, int(m)))
        length = block_length(size := len(piece))
        # on a circle a block can begin anywhere; a draw weighs as much as the molecule does
        begun = sum(np.roll(piece, -k, axis=0) for k in range(length))
        count = -(-size // length)
        weights = np.full(size, 1.0 / size)
        starts = generator.multinomial(count, weights, size=draws)
        sums += starts @ begun * (size / (count * length))
        worse = np.add.reduceat(piece[:, 1] - piece[:, 0], np.arange(0, size, length))
        moved += generator.integers(0, 2, (draws, count)) @ worse
    with np.errstate(invalid="ignore"):  # a draw without a known force
        drawn = np.diff(np.sqrt(sums[:, :2] / sums[:, 2:]), axis=1)[:, 0]
    # sums of squares are positive but for rounding
    old, new = (np.maximum(x, 0.0) for x in (total[0] + moved, total[1] - moved))
    return drawn, (np.sqrt(new) - np.sqrt(old)) / np.sqrt(total[2])


def holm(p_values) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the order given; NaN stays, uncounted."""
    p_values = np.asarray(p_values, float)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    steps = p_values[order] * (len(order) - np.arange(len(order)))
    adjusted = np.full(len(p_values), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.tolist()


def compare_models(dataset, old_model, new_model, new, seed: int, groups: Groups | None):
    """(`changes`, rows of `parameter_shifts`) of two models of one rung.

    new: predictions of `new_model`, which the run has already
    raises: VersionError, if the old model was made for other features
    """
    old = rung_predictions("old", old_model, dataset)
    shifts = [gradient_shift(dataset, old, new)]
    if any(term != CORRECTION for term in new_model.settings["terms"]):
        parameters = (molecule_parameters(model, dataset) for model in (old_model, new_model))
        shifts += parameter_shifts(*parameters)
    return changes(dataset, old, new, seed, groups), shifts
