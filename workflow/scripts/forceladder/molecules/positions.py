"""A molecule at a geometry, as RDKit wants it."""

import numpy as np
from rdkit import Chem


def with_positions(mol: Chem.Mol, positions) -> Chem.Mol:
    """A copy with one conformer, positions [atoms, 3] Å."""
    copy = Chem.Mol(mol, True)  # without conformers
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.ascontiguousarray(positions, float))
    copy.AddConformer(conformer)
    return copy
