"""Molecules and calculations that the tests share."""

import numpy as np
from rdkit import Chem

from forceladder.molecules.read import molecule_from_mapped_smiles, read_row
from forceladder.qm.datasets import qcschema_molecule
from forceladder.units import BOHR_IN_ANGSTROM

ELEMENTS = ["H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I"]
FRACTIONS = {"validation": 0.1, "test": 0.1}

# Rings, charges, radicals, stereo of each kind, every element, resonance, linear groups.
SMILES = """
    CCO CC(=O)[O-] CC(=O)Nc1ccc(O)cc1 CN1C=NC2=C1C(=O)N(C(=O)N2C)C C[C@H](N)C(=O)O
    N[C@@H](Cc1ccc(O)cc1)C(=O)O OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O F/C=C/F
    C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc34)[C@@H]1CC[C@@H]2O F/C=C\\F C/C=C/C=C\\C C/C(F)=C(/Cl)Br
    c1ccc2[nH]ccc2c1 c1cc[nH+]cc1 [O-][n+]1ccccc1 Cn1cc[n+](C)c1 CS(=O)(=O)[O-] COP(=O)(OC)OC
    C[S@](=O)c1ccccc1 c1ccsc1 OP(O)c1ccccc1 BrC1CC1 IC#C N#Cc1ccccc1 C#CC#C C[N+](=O)[O-] C[NH3+]
    NC(N)=[NH2+] [O-]C(=O)/C=C/C(=O)[O-] C[C@H]1CC[C@@H](C)CC1 C[C@H]1CC[C@H](C)CC1
    C[C@@H](O)[C@H](C)O C[C@@H](O)[C@@H](C)O c1cc2cccccc-2c1 O=c1cc[nH]cc1 O=C1C=CC(=O)C=C1
    [H]/N=C(\\C)N C/C=N/O CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O [CH3] [O][O]
    CN=[N+]=[N-] C1CN2CCC1CC2 COP(=O)([O-])OCC CN1CCC[C@H]1c1cccnc1 O=C(O)c1ccccc1OC(C)=O
    FC(F)(F)c1ccccc1 CCCC[P+](C)(C)C CSSC O=S=O c1ccc2c(c1)-c1ccccc1-2 [OH-] [H][H] O C CC=C=O
""".split()


# Every key of the config's geometries.torsion_scans; a test lays its own over them.
TORSION_SCANS = {
    "by_rule": False, "named": {}, "methyl_rotors": False, "max_scans_per_molecule": 4,
    "max_2d_scans_per_molecule": 0, "spacing_degrees": 15, "spacing_2d_degrees": 30,
    "max_steps": 100,
}  # fmt: skip


def read(smiles: str, **columns) -> dict:
    """The molecule of a SMILES, as the workflow reads it."""
    row = {"id": "example", "source": smiles, "format": "smiles", **columns}
    return read_row(row, ELEMENTS, max_atoms=200, split_fractions=FRACTIONS)


def mol_of(smiles: str) -> Chem.Mol:
    return molecule_from_mapped_smiles(read(smiles)["mapped_smiles"])


def qc_molecule(smiles: str, positions, kind: str = "conformer", temperature=0.0) -> dict:
    """The qcschema molecule of a SMILES; positions [atoms, 3] Å, in the order of `mol_of`."""
    geometry = {"positions": positions, "kind": kind, "temperature": temperature}
    return qcschema_molecule(mol_of(smiles), read(smiles), geometry)


def bare_molecule(symbols, geometry, charge: int = 0, multiplicity: int = 1) -> dict:
    """As much of a qcschema molecule as a task needs; geometry in Bohr."""
    return {
        "symbols": list(symbols),
        "geometry": np.ravel(geometry).tolist(),
        "molecular_charge": charge,
        "molecular_multiplicity": multiplicity,
    }


# Å; bond 0.96 Å and angle 104.5°, askew to the axes so that no component is zero by symmetry
WATER = np.array([[0.1, 0.2, -0.1], [0.75, -0.35, 0.35], [-0.65, -0.30, 0.25]])
WATER_BOHR = WATER / BOHR_IN_ANGSTROM


def zigzag_alkane(carbons: int) -> dict:
    """An all-anti alkane without hydrogens' torsions to search: a task of any size at once."""
    symbols, positions = [], []
    for i in range(carbons):
        up = 0.42 if i % 2 else -0.42
        x = 1.26 * i
        symbols += ["C", "H", "H"]
        positions += [[x, up, 0.0], [x, 1.5 * up + 0.41 * np.sign(up), 0.89]]
        positions += [[x, 1.5 * up + 0.41 * np.sign(up), -0.89]]
    for x, i in ((-0.9, 0), (1.26 * (carbons - 1) + 0.9, carbons - 1)):
        symbols.append("H")
        positions.append([x, 0.2 if i % 2 == 0 else -0.2, 0.0])
    return bare_molecule(symbols, np.array(positions) / BOHR_IN_ANGSTROM)
