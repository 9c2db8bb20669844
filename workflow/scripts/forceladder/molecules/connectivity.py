"""Which atoms of a geometry are bonded: to see whether a molecule is still itself."""

import numpy as np
from rdkit import Chem

# Two atoms are bonded when closer than 1.3 times the sum of their covalent radii
# (xyz2mol's rule), or than that sum plus 0.4 Å, which lets H2 vibrate (Open Babel: 0.45).
BOND_FACTOR = 1.3
BOND_MARGIN = 0.4  # Å


def perceived_bonds(atomic_numbers, positions) -> set[tuple[int, int]]:
    """Pairs i < j that are close enough for a bond, by covalent radii (Cordero 2008, in RDKit).

    atomic_numbers: [atoms]        positions: [atoms, 3]  Å
    """
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRcovalent(int(number)) for number in atomic_numbers])
    positions = np.asarray(positions, float)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    radius_sum = radii[:, None] + radii[None]
    close = distance < np.maximum(BOND_FACTOR * radius_sum, radius_sum + BOND_MARGIN)
    return {(int(i), int(j)) for i, j in np.argwhere(np.triu(close, k=1))}


def connectivity_change(mol: Chem.Mol, positions) -> str | None:
    """A phrase on how perceived and drawn bonds differ, None if they agree."""
    drawn = {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()}
    found = perceived_bonds([atom.GetAtomicNum() for atom in mol.GetAtoms()], positions)
    if drawn == found:
        return None
    name = [f"{atom.GetSymbol()}{atom.GetIdx() + 1}" for atom in mol.GetAtoms()]
    changes = [f"{name[i]}-{name[j]} broken" for i, j in sorted(drawn - found)]
    changes += [f"{name[i]}-{name[j]} formed" for i, j in sorted(found - drawn)]
    return ", ".join(changes[:4]) + (", …" if len(changes) > 4 else "")
