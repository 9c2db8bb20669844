"""Errors against the reference per functional group, with bootstrap intervals."""

import numpy as np

from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.training_set.dataset import SPLITS
from forceladder.validate.bootstrap import pooled_rmse
from forceladder.validate.errors import Errors, columns, errors_of_each
from forceladder.validate.groups import functional_groups, group_table


def group_errors(dataset, predictions, seed: int) -> list[dict]:
    """One row per method, functional group and split that has it, in the order of the table.

    molecules, atoms  that have the group, and that make it up; molecules for which the method has
                      no parameters are left out
    force_rmse        kcal/mol/Å, per component, over the atoms of the group
    energy_rmse       kcal/mol, of the molecules that have it, relative to each one's mean
    …_low, …_high     95 % interval over molecules, None with fewer than three
    """
    members = group_members(dataset)
    errors: dict[str, list[Errors]] = {}
    for one in errors_of_each(dataset, predictions):
        errors.setdefault(one.method, []).append(one)
    table = []
    for method, by_molecule in errors.items():
        for (group, split), atoms_of in members.items():
            known = [m for m in atoms_of if np.isfinite(by_molecule[m].energy).all()]
            table.append(
                {
                    "method": method, "group": group, "split": split,
                    "molecules": len(known), "atoms": sum(len(atoms_of[m]) for m in known),
                    **_pooled([by_molecule[m] for m in known], [atoms_of[m] for m in known],
                              seed, split),
                }
            )  # fmt: skip
    return table


def group_members(dataset) -> dict[tuple[str, str], dict[int, list[int]]]:
    """(group, split) → molecule → rows of its atoms that belong to the group."""
    found: dict[tuple[str, str], dict[int, list[int]]] = {}
    for m, smiles in enumerate(dataset["mapped_smiles"].values):
        split = str(dataset["split"].values[m])
        for group, atoms in functional_groups(molecule_from_mapped_smiles(str(smiles))).items():
            found.setdefault((group, split), {})[m] = atoms
    order = [(row["group"], split) for row in group_table() for split in SPLITS]
    return {key: found[key] for key in order if key in found}


def _pooled(errors: list[Errors], atoms: list[list[int]], *seed) -> dict:
    """Columns of forces on some atoms of each molecule and of its energies."""
    square = np.array(
        [(e.force[:, rows] ** 2).sum() for e, rows in zip(errors, atoms, strict=True)]
    )
    components = 3 * np.array(
        [e.known[:, rows].sum() for e, rows in zip(errors, atoms, strict=True)]
    )
    some = components > 0  # molecules may have energies alone
    force = pooled_rmse(square[some], components[some], *seed)
    energy = pooled_rmse(
        [(e.energy**2).sum() for e in errors], [len(e.energy) for e in errors], *seed
    )
    return columns("force", *force) | columns("energy", *energy)
