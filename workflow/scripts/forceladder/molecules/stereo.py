"""Whether a geometry is the stereoisomer that was drawn.

Only what the drawing specifies counts: amines invert freely and carry no tag. Each
stereocentre and double bond has one number, +1 in the ideal geometry of the drawing and −1
in that of its mirror image, and 0 half-way between them. A hot frame may come near to 0,
where it is neither; it is accepted until it is past 0 by more than UNDECIDABLE.
"""

import numpy as np
from rdkit import Chem

from forceladder.molecules.connectivity import atom_name

# Of the ideal. GFN2-xTB frames stay above 0.7 at 600 K, cyclopropanes included, and above
# 0.5 at 2000 K but for imines that really turn over.
UNDECIDABLE = 0.1

TETRAHEDRON = 16.0 / (3.0 * np.sqrt(3.0))  # six times its volume, corners at distance one
TRIGONAL_PLANE = 0.75  # sin² 120°: what two bonds across a double bond project on each other

CENTRE_SIGNS = {
    Chem.ChiralType.CHI_TETRAHEDRAL_CCW: 1.0,
    Chem.ChiralType.CHI_TETRAHEDRAL_CW: -1.0,
}
BOND_SIGNS = {
    Chem.BondStereo.STEREOZ: 1.0, Chem.BondStereo.STEREOCIS: 1.0,
    Chem.BondStereo.STEREOE: -1.0, Chem.BondStereo.STEREOTRANS: -1.0,
}  # fmt: skip


def stereo_change(mol: Chem.Mol, positions) -> str | None:
    """A phrase on the stereocentres and double bonds that are not as drawn, None if all are.

    mol: explicit hydrogens, stereo as drawn        positions: [atoms, 3]  Å
    """
    changes = [
        f"{what} is {inverted} ({value:+.2f} of the drawing's geometry)"
        for what, inverted, value in stereo_elements(mol, positions)
        if value < -UNDECIDABLE
    ]
    return ", ".join(changes[:4]) + (", …" if len(changes) > 4 else "") if changes else None


def stereo_elements(mol: Chem.Mol, positions) -> list[tuple[str, str, float]]:
    """Of all that is specified: its name, what its mirror image is called, its number in −1…1."""
    positions = np.asarray(positions, float)
    found = []
    for atom in mol.GetAtoms():
        if sign := CENTRE_SIGNS.get(atom.GetChiralTag()):
            neighbours = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]
            value = sign * handedness(positions[atom.GetIdx()], positions[neighbours])
            found.append((atom_name(mol, atom.GetIdx()), "inverted", value))
    for bond in mol.GetBonds():
        if sign := BOND_SIGNS.get(bond.GetStereo()):
            first, last = bond.GetStereoAtoms()
            begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            value = sign * cisness(*positions[[first, begin, end, last]])
            name = f"{atom_name(mol, begin)}={atom_name(mol, end)}"
            found.append((name, "E instead of Z" if sign > 0 else "Z instead of E", value))
    return found


def handedness(centre, neighbours) -> float:
    """Signed volume that the directions to three or four neighbours span, 1 for a tetrahedron's.

    Positive where, seen from the first neighbour, the others turn counterclockwise. With four
    it is zero when they lie in a plane, with three when that plane holds the centre.

    centre: [3]      neighbours: [3 or 4, 3]  in the order of the drawing's bonds
    """
    arms = neighbours - centre
    arms = arms / np.linalg.norm(arms, axis=1, keepdims=True)
    if len(arms) == 4:
        return float(np.linalg.det(arms[1:] - arms[0])) / -TETRAHEDRON
    return float(np.linalg.det(arms)) / (TETRAHEDRON / 4.0)


def cisness(first, begin, end, last) -> float:
    """How far two substituents of a double bond lie on one side: 1 for cis, −1 for trans.

    The product of their parts perpendicular to the bond, in units of two bonds at 120°:
    near zero where they are perpendicular, or where one lies in line with the bond.
    """
    axis = _unit(end - begin)
    arms = [_unit(first - begin), _unit(last - end)]
    across = [arm - (arm @ axis) * axis for arm in arms]
    return float(across[0] @ across[1]) / TRIGONAL_PLANE


def _unit(vector) -> np.ndarray:
    return vector / np.linalg.norm(vector)
