"""Diverse minimized conformers: ETKDG, a force-field minimization, RMSD pruning."""

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign

from forceladder.errors import MoleculeError
from forceladder.job import seed_of


def minimized_conformers(
    mol: Chem.Mol, count: int, candidates: int, prune_rmsd: float, seed: int
) -> list[np.ndarray]:
    """At most `count` minima, lowest energy first, no two within `prune_rmsd` of each other.

    ETKDGv3 (Riniker & Landrum, J. Chem. Inf. Model. 55, 2562, 2015) embeds `candidates`
    geometries; MMFF94s minimizes them, or UFF where MMFF94s lacks an atom type; a
    candidate is dropped if its heavy-atom and polar-hydrogen RMSD to one kept before it
    is below `prune_rmsd` Å, symmetry considered.

    returns: list of positions [atoms, 3], Å
    raises: MoleculeError conformer_failed
    """
    mol = Chem.Mol(mol)
    settings = AllChem.ETKDGv3()
    settings.randomSeed = seed_of("conformers", seed, Chem.MolToSmiles(mol))
    settings.maxIterations = 200
    settings.numThreads = 1  # the same conformers on every machine
    if len(AllChem.EmbedMultipleConfs(mol, candidates, settings)) == 0:
        settings.useRandomCoords = True  # helps strained rings and cages
        if len(AllChem.EmbedMultipleConfs(mol, candidates, settings)) == 0:
            raise MoleculeError("conformer_failed", "RDKit's ETKDG found no geometry for it.")
    energies = minimize(mol)
    shape = without_carbon_hydrogens(mol)
    kept: list[int] = []
    for candidate in np.argsort(energies, kind="stable"):
        if len(kept) == count:
            break
        if all(
            rdMolAlign.GetBestRMS(shape, shape, int(candidate), other, maxMatches=1000)
            >= prune_rmsd
            for other in kept
        ):
            kept.append(int(candidate))
    return [mol.GetConformer(i).GetPositions() for i in kept]


def without_carbon_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    """A copy without the hydrogens on carbon: OH and NH rotors count as shape, CH3 does not."""
    editable = Chem.RWMol(mol)
    for atom in reversed(list(mol.GetAtoms())):
        if atom.GetAtomicNum() == 1 and any(n.GetAtomicNum() == 6 for n in atom.GetNeighbors()):
            editable.RemoveAtom(atom.GetIdx())
    return editable.GetMol()


def minimize(mol: Chem.Mol) -> np.ndarray:
    """Minimize every conformer in place; returns energies [conformers], kcal/mol.

    A conformer that does not converge keeps its last geometry: QM will judge it.
    """
    if AllChem.MMFFHasAllMoleculeParams(mol):
        results = AllChem.MMFFOptimizeMoleculeConfs(mol, maxIters=2000, mmffVariant="MMFF94s")
    elif AllChem.UFFHasAllMoleculeParams(mol):
        results = AllChem.UFFOptimizeMoleculeConfs(mol, maxIters=2000)
    else:
        return np.zeros(mol.GetNumConformers())
    return np.array([energy for _, energy in results])
