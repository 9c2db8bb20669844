"""Which molecule a block of geometries is: from the file's SMILES, else from its atoms.

Atoms keep the order of the file: in a training set the map numbers of a mapped SMILES are
atom rows + 1, whatever the order.
"""

from collections import Counter, defaultdict

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from forceladder.errors import ConfigError, MoleculeError
from forceladder.molecules.connectivity import perceived_bonds
from forceladder.molecules.read import (
    check_elements,
    checked_mapped_molecule,
    checked_multiplicity,
    clear_false_centres,
    description,
    parse,
    require_one_molecule,
)

MAX_TRIALS = 1_000  # of bond orders; 250 molecules of QM7-X need at most five
MORE_ORDERS = 6
# A few frames that differ by a shifted atom from a much larger group are its hot frames, not
# an isomer of their own: one bond broken, one formed, and one pair too close.
STRAY_SHARE = 0.1
STRAY_BONDS = 3


def identified(said: dict, conformers: list[dict], charge: int, elements: list[str]) -> dict:
    """The molecule that a file speaks of, as `molecules.read.read_row` describes one.

    said, conformers: as a reader yields them      charge: e, where the file says none
    returns: mapped_smiles, smiles, inchikey, formula, net_charge, multiplicity
    raises: MoleculeError with code parse_failed, single_atom, several_components, isotope_label,
        element_not_allowed, atoms_disagree, not_perceived, charge_mismatch,
        impossible_multiplicity or no_inchikey
    """
    if "unreadable" in said:
        raise MoleculeError("parse_failed", said["unreadable"])
    numbers = [int(number) for number in said["atomic_numbers"]]
    if len(numbers) == 1:
        raise MoleculeError("single_atom", "one atom has no geometry, so nothing can be fitted.")
    asked = said.get("net_charge")
    if "mapped_smiles" in said:
        mol = checked_mapped_molecule(said["mapped_smiles"], numbers)
    elif "smiles" in said:
        mol = molecule_of_smiles(said["smiles"], numbers, least_strained(conformers))
    else:
        asked = charge if asked is None else asked
        mol = perceived_molecule(numbers, least_strained(conformers), int(asked))
    check_elements(mol, elements)
    net_charge = Chem.GetFormalCharge(mol)
    if asked is not None and int(asked) != net_charge:
        raise MoleculeError(
            "charge_mismatch",
            f"the file says charge {int(asked)}, the formal charges of its SMILES add up to "
            f"{net_charge}.",
        )
    named = description(mol)
    if not named["inchikey"]:
        raise MoleculeError("no_inchikey", "it has no InChIKey, so no split can be drawn for it.")
    return named | {"multiplicity": checked_multiplicity(mol, said.get("multiplicity"))}


def least_strained(conformers: list[dict]) -> np.ndarray:
    """Positions [atoms, 3] Å of the conformer of lowest energy."""
    return min(conformers, key=lambda conformer: conformer["energy"])["positions"]


def molecule_of_smiles(smiles: str, numbers: list[int], positions) -> Chem.Mol:
    """The molecule of a SMILES, its atoms in the order of a geometry, stereo from there too.

    positions: [atoms, 3] Å; the bonds perceived in it must be those of the SMILES
    """
    drawn = Chem.AddHs(parse(smiles, "smiles"))
    ours = skeleton(
        [atom.GetAtomicNum() for atom in drawn.GetAtoms()],
        [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in drawn.GetBonds()],
    )
    if sorted(numbers) != sorted(atom.GetAtomicNum() for atom in ours.GetAtoms()):
        raise MoleculeError("atoms_disagree", f"the atoms of the file are not those of {smiles}.")
    theirs = skeleton(numbers, perceived_bonds(numbers, positions))
    same = ours.GetNumBonds() == theirs.GetNumBonds()
    row_of = theirs.GetSubstructMatch(ours) if same else ()
    if not row_of:
        raise MoleculeError(
            "atoms_disagree",
            f"the bonds of its least strained geometry are not those of {smiles}.",
        )
    mol = Chem.RenumberAtoms(drawn, np.argsort(row_of).tolist())
    return with_stereo_of(mol, positions)


