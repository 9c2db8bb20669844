"""QM minima of the OpenFF industry benchmark: SDF with bonds, `Energy QCArchive` in kcal/mol.

Conformers of one molecule follow one another (D'Amore et al., J. Chem. Inf. Model. 62, 6094,
2022). Energies only.
"""

from collections.abc import Iterator

from rdkit import Chem

from forceladder.errors import ConfigError, CorruptFileError
from forceladder.molecules.read import mapped_smiles
from forceladder.training_set.build import conformer
from forceladder.training_set.importers.sources import source_files, text_lines

ENERGY = "Energy QCArchive"


def read_openff_industry(path) -> Iterator[tuple]:
    """Molecules of one .sdf or .sdf.gz file, or of those in a folder; see `importers`.

    Diastereomers are molecules of their own, also where the set gives them one name.
    """
    for file in source_files(path, ".sdf", ".sdf.gz"):
        molecules = {}
        for number, text in sdf_entries(file):
            key, said, conformers = entry_of(text, f"entry {number} of {file}")
            molecules.setdefault(key or number, (said, []))[1].extend(conformers)
        for said, conformers in molecules.values():
            yield said, conformers, []


def sdf_entries(path) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of every entry of an SDF file."""
    number, lines = 1, []
    for line in text_lines(path, "an SDF file"):
        lines.append(line)
        if line.startswith("$$$$"):
            yield number, "\n".join(lines) + "\n"
            number, lines = number + 1, []
    if number == 1 or any(line.strip() for line in lines):
        raise CorruptFileError(
            f"{path} ends within entry {number}; copy it anew from where it came."
        )


def entry_of(text: str, where: str) -> tuple:
    """(key, said, [conformer]); entries with one key are one molecule, its atoms in one order."""
    title = text.partition("\n")[0].strip() or "entry"
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text, removeHs=False)
    mol = next(iter(supplier), None)
    if mol is None or not mol.GetNumAtoms():
        sentence = f"{where} ({title}) is no molecule that RDKit can read."
        return None, {"label": title, "unreadable": sentence}, []
    if not mol.HasProp(ENERGY):
        has = ", ".join(mol.GetPropNames()) or "none"
        raise ConfigError(f"{where} has no property {ENERGY!r}; it has {has}.")
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    bonds = frozenset((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds())
    said = {"label": title, "atomic_numbers": numbers, "mapped_smiles": mapped_smiles(mol)}
    minimum = conformer(mol.GetConformer().GetPositions(), energy_of(mol, where), "minimum")
    # the InChIKey knows which stereocentres are none, in spiro rings above all
    return (Chem.MolToInchiKey(mol), tuple(numbers), bonds), said, [minimum]


def energy_of(mol: Chem.Mol, where: str) -> float:
    """kcal/mol."""
    try:
        return float(mol.GetProp(ENERGY))
    except ValueError:
        raise CorruptFileError(
            f"{where}: {ENERGY!r} is {mol.GetProp(ENERGY)!r}, no number; copy the file anew."
        ) from None
