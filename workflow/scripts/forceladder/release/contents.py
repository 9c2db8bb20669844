"""What a training set says of the data that a release was made from."""

import json
from collections import Counter
from typing import NamedTuple

import numpy as np
from rdkit import Chem

from forceladder import files


class Contents(NamedTuple):
    """molecules: rows of id, smiles, net_charge, split, level_of_theory; elements of those that
    were fitted to; kinds of geometries and how many of each; provenance of imports by name."""

    molecules: list[dict]
    elements: list[str]
    kinds: dict[str, int]
    imports: dict[str, dict]


def contents_of(training_set) -> Contents:
    """Read a training set, the run's own molecules and the imported ones alike."""
    dataset = files.read_netcdf(training_set)
    names = ("molecule_id", "mapped_smiles", "net_charge", "split", "level_of_theory")
    molecules = [
        {
            "id": str(name),
            "smiles": plain_smiles(str(mapped)),
            "net_charge": int(charge),
            "split": str(split),
            "level_of_theory": str(level),
        }
        for name, mapped, charge, split, level in zip(
            *(dataset[name].values for name in names), strict=True
        )
    ]
    fitted = np.repeat(dataset["split"].values == "train", dataset["atom_count"].values)
    table = Chem.GetPeriodicTable()
    numbers = np.unique(dataset["atomic_number"].values[fitted])
    return Contents(
        molecules,
        sorted(table.GetElementSymbol(int(number)) for number in numbers),
        dict(Counter(map(str, dataset["geometry_kind"].values))),
        json.loads(dataset.attrs["provenance"]).get("imports", {}),
    )


def plain_smiles(mapped: str) -> str:
    """A mapped SMILES without its map numbers and hydrogens."""
    mol = Chem.MolFromSmiles(mapped)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return Chem.MolToSmiles(Chem.RemoveHs(mol))
