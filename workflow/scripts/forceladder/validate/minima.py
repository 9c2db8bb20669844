"""A method's minima against the reference's: RMSD, torsion fingerprints, energy differences.

As in OpenFF's benchmarks (Lim et al., F1000Research 9, 1390, 2020; D'Amore et al., J. Chem. Inf.
Model. 62, 6094, 2022): each minimum of the reference is relaxed by the method, and compared
with where it began.
"""

import numpy as np
from rdkit import Chem
from rdkit.Chem import TorsionFingerprints, rdMolAlign

from forceladder.molecules.positions import with_positions

# Symmetries that RDKit tries; all those of three methyls are 216, so this is for long alkyls
MOST_SYMMETRIES = 10_000


def geometry_errors(mol: Chem.Mol, reference, positions) -> dict:
    """How far a geometry is from the reference's of the same molecule.

    rmsd        Å, all atoms, best superposition of all symmetries of the molecule, hydrogens of
                a methyl among them
    heavy_rmsd  the same of heavy atoms; missing where there is one
    tfd         torsion fingerprint deviation, 0 to 1 (Schulz-Gasch et al., J. Chem. Inf. Model.
                52, 1499, 2012; RDKit's defaults); missing where no torsion between heavy atoms is

    mol: explicit hydrogens      reference, positions: [atoms, 3] Å
    """
    one, other = (with_positions(mol, x) for x in (positions, reference))
    errors = {"rmsd": best_rmsd(one, other)}
    if mol.GetNumHeavyAtoms() > 1:
        errors["heavy_rmsd"] = best_rmsd(*(Chem.RemoveAllHs(m) for m in (one, other)))
    try:
        errors["tfd"] = float(TorsionFingerprints.GetTFDBetweenMolecules(one, other))
    except IndexError:  # RDKit's way to say that there is no torsion
        pass
    return errors


def best_rmsd(mol: Chem.Mol, reference: Chem.Mol) -> float:
    """Å, after the best superposition over symmetries; mol is moved."""
    return float(rdMolAlign.GetBestRMS(mol, reference, maxMatches=MOST_SYMMETRIES))


def energy_differences(reference, energies) -> np.ndarray:
    """ddE [minima] kcal/mol: energies above that of the reference's lowest minimum, the method's
    less the reference's; NaN for that minimum itself, where it is zero by definition.

    reference, energies: [minima] kcal/mol, NaN where the method has none
    """
    lowest = int(np.argmin(reference))
    difference = (energies - energies[lowest]) - (reference - reference[lowest])
    difference[lowest] = np.nan
    return difference