def perceived_molecule(numbers: list[int], positions, charge: int) -> Chem.Mol:
    """The molecule that a geometry shows (xyz2mol: Kim and Kim, Bull. Korean Chem. Soc. 36,
    1769, 2015; RDKit's implementation), all its electrons paired.

    RDKit's answer depends on the order of the atoms: in most orders it finds none for
    nitrobenzene. So several are asked, and the answer with the fewest charges is taken.

    positions: [atoms, 3] Å      charge: e, of all atoms together
    """
    bonds = perceived_bonds(numbers, positions)
    require_one_molecule(skeleton(numbers, bonds))
    random = np.random.default_rng(0)
    rows = np.arange(len(numbers))
    orders = [rows, rows[::-1], *(random.permutation(rows) for _ in range(MORE_ORDERS))]
    found = [mol for order in orders if (mol := with_bond_orders(numbers, bonds, order, charge))]
    if not found:
        raise MoleculeError(
            "not_perceived",
            f"no bond orders without unpaired electrons fit its least strained geometry with "
            f"charge {charge}.",
        )
    return with_stereo_of(min(found, key=charged_atoms), positions)


def with_bond_orders(numbers, bonds, order, charge: int) -> Chem.Mol | None:
    """What RDKit makes of a skeleton when its atoms come in `order`; None if nothing."""
    place = np.argsort(order)
    mol = skeleton(np.array(numbers)[order], [(place[i], place[j]) for i, j in bonds])
    for atom in mol.GetAtoms():
        atom.SetNoImplicit(True)
    try:
        rdDetermineBonds.DetermineBondOrders(
            mol, charge=charge, embedChiral=False, maxIterations=MAX_TRIALS
        )
        Chem.SanitizeMol(mol)
    except (ValueError, RuntimeError):
        return None
    if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()):
        return None
    return Chem.RenumberAtoms(mol.GetMol(), place.tolist())


def charged_atoms(mol: Chem.Mol) -> int:
    return sum(atom.GetFormalCharge() != 0 for atom in mol.GetAtoms())


def skeleton(numbers, bonds) -> Chem.RWMol:
    """Atoms and which of them are bonded; every bond single, no charges, no hydrogens implied."""
    mol = Chem.RWMol()
    for number in numbers:
        mol.AddAtom(Chem.Atom(int(number)))
    for i, j in sorted(bonds):
        mol.AddBond(int(i), int(j), Chem.BondType.SINGLE)
    return mol


def with_stereo_of(mol: Chem.Mol, positions) -> Chem.Mol:
    """The molecule with the stereochemistry of a geometry, [atoms, 3] Å, and without it."""
    mol = Chem.Mol(mol)
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.array(positions, float))
    mol.AddConformer(conformer)
    Chem.AssignStereochemistryFrom3D(mol)
    mol.RemoveAllConformers()
    clear_false_centres(mol)
    return mol


def groups_by_bonds(numbers, frames, energies, charge: int) -> list[list[int]]:
    """Rows of frames that show the same molecule, one list per molecule, in order.

    Isomers may have the same atoms in the same order, so the perceived bonds decide. Bonds
    that make no molecule, and a few frames that differ little from many others, belong to the
    molecule nearest to them: their bonds changed.

    numbers: [atoms]      frames: [frames, atoms, 3] Å      energies: [frames] kcal/mol
    """
    by_bonds = defaultdict(list)
    for row, positions in enumerate(frames):
        by_bonds[frozenset(perceived_bonds(numbers, positions))].append(row)
    founders = {}  # bonds → rows with exactly these bonds
    members = {}
    for bonds, rows in sorted(by_bonds.items(), key=lambda item: (-len(item[1]), item[1][0])):
        near = min(founders, key=lambda other: len(bonds ^ other), default=None)
        if near is not None:
            stray = len(rows) <= STRAY_SHARE * len(founders[near])
            if (stray and len(bonds ^ near) <= STRAY_BONDS) or not is_perceived(
                numbers, frames[min(rows, key=lambda row: energies[row])], charge
            ):
                members[near] += rows
                continue
        founders[bonds], members[bonds] = rows, list(rows)
    return sorted(sorted(rows) for rows in members.values())


def is_perceived(numbers, positions, charge: int) -> bool:
    """Whether a geometry shows a molecule."""
    try:
        perceived_molecule(numbers, positions, charge)
    except MoleculeError:
        return False
    return True


def atomic_number(symbol: str) -> int:
    """Of an element's symbol; ConfigError for what is none, such as a ghost atom's."""
    try:
        return Chem.GetPeriodicTable().GetAtomicNumber(symbol.capitalize())
    except RuntimeError:
        raise ConfigError(f"{symbol!r} is no element; take such records out of the file.") from None


def formula_label(numbers) -> str:
    """Name of a molecule that has none: its formula in Hill's order, 'C2H6O'."""
    table = Chem.GetPeriodicTable()
    count = Counter(table.GetElementSymbol(int(number)) for number in numbers)
    first = [symbol for symbol in ("C", "H") if "C" in count and symbol in count]
    order = first + sorted(set(count) - set(first))
    return "".join(symbol + (str(count[symbol]) if count[symbol] > 1 else "") for symbol in order)
