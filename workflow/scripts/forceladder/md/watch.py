"""Whether a molecule is still itself: looked at along a trajectory, every few femtoseconds."""

import numpy as np
from rdkit import Chem

from forceladder.md.stability import BROKEN_BOND
from forceladder.molecules.connectivity import atom_name, bond_reach, phrase_of_changes
from forceladder.molecules.stereo import stereo_change

ALIVE = "alive"
NOT_A_NUMBER = "not_a_number"  # positions are no numbers any more
BOND = "bond"  # longer or shorter by BROKEN_BOND than in the reference data
CONNECTIVITY = "connectivity"  # atoms parted or met that do neither in the reference data
STEREO = "stereo"  # another stereoisomer than was drawn
METHOD_FAILED = "method_failed"  # the method gave no energy
NO_PARAMETERS = "no_parameters"  # the method cannot describe the molecule; no trajectory
DEATHS = (BOND, NOT_A_NUMBER, CONNECTIVITY, STEREO, METHOD_FAILED)
AT_ONCE = (BOND, NOT_A_NUMBER, METHOD_FAILED)  # the others must last: vibration passes them


class Watch:
    """What is looked for in one molecule, learned from its reference data.

    A pair of atoms may part only if it is bonded in all of the reference data, and meet only if
    it is bonded in none: cages and hot frames bring atoms near that are not bonded. Lengths are
    measured from the data's mean, never from the force field's own idea of a bond.

    mol: explicit hydrogens, stereo as drawn      bonds: [bonds, 2]
    reference: positions [conformers, atoms, 3] Å
    """

    def __init__(self, mol: Chem.Mol, bonds, reference):
        self.mol = mol
        self.bonds = np.reshape(bonds, (-1, 2)).astype(int)
        reference = np.asarray(reference, float)
        self.lengths = np.mean([bond_lengths(x, self.bonds) for x in reference], axis=0)
        self.reach = bond_reach(tuple(atom.GetAtomicNum() for atom in mol.GetAtoms()))
        near = np.array([distances(x) < self.reach for x in reference])
        drawn = np.zeros(self.reach.shape, bool)
        drawn[tuple(self.bonds.T)] = drawn[tuple(self.bonds.T[::-1])] = True
        upper = np.triu(np.ones_like(drawn), k=1)
        self.may_part = drawn & near.all(axis=0) & upper
        self.may_meet = ~drawn & ~near.any(axis=0) & upper
        self.has_stereo = any(
            atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in mol.GetAtoms()
        ) or any(bond.GetStereo() > Chem.BondStereo.STEREOANY for bond in mol.GetBonds())

    def look(self, positions) -> tuple[float, str, str]:
        """Largest bond deviation (Å), what is wrong (ALIVE if nothing), and a phrase about it.

        positions: [atoms, 3] Å
        """
        if not np.isfinite(positions).all():
            return np.nan, NOT_A_NUMBER, "positions are no numbers"
        off = bond_lengths(positions, self.bonds) - self.lengths
        deviation = float(np.abs(off).max(initial=0.0))
        if deviation > BROKEN_BOND:
            worst = int(np.abs(off).argmax())
            i, j = (atom_name(self.mol, int(atom)) for atom in self.bonds[worst])
            how = "longer" if off[worst] > 0 else "shorter"
            return deviation, BOND, f"{i}-{j} {abs(off[worst]):.2f} Å {how} than in the data"
        near = distances(positions) < self.reach
        parted, met = self.may_part & ~near, self.may_meet & near
        if parted.any() or met.any():
            changes = ([tuple(map(int, pair)) for pair in np.argwhere(a)] for a in (parted, met))
            return deviation, CONNECTIVITY, phrase_of_changes(self.mol, *changes)
        if self.has_stereo and (change := stereo_change(self.mol, positions)):
            return deviation, STEREO, change
        return deviation, ALIVE, ""


def bond_lengths(positions, bonds) -> np.ndarray:
    """[…, bonds] Å of positions […, atoms, 3]."""
    bonds = np.reshape(bonds, (-1, 2)).astype(int)
    return np.linalg.norm(positions[..., bonds[:, 0], :] - positions[..., bonds[:, 1], :], axis=-1)


def distances(positions) -> np.ndarray:
    """[atoms, atoms] Å."""
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)
