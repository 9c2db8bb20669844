"""What a training set says of the data that a release was made from."""

from collections import Counter
from typing import NamedTuple

import xarray
from rdkit import Chem

from forceladder.molecules.domain import Domain, domain_of
from forceladder.training_set.dataset import arrays_digest, provenance


class Contents(NamedTuple):
    """molecules: rows of id, smiles, net_charge, split, level_of_theory; domain: what those that
    were fitted to cover; kinds of geometries and how many of each; provenance of imports by
    name; digest of all arrays."""

    molecules: list[dict]
    domain: Domain
    kinds: dict[str, int]
    imports: dict[str, dict]
    digest: str


def contents_of(dataset: xarray.Dataset) -> Contents:
    """Of a training set, the run's own molecules and the imported ones alike."""
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
    fitted = dataset["mapped_smiles"].values[dataset["split"].values == "train"]
    return Contents(
        molecules,
        domain_of(map(str, fitted)),
        dict(Counter(map(str, dataset["geometry_kind"].values))),
        provenance(dataset).get("imports", {}),
        arrays_digest(dataset),
    )


def plain_smiles(mapped: str) -> str:
    """A mapped SMILES without its map numbers and hydrogens."""
    mol = Chem.MolFromSmiles(mapped)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return Chem.MolToSmiles(Chem.RemoveHs(mol))
