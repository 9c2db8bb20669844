"""Whatever a user calls a molecule → an RDKit molecule with explicit hydrogens.

A SMILES, the path of an .sdf, .mol or .mol2 file, an RDKit Mol, or an OpenFF Molecule. Atoms keep
the order in which they come, those of a SMILES that maps all of them the order of its map
numbers; hydrogens that do not come are added behind them, but never to a geometry: nobody knows
where they were. What cannot be meant is refused with a MoleculeError.
"""

import re
import warnings
from pathlib import Path

import numpy as np
from rdkit import Chem

from forceladder.errors import DomainWarning, MoleculeError
from forceladder.molecules.read import (
    checked_mapped_molecule,
    clear_false_centres,
    mapped_smiles,
    require_one_molecule,
    short,
)

MOST_ATOMS = 1000  # every pair of atoms is written down: half a million of them
FILES = (".sdf", ".mol", ".mol2")
FLAT = (
    "its coordinates lie in a plane and are taken for a drawing; write '3D' into the header of the "
    "file if they are a geometry."
)
BONDS = {Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC}


def molecule_from(source) -> Chem.Mol:
    """The molecule that a user means, sanitized, all hydrogens explicit; conformers are kept where
    they are geometries, not drawings.

    raises: MoleculeError
    """
    if isinstance(source, Path) or (isinstance(source, str) and source.lower().endswith(FILES)):
        return checked(molecule_of_file(Path(source)))  # no SMILES ends so
    if isinstance(source, str):
        return molecule_of_smiles(source)
    if isinstance(source, Chem.Mol):
        return checked(source)
    if hasattr(source, "to_rdkit"):
        return checked(molecule_of_openff(source))
    raise MoleculeError(
        "not_a_molecule",
        f"{type(source).__name__} is no molecule; give a SMILES, the path of an .sdf, .mol or "
        ".mol2 file, an RDKit Mol or an OpenFF Molecule.",
    )


def molecule_of_smiles(smiles: str) -> Chem.Mol:
    """Atoms as they are written, then the hydrogens that are not; or by map number, if all atoms,
    hydrogens included, have one."""
    one_line = len(smiles.strip().splitlines()) == 1
    mol = Chem.MolFromSmiles(smiles.strip(), sanitize=False) if one_line else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise MoleculeError(
            "parse_failed",
            f"{short(smiles)} is no SMILES of a molecule and no .sdf, .mol or .mol2 file.",
        )
    numbers = [atom.GetAtomMapNum() for atom in mol.GetAtoms()]
    mol = checked(mol)
    numbers += [0] * (mol.GetNumAtoms() - len(numbers))
    if not any(numbers):
        return mol
    if sorted(numbers) != list(range(1, len(numbers) + 1)):
        raise MoleculeError(
            "partly_mapped",
            f"{short(smiles)} maps {sum(map(bool, numbers))} of {len(numbers)} atoms; map all, "
            f"hydrogens included, from 1 to {len(numbers)}, or none.",
        )
    return Chem.RenumberAtoms(mol, [int(row) for row in np.argsort(numbers)])


def molecule_of_file(path: Path) -> Chem.Mol:
    """The one molecule of a file, as it is written, its atoms with the charges that it names."""
    if path.suffix.lower() not in FILES:
        raise MoleculeError(
            "unknown_format",
            f"{path} is none of {', '.join(FILES)}; other files do not say all bonds and charges.",
        )
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a name with a zero byte
        reason = getattr(error, "strerror", None) or "it is no text"
        raise MoleculeError("unreadable", f"{short(str(path))} cannot be read: {reason}.") from None
    is_mol2 = path.suffix.lower() == ".mol2"
    entries = mol2_entries(text) if is_mol2 else sdf_entries(text)
    if len(entries) != 1:
        raise MoleculeError(
            "several_molecules",
            f"{path} holds {len(entries)} molecules; one at a time is parametrized.",
        )
    try:
        mol = molecule_of_mol2(entries[0]) if is_mol2 else molecule_of_sdf(entries[0])
    except RuntimeError:  # RDKit, where a line promises what does not follow
        mol = None
    if mol is None:
        raise MoleculeError("parse_failed", f"{path} holds no molecule that RDKit can read.")
    if is_mol2:
        require_no_radicals(mol, path)
    return mol


def sdf_entries(text: str) -> list[str]:
    """What stands between the lines of four dollars."""
    return [part for part in re.split(r"^\$\$\$\$.*$", text, flags=re.M) if part.strip()]


def mol2_entries(text: str) -> list[str]:
    return re.split(r"^(?=@<TRIPOS>MOLECULE)", text, flags=re.M)[1:]


def molecule_of_sdf(text: str) -> Chem.Mol | None:
    reader = Chem.SDMolSupplier()  # reads what stands below the mol block, too
    reader.SetData(text.rstrip("\n") + "\n", sanitize=False, removeHs=False)
    return next(iter(reader), None)


