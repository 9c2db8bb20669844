"""Recorded geometries and results, made once: what the stand-ins of a simulated campaign return.

One SQLite file. Geometries are a conformer of RDKit's ETKDG, minimized by MMFF94, and random
displacements of it; results are MMFF94's energy and gradient, so that verdicts on them mean
something. A result is found by its geometry, rounded to 1e-4 Å, which SDF files keep exactly.
"""

import hashlib
import itertools
import json
import sqlite3

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from forceladder.errors import MoleculeError
from forceladder.job import seed_of
from forceladder.molecules.read import molecule_from_mapped_smiles, read_row
from forceladder.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL

DISPLACEMENT = 0.03  # Å, of every coordinate: bonds of 700 kcal/mol/Å² hold about kT at 300 K
GRID = 1e-4  # Å
ELEMENTS = ["H", "C", "N", "O", "F", "P", "S", "Cl", "Br"]
ENDS = ["C", "N", "O", "S", "F", "Cl", "C#N", "C(=O)O", "C(N)=O", "OC", "NC", "c1ccccc1"]
MIDDLES = ["", "O", "N(C)", "S", "C(=O)", "C#C", "C(=O)O", "C(=O)N", "c1ccc(cc1)"]
TABLES = """
create table molecule (id text primary key, smiles text, split text, mapped text, symbols text,
                       charges text, bonds text, geometries blob);
create table result (key blob primary key, molecule text, energy real, gradient blob)
    without rowid;
"""


def smiles():
    """Different achiral molecules without end: two ends, a middle, chains between them."""
    seen = set()
    for length in itertools.count(1):
        for left, (one, two), middle in itertools.product(
            range(1, length + 1), itertools.combinations_with_replacement(ENDS, 2), MIDDLES
        ):
            chain = f"{'C' * left}{middle}{'C' * (length + 1 - left)}"
            text = Chem.CanonSmiles(f"{backwards(one)}{chain}{two}")
            if text not in seen:
                seen.add(text)
                yield text


def backwards(end: str) -> str:
    """SMILES of a group that begins with what it is bound by, for the left of a chain."""
    return {
        "C#N": "N#C", "C(=O)O": "OC(=O)", "C(N)=O": "NC(=O)", "OC": "CO", "NC": "CN",
        "c1ccccc1": "c1ccccc1",
    }.get(end, end)  # fmt: skip


def record_library(path, molecules: int, geometries: int):
    """Write the library; molecules are shuffled, so that the first hundred are like all."""
    found = list(itertools.islice(smiles(), molecules))
    found = [found[index] for index in np.random.default_rng(1).permutation(molecules)]
    with sqlite3.connect(path) as library:
        library.executescript(TABLES)
        for number, text in enumerate(found):
            record_molecule(library, f"m{number:05d}", text, geometries)


def record_molecule(library, name: str, text: str, geometries: int):
    """Record one molecule; every tenth is held out."""
    split = "test" if name.endswith("0") else "train"
    row = {"id": name, "source": text, "format": "smiles", "split": split}
    mapped = read_row(row, ELEMENTS, 60, {"validation": 0.0, "test": 0.0})["mapped_smiles"]
    mol = molecule_from_mapped_smiles(mapped)
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    properties = AllChem.MMFFGetMoleculeProperties(mol)
    seed = seed_of("scale", name)
    if properties is None or AllChem.EmbedMolecule(mol, randomSeed=seed) < 0:
        raise MoleculeError("unfit", f"{text} cannot be recorded; leave it out of library.smiles.")
    AllChem.MMFFOptimizeMolecule(mol)
    start = mol.GetConformer().GetPositions()
    shifts = np.random.default_rng(seed).normal(0, DISPLACEMENT, (geometries, *start.shape))
    shifts[0] = 0
    positions = np.round((start + shifts) / GRID).astype(np.int32)
    for one in positions:
        surface = AllChem.MMFFGetMoleculeForceField(mol, properties)
        flat = (one * GRID).ravel().tolist()
        energy = surface.CalcEnergy(flat) / HARTREE_IN_KCAL
        gradient = np.array(surface.CalcGrad(flat)) / HARTREE_IN_KCAL * BOHR_IN_ANGSTROM
        library.execute(
            "insert into result values (?, ?, ?, ?)",
            (key_of(symbols, one.ravel()), name, energy, gradient.tobytes()),
        )
    charges = [properties.GetMMFFPartialCharge(k) for k in range(len(symbols))]
    bonds = [
        (b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in mol.GetBonds()
    ]
    known = map(json.dumps, (symbols, charges, bonds))
    library.execute(
        "insert into molecule values (?, ?, ?, ?, ?, ?, ?, ?)",
        (name, text, split, mapped, *known, positions.tobytes()),
    )


def key_of(symbols, steps) -> bytes:
    """Address of a result; steps: coordinates in units of GRID. recorded_psi4.py has its twin."""
    text = " ".join([*symbols, *(str(int(step)) for step in steps)])
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def molecule_table(path, molecules: int) -> str:
    """The first molecules as the CSV that a run reads."""
    with sqlite3.connect(path) as library:
        rows = library.execute("select id, smiles, split from molecule order by id limit ?",
                               (molecules,)).fetchall()  # fmt: skip
    if len(rows) < molecules:
        raise ValueError(f"{path} holds {len(rows)} molecules, fewer than {molecules}; delete it.")
    return "id,smiles,split\n" + "".join(f"{','.join(row)}\n" for row in rows)


def recorded_geometries(path, name: str) -> list[dict]:
    """Geometries of a molecule, as geometries_to_sdf wants them."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as library:
        symbols, blob = library.execute(
            "select symbols, geometries from molecule where id = ?", (name,)
        ).fetchone()
    atoms = len(json.loads(symbols))
    positions = np.frombuffer(blob, np.int32).reshape(-1, atoms, 3) * GRID
    return [
        {"positions": one, "kind": "sampled" if k else "conformer",
         "temperature": 300.0 if k else 0.0}
        for k, one in enumerate(positions)
    ]  # fmt: skip
