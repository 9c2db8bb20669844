"""Lennard-Jones parameters from a cited SMIRKS table."""

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from rdkit import Chem

from forceladder.errors import MoleculeError

TABLE = Path(__file__).with_name("lennard_jones_sage.csv")


@lru_cache
def table() -> list[tuple[Chem.Mol, float, float]]:
    """(pattern, σ in Å, ε in kcal/mol) in file order; σ = 2 (Rmin/2) / 2^(1/6)."""
    with open(TABLE) as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return [
            (
                Chem.MolFromSmarts(row["smirks"]),
                2.0 * float(row["rmin_half"]) / 2.0 ** (1.0 / 6.0),
                float(row["epsilon"]),
            )
            for row in rows
        ]


def lennard_jones_parameters(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray]:
    """σ [atoms] Å and ε [atoms] kcal/mol; the last pattern that matches an atom wins.

    raises: MoleculeError no_lennard_jones_type
    """
    sigma = np.full(mol.GetNumAtoms(), np.nan)
    epsilon = np.full(mol.GetNumAtoms(), np.nan)
    for pattern, pattern_sigma, pattern_epsilon in table():
        labelled = next(a.GetIdx() for a in pattern.GetAtoms() if a.GetAtomMapNum() == 1)
        matches = mol.GetSubstructMatches(pattern, uniquify=False, maxMatches=100_000)
        atoms = [match[labelled] for match in matches]
        sigma[atoms], epsilon[atoms] = pattern_sigma, pattern_epsilon
    if np.isnan(sigma).any():
        atom = mol.GetAtomWithIdx(int(np.flatnonzero(np.isnan(sigma))[0]))
        raise MoleculeError(
            "no_lennard_jones_type",
            f"no row of {TABLE.name} matches atom {atom.GetIdx() + 1} ({atom.GetSymbol()}).",
        )
    return sigma, epsilon