def molecule_of_mol2(text: str) -> Chem.Mol | None:
    return Chem.MolFromMol2Block(text, sanitize=False, removeHs=False)


def require_no_radicals(mol: Chem.Mol, path: Path):
    """A mol2 file has no word for radicals or formal charges: where RDKit finds an open valence,
    one cannot tell what it should be.

    raises: MoleculeError hydrogens_missing
    """
    probe = Chem.Mol(mol)
    if Chem.SanitizeMol(probe, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
        for atom in probe.GetAtoms():
            if atom.GetNumRadicalElectrons():
                raise MoleculeError(
                    "hydrogens_missing",
                    f"{path} leaves a valence of {atom.GetSymbol()}{atom.GetIdx() + 1} open: "
                    "hydrogens are missing, or a charge that a mol2 file cannot say; give an SDF "
                    "file.",
                )


def molecule_of_openff(source) -> Chem.Mol:
    try:
        mol = source.to_rdkit()
    except Exception as error:  # whatever the toolkit raises, its reader wants to know it
        reason = str(error).strip().partition("\n")[0]
        raise MoleculeError("not_a_molecule", f"to_rdkit() of it fails: {reason}.") from error
    if not isinstance(mol, Chem.Mol):
        raise MoleculeError("not_a_molecule", f"to_rdkit() gives a {type(mol).__name__}, no Mol.")
    return mol


def checked(given: Chem.Mol) -> Chem.Mol:
    """A copy that is one whole molecule with explicit hydrogens, or a MoleculeError."""
    mol = Chem.Mol(given)
    if mol.GetNumAtoms() == 0:
        raise MoleculeError("parse_failed", "the molecule has no atoms.")
    require_few(mol.GetNumAtoms())
    require_no_pattern(mol)
    try:
        Chem.SanitizeMol(mol)
    except (Chem.MolSanitizeException, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise MoleculeError("parse_failed", f"the molecule makes no sense: {reason}.") from None
    require_one_molecule(mol)
    mol = with_hydrogens(mol)
    require_few(mol.GetNumAtoms())
    if mol.GetNumConformers():
        Chem.AssignStereochemistryFrom3D(mol)
    else:
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    clear_false_centres(mol)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    checked_mapped_molecule(mapped_smiles(mol), numbers)  # all that the model will see of it
    return mol


def require_few(atoms: int):
    if atoms > MOST_ATOMS:
        raise MoleculeError(
            "too_many_atoms",
            f"{atoms} atoms are more than {MOST_ATOMS}, the most that are parametrized at once.",
        )


def require_no_pattern(mol: Chem.Mol):
    """raises: MoleculeError for atoms or bonds that stand for several, and bonds without order"""
    if any(part.HasQuery() for part in (*mol.GetAtoms(), *mol.GetBonds())):
        raise MoleculeError(
            "pattern", "it is a pattern, of SMARTS or with queries, that many molecules fit."
        )
    for bond in mol.GetBonds():
        if bond.GetBondType() not in BONDS:
            raise MoleculeError(
                "bond_order",
                f"the bond of atoms {bond.GetBeginAtomIdx() + 1} and {bond.GetEndAtomIdx() + 1} is "
                f"{bond.GetBondType().name.lower()}; bonds are single, double, triple or aromatic.",
            )


def with_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    """All hydrogens explicit. A drawing loses its coordinates and gets hydrogens, behind the atoms
    that it has; a geometry must have its own.

    raises: MoleculeError hydrogens_missing or positions_not_finite
    """
    for conformer in list(mol.GetConformers()):
        if not is_geometry(conformer):
            if not any(atom.GetTotalNumHs() for atom in mol.GetAtoms()):
                warnings.warn(FLAT, DomainWarning, stacklevel=5)
            mol.RemoveConformer(conformer.GetId())
    if mol.GetNumConformers():
        for atom in mol.GetAtoms():
            if atom.GetTotalNumHs():
                raise hydrogens_missing(f"{atom.GetSymbol()}{atom.GetIdx() + 1}")
    return Chem.AddHs(mol)


def is_geometry(conformer: Chem.Conformer) -> bool:
    """Whether coordinates are those of a molecule in space, and not a drawing or left at zero.

    raises: MoleculeError positions_not_finite
    """
    positions = conformer.GetPositions()
    if not np.isfinite(positions).all():
        raise MoleculeError("positions_not_finite", "its coordinates are not all finite numbers.")
    in_space = conformer.Is3D() or np.ptp(positions[:, 2]) > 1e-3
    return in_space and (len(positions) == 1 or np.ptp(positions) > 0)


def hydrogens_missing(where: str) -> MoleculeError:
    return MoleculeError(
        "hydrogens_missing",
        f"{where} has fewer hydrogens than its valence asks for, and a geometry needs all of them; "
        "add them where they belong, or give the molecule without coordinates.",
    )
