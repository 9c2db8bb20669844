"""QM records → arrays. Here, and only here, Hartree and Bohr become kcal/mol and Å."""

import numpy as np

from forceladder.errors import MoleculeError, TooManyFailuresError
from forceladder.fields import FIELDS, TABLES
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.molecules.topology import ATOM_FEATURES, BOND_FEATURES, topology_arrays
from forceladder.training_set.dataset import as_dataset
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    E_BOHR_IN_E_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)


def build_training_set(entries, min_conformers: int, provenance: dict):
    """Dataset of all molecules that have data enough, and why the others were left out.

    entries: pairs of a molecule (as `read_row` returns it) and its accepted QM records
    returns: xarray.Dataset, list of rejections (id, code, reason)
    """
    parts, rejected = [], []
    for molecule, records in entries:
        try:
            parts.append(molecule_arrays(molecule, records, min_conformers))
        except MoleculeError as error:
            rejected.append({"id": molecule["id"], "code": error.code, "reason": str(error)})
    if not parts:
        raise TooManyFailuresError(
            "no molecule has data enough for a training set"
            + "".join(f"; {line['id']}: {line['reason']}" for line in rejected[:1])
        )
    return join_molecules(parts, provenance), rejected


def molecule_arrays(molecule: dict, records: list[dict], min_conformers: int) -> dict:
    """All arrays of one molecule, by field name."""
    if len(records) < min_conformers:
        raise MoleculeError(
            "too_few_records",
            f"{len(records)} accepted QM records, fewer than "
            f"training_set.min_conformers {min_conformers}.",
        )
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    arrays = topology_arrays(mol)
    conformers = [conformer_arrays(record) for record in records]
    for name in conformers[0]:
        stack = np.concatenate if FIELDS[name].dims[0] in ("position", "grid_point") else np.stack
        arrays[name] = stack([conformer[name] for conformer in conformers])
    return arrays | identity_arrays(molecule, arrays) | {"conformer_count": [len(records)]}


def identity_arrays(molecule: dict, arrays: dict) -> dict:
    """The fields with one row per molecule, but for its number of conformers."""
    return {
        "molecule_id": [molecule["id"]],
        "mapped_smiles": [molecule["mapped_smiles"]],
        "inchikey": [molecule["inchikey"]],
        "net_charge": [molecule["net_charge"]],
        "split": [molecule["split"]],
        "atom_count": [len(arrays["atomic_number"])],
        **{f"{table}_count": [len(arrays[f"{table}_atoms"])] for table in TABLES},
    }


def conformer_arrays(record: dict) -> dict:
    """What one successful QCSchema record says, in house units."""
    molecule, ours = record["molecule"], record["extras"]["forceladder"]
    positions = np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    gradient = np.reshape(record["return_result"], (-1, 3))
    grid = np.reshape(ours.get("esp_grid") or [], (-1, 3))
    return {
        "geometry_kind": molecule["extras"]["geometry_kind"],
        "temperature": molecule["extras"]["temperature_kelvin"],
        "energy": record["properties"]["return_energy"] * HARTREE_IN_KCAL,
        "dipole": np.array(record["properties"]["scf_dipole_moment"]) * E_BOHR_IN_E_ANGSTROM,
        "record_digest": ours["task_digest"],
        "grid_count": len(grid),
        "positions": positions,
        "gradients": gradient * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
        "grid_positions": grid * BOHR_IN_ANGSTROM,
        "esp": np.array(ours.get("esp", [])) * HARTREE_IN_KCAL,
    }


def topology_dataset(molecules: list[dict]):
    """Dataset of molecules without conformers: all that a model needs to parametrize them."""
    parts = []
    for molecule in molecules:
        arrays = topology_arrays(molecule_from_mapped_smiles(molecule["mapped_smiles"]))
        parts.append(arrays | identity_arrays(molecule, arrays) | {"conformer_count": [0]})
    conformer_fields = {
        name: np.zeros([0 if dim != "xyz" else 3 for dim in field.dims], dtype=object)
        for name, field in FIELDS.items()
        if field.dims[0] in ("conformer", "position", "grid_point")
    }
    return join_molecules([part | conformer_fields for part in parts], provenance={})


def join_molecules(parts: list[dict], provenance: dict):
    """One dataset out of the arrays of many molecules, in the order given."""
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in FIELDS}
    coordinates = {"atom_feature": list(ATOM_FEATURES), "bond_feature": list(BOND_FEATURES)}
    return as_dataset(arrays, coordinates, provenance)
