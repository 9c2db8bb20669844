"""QCSubmit datasets: molecules and geometries for calculations yet to do, no energies.

Basic, Optimization and TorsionDrive datasets, as JSON, alone or compressed (.xz, .bz2, .gz);
no OpenFF package is needed. Energies of finished calculations come as records: `qcschema`.
"""

import numpy as np
from rdkit import Chem

from forceladder.errors import ConfigError, MoleculeError
from forceladder.molecules.listing import MAPPED, entry_names
from forceladder.molecules.read import (
    checked_mapped_molecule,
    molecule_from_mapped_smiles,
    read_row,
)
from forceladder.training_set.importers.sources import json_value, require
from forceladder.units import BOHR_IN_ANGSTROM

TYPES = ("DataSet", "OptimizationDataset", "TorsionDriveDataset")


def molecules_and_geometries(
    path, elements: list[str], max_atoms: int, split_fractions: dict
) -> tuple[list[tuple], list[dict]]:
    """Molecules of a QCSubmit dataset with their geometries.

    Entries of one molecule are joined. Atoms are put in the order of `read_row`'s mapped
    SMILES, and positions with them: the workflow's own order, if `molecules.file` is this file.

    elements, max_atoms, split_fractions: as the config's `molecules` section has them
    returns: list of (molecule, geometries, torsions) and list of rejections (id, code, reason)
        molecule    as `molecules.read.read_row` returns it
        geometries  dicts of positions [atoms, 3] Å, kind 'imported', temperature 0 K
        torsions    each a list of the dihedrals, atoms from zero, that one drive turns at once
    raises: CorruptFileError, ConfigError
    """
    dataset = json_value(path, "a QCSubmit dataset")
    require(path, dataset, ("type", "dataset"), "keys")
    if dataset["type"] not in TYPES:
        raise ConfigError(
            f"{path} is a QCSubmit {dataset['type']}; readable are {', '.join(TYPES)}."
        )
    found, rejected = {}, []
    entries = dataset["dataset"]
    for name, (index, entry) in zip(entry_names(entries), entries.items(), strict=True):
        require(f"{path}, entry {index}", entry, ("initial_molecules", "attributes"), "keys")
        try:
            molecule, order = ordered_molecule(name, entry, elements, max_atoms, split_fractions)
            geometries = [geometry_of(item, order) for item in entry["initial_molecules"]]
        except MoleculeError as error:
            rejected.append({"id": name, "code": error.code, "reason": str(error)})
            continue
        _, same, torsions = found.setdefault(molecule["mapped_smiles"], (molecule, [], []))
        same += geometries
        row_of = np.argsort(order)
        if dihedrals := entry.get("dihedrals"):
            torsions.append([[int(row_of[atom]) for atom in atoms] for atoms in dihedrals])
    return list(found.values()), rejected


def ordered_molecule(name, entry, elements, max_atoms, split_fractions):
    """The checked molecule of an entry, and for each of its atoms the row in the entry."""
    theirs = checked_mapped_molecule(mapped_smiles_of(entry))
    row = {"id": name, "source": Chem.MolToSmiles(Chem.RemoveHs(theirs)), "format": "smiles"}
    multiplicities = {item.get("molecular_multiplicity", 1) for item in entry["initial_molecules"]}
    if len(multiplicities) == 1:
        row["multiplicity"] = str(multiplicities.pop())
    molecule = read_row(row, elements, max_atoms, split_fractions)
    ours = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    order = theirs.GetSubstructMatch(ours, useChirality=True) or theirs.GetSubstructMatch(ours)
    if len(order) != theirs.GetNumAtoms():
        raise MoleculeError("atoms_disagree", f"{row['source']} does not cover its geometry.")
    return molecule, np.array(order)


def mapped_smiles_of(entry: dict) -> str:
    """From the attributes, as QCSubmit writes it, or else from a geometry's own identifiers."""
    places = [entry["attributes"]]
    for molecule in entry["initial_molecules"]:
        places += [molecule.get("identifiers") or {}, molecule.get("extras") or {}]
    for place in places:
        if place.get(MAPPED):
            return place[MAPPED]
    raise MoleculeError("parse_failed", f"it has no {MAPPED}.")


def geometry_of(item: dict, order) -> dict:
    """One initial molecule, Bohr → Å, its atoms put in `order`."""
    positions = np.reshape(item["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    if len(positions) != len(order):
        raise MoleculeError(
            "atoms_disagree", f"{len(positions)} positions for {len(order)} atoms of its SMILES."
        )
    return {"positions": positions[order], "kind": "imported", "temperature": 0.0}
