"""OpenFF torsion drives as an Arrow file of Hugging Face `datasets`, in the columns of smee:

smiles (mapped), coords [points × atoms × 3] Å, energy [points] kcal/mol, forces (the same
shape as coords, kcal/mol/Å, or empty). Relaxed scans of one molecule follow one another.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from forceladder.errors import CorruptFileError, MissingProgramError, MoleculeError
from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.read import checked_mapped_molecule
from forceladder.training_set.build import conformer
from forceladder.training_set.importers.sources import damage_named, require, source_files

SPACING = 15  # degrees, of all of OpenFF's drives
POINTS = 360 // SPACING
TOLERANCE = 0.1  # degrees; geomeTRIC holds its constraint a hundred times better


def read_openff_torsiondrives(path) -> Iterator[tuple]:
    """Molecules with their scans, one row of the file at a time; see `importers`.

    The file does not say which torsion was driven: it is the one whose angle is a multiple of
    15° in all of 24 points and never the same twice. Where none or several are, the points
    stay without a scan.
    """
    for file in source_files(path, ".arrow"):
        for row, values in enumerate(arrow_rows(file, ("smiles", "coords", "energy", "forces"))):
            yield molecule_of(values, f"{file.stem}-{row:03d}", f"row {row} of {file}")


def arrow_rows(path, columns) -> Iterator[dict]:
    """Rows of an Arrow stream."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingProgramError(
            "an Arrow file needs the package pyarrow: pip install pyarrow."
        ) from error

    with (
        damage_named(path, "an Arrow stream"),
        pyarrow.OSFile(str(path)) as file,
        pyarrow.ipc.open_stream(file) as reader,
    ):
        require(path, reader.schema.names, columns, "columns")
        for batch in reader:
            yield from batch.to_pylist()


def molecule_of(values: dict, label: str, where: str) -> tuple:
    """(said, conformers, scans) of one row."""
    try:
        mol = checked_mapped_molecule(values["smiles"])
    except MoleculeError as error:
        return {"label": label, "unreadable": str(error)}, [], []
    said = {
        "label": label,
        "mapped_smiles": values["smiles"],
        "atomic_numbers": [atom.GetAtomicNum() for atom in mol.GetAtoms()],
    }
    points, atoms = len(values["energy"]), mol.GetNumAtoms()
    if len(values["coords"]) != points * atoms * 3:
        raise CorruptFileError(
            f"{where}: {len(values['coords'])} coordinates are not {points} times the {atoms} "
            "atoms of its SMILES; copy the file anew from where it came."
        )
    positions = np.reshape(values["coords"], (points, atoms, 3))
    forces = np.reshape(values["forces"], (-1, atoms, 3))
    whole = points % POINTS == 0
    ends = range(0, points + 1, POINTS) if whole else (0, points)
    torsions = proper_torsions(mol)
    scans, conformers = [], []
    for start, end in pairwise(ends):
        torsion, angles = driven_torsion(positions[start:end], torsions)
        for row in range(start, end):
            known = {"gradients": -forces[row]} if len(forces) else {}
            if torsion is not None:
                known["scan"] = len(scans)
                known["scan_angle"] = np.array([angles[row - start], np.nan])
            conformers.append(
                conformer(positions[row], values["energy"][row], "torsion_scan", **known)
            )
        if torsion is not None:
            scans.append([*torsion, -1, -1, -1, -1])
    return said, conformers, scans


def proper_torsions(mol) -> list[tuple]:
    """All chains i-j-k-l of bonded atoms, each once."""
    return [
        (i.GetIdx(), j.GetIdx(), k.GetIdx(), m.GetIdx())
        for bond in mol.GetBonds()
        for j, k in [(bond.GetBeginAtom(), bond.GetEndAtom())]
        for i in j.GetNeighbors()
        for m in k.GetNeighbors()
        if i.GetIdx() != k.GetIdx() and m.GetIdx() not in (j.GetIdx(), i.GetIdx())
    ]


def driven_torsion(positions, torsions):
    """The torsion that steps over the whole grid, and its grid angles [points] degrees.

    positions: [points, atoms, 3] Å
    returns: None, None if none does, or more than one
    """
    found = []
    for torsion in torsions if len(positions) == POINTS else []:
        angle = torsion_angle(positions[:, torsion])
        grid = SPACING * np.round(angle / SPACING)
        on_grid = np.abs(angle - grid).max() < TOLERANCE
        if on_grid and len(set(np.mod(grid, 360.0))) == POINTS:
            found.append((torsion, np.where(grid == -180.0, 180.0, grid)))
    return found[0] if len(found) == 1 else (None, None)
