"""Which atoms of a geometry are bonded: to see whether a molecule is still itself."""

from functools import lru_cache

import numpy as np
from rdkit import Chem

# Two atoms are bonded when closer than 1.3 times the sum of their covalent radii
# (xyz2mol's rule), or than that sum plus 0.4 Å, which lets H2 vibrate (Open Babel: 0.45).
BOND_FACTOR = 1.3
BOND_MARGIN = 0.4  # Å

Bonds = list[tuple[int, int]]  # atoms i < j, sorted


def perceived_bonds(atomic_numbers, positions) -> set[tuple[int, int]]:
    """Pairs i < j that are close enough for a bond, by covalent radii (Cordero 2008, in RDKit).

    atomic_numbers: [atoms]        positions: [atoms, 3]  Å
    """
    reach = bond_reach(tuple(int(number) for number in atomic_numbers))
    positions = np.asarray(positions, float)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    return {(int(i), int(j)) for i, j in np.argwhere(np.triu(distance < reach, k=1))}


@lru_cache(maxsize=16)
def bond_reach(atomic_numbers: tuple) -> np.ndarray:
    """Distance below which two atoms are bonded, [atoms, atoms] Å."""
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRcovalent(number) for number in atomic_numbers])
    radius_sum = radii[:, None] + radii[None]
    return np.maximum(BOND_FACTOR * radius_sum, radius_sum + BOND_MARGIN)


def changed_bonds(mol: Chem.Mol, positions) -> tuple[Bonds, Bonds]:
    """Drawn bonds that the geometry has not, and bonds of the geometry that are not drawn."""
    drawn = {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}
    found = perceived_bonds([atom.GetAtomicNum() for atom in mol.GetAtoms()], positions)
    return sorted(drawn - found), sorted(found - drawn)


def atom_name(mol: Chem.Mol, atom: int) -> str:
    """Element and number from one, as in the mapped SMILES: 'C3'."""
    return f"{mol.GetAtomWithIdx(atom).GetSymbol()}{atom + 1}"


def phrase_of_changes(mol: Chem.Mol, broken: Bonds, formed: Bonds) -> str:
    """'O1-H2 broken, H2-N5 formed', cut after four."""
    changes = [(*bond, "broken") for bond in broken] + [(*bond, "formed") for bond in formed]
    phrases = [f"{atom_name(mol, i)}-{atom_name(mol, j)} {how}" for i, j, how in changes[:4]]
    return ", ".join(phrases) + (", …" if len(changes) > 4 else "")


def moved_protons(mol: Chem.Mol, broken: Bonds, formed: Bonds) -> str | None:
    """'H9 moved from O4 to N1' if hydrogens that changed their heavy atom are all that changed.

    A hydrogen within reach of two heavy atoms has not arrived, but has left: it is 'shared'.
    None where nothing or anything else changed: a lost hydrogen, H2, a bond of heavy atoms.
    """
    is_hydrogen = [atom.GetAtomicNum() == 1 for atom in mol.GetAtoms()]
    left, reached = {}, {}
    for bonds, partners in ((broken, left), (formed, reached)):
        for i, j in bonds:
            if is_hydrogen[i] == is_hydrogen[j]:
                return None
            hydrogen, heavy = (i, j) if is_hydrogen[i] else (j, i)
            partners.setdefault(hydrogen, []).append(heavy)
    phrases = []
    for hydrogen in sorted(left | reached):
        owner = [atom.GetIdx() for atom in mol.GetAtomWithIdx(hydrogen).GetNeighbors()]
        goal = reached.get(hydrogen, [])
        if len(owner) != 1 or is_hydrogen[owner[0]] or len(goal) != 1:
            return None
        names = [atom_name(mol, atom) for atom in (hydrogen, *owner, *goal)]
        how = "{} moved from {} to {}" if hydrogen in left else "{} is shared by {} and {}"
        phrases.append(how.format(*names))
    return ", ".join(phrases) or None


def connectivity_change(mol: Chem.Mol, positions) -> str | None:
    """A phrase on how perceived and drawn bonds differ, None if they agree."""
    broken, formed = changed_bonds(mol, positions)
    return phrase_of_changes(mol, broken, formed) or None
