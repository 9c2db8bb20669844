"""Functional groups of a molecule, by the SMARTS of functional_groups.csv."""

import csv
from functools import lru_cache
from pathlib import Path

from rdkit import Chem

TABLE = Path(__file__).with_name("functional_groups.csv")


@lru_cache
def group_table() -> tuple[dict, ...]:
    """Rows of functional_groups.csv in its order, each a dict of its columns."""
    with open(TABLE, newline="") as file:
        return tuple(csv.DictReader(line for line in file if not line.startswith("#")))


@lru_cache
def patterns() -> dict[str, tuple[Chem.Mol, tuple[int, ...]]]:
    """Name → its SMARTS, and which atoms of it belong to the group (they have a map number)."""
    found = {}
    for row in group_table():
        pattern = Chem.MolFromSmarts(row["smarts"])
        mapped = tuple(atom.GetIdx() for atom in pattern.GetAtoms() if atom.GetAtomMapNum())
        found[row["group"]] = (pattern, mapped)
    return found


def functional_groups(mol: Chem.Mol) -> dict[str, list[int]]:
    """Group → sorted rows of all atoms of the molecule that belong to one, hydrogens on them too.

    Groups that the molecule lacks are left out; an atom may be in several, or in none.

    mol: with explicit hydrogens
    """
    found = {}
    for name, (pattern, mapped) in patterns().items():
        matches = mol.GetSubstructMatches(pattern, maxMatches=mol.GetNumAtoms() ** 2)
        heavy = {match[k] for match in matches for k in mapped}
        if heavy:
            found[name] = sorted(heavy | _hydrogens(mol, heavy))
    return found


def _hydrogens(mol: Chem.Mol, atoms: set[int]) -> set[int]:
    """Rows of the hydrogens that are bonded to some atoms."""
    return {
        neighbour.GetIdx()
        for row in atoms
        for neighbour in mol.GetAtomWithIdx(row).GetNeighbors()
        if neighbour.GetAtomicNum() == 1
    }
