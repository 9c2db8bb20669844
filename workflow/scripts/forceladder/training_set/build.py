"""QM records → arrays. Here, and in `importers`, Hartree and Bohr become kcal/mol and Å."""

from collections.abc import Sequence

import numpy as np

from forceladder.errors import MoleculeError, TooManyFailuresError
from forceladder.fields import FIELDS, TABLES
from forceladder.molecules.read import molecule_of
from forceladder.molecules.topology import ATOM_FEATURES, BOND_FEATURES, topology_arrays
from forceladder.training_set.dataset import as_dataset
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    E_BOHR2_IN_E_ANGSTROM2,
    E_BOHR_IN_E_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)

# Dims along which the conformers of a molecule lie; what has one of them first is theirs.
CONFORMER_DIMS = ("conformer", "position", "conformer_bond", "hessian_element", "grid_point")
SHORT_DIMS = {"xyz": 3, "quadrupole_component": 6, "scan_axis": 2, "end_8": 8}
CONFORMER_FIELDS = {name for name, field in FIELDS.items() if field.dims[0] in CONFORMER_DIMS}


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
    """All arrays of one molecule's accepted QM records, by field name."""
    if len(records) < min_conformers:
        raise MoleculeError(
            "too_few_records",
            f"{len(records)} accepted QM records, fewer than "
            f"training_set.min_conformers {min_conformers}.",
        )
    scans, conformers = scans_of(records), [record_conformer(record) for record in records]
    level = records[0]["extras"]["forceladder"]["level_of_theory"]
    return conformer_set(molecule | {"level_of_theory": level}, conformers, scans)


def conformer_set(molecule: dict, conformers: list[dict], scans: Sequence = ()) -> dict:
    """All arrays of one molecule, by field name: its topology and its conformers.

    molecule: as `read_row` returns it, and `level_of_theory`
    conformers: as `conformer` makes them      scans: see `scans_of`
    """
    arrays = topology_arrays(molecule_of(molecule))
    i, j = np.asarray(arrays["bond_atoms"]).reshape(-1, 2).T
    for name, field in FIELDS.items():
        if name in CONFORMER_FIELDS:
            values = [conformer[name] for conformer in conformers]
            if name == "bond_orders":
                values = [matrix[i, j] for matrix in values]
            flat = field.dims[0] != "conformer"
            arrays[name] = (np.concatenate if flat else np.stack)(values)
    arrays["scan_torsions"] = np.reshape(list(scans), (-1, 8))
    counts = {"conformer_count": [len(conformers)], "scan_count": [len(scans)]}
    return arrays | identity_arrays(molecule, arrays) | counts


def conformer(positions, energy: float, kind: str, **known) -> dict:
    """Fields of one conformer; what is not `known` is NaN, empty or absent.

    positions: [atoms, 3] Å      energy: kcal/mol      kind: a key of geometries.KINDS
    known: fields by name, each in the units of fields.py and of one conformer; bond_orders as a
        matrix [atoms, atoms]; counts follow
    """
    positions = np.asarray(positions, float)
    fields = {
        "positions": positions, "energy": energy, "geometry_kind": kind, "flag": "",
        "temperature": 0.0, "record_digest": "", "scan": -1, "scan_angle": np.full(2, np.nan),
        "dipole": np.full(3, np.nan), "quadrupole": np.full(6, np.nan),
        "gradients": np.full(positions.shape, np.nan),
        "bond_orders": np.broadcast_to(np.nan, (len(positions), len(positions))),  # of one number
        "hessian": np.zeros(0), "grid_positions": np.zeros((0, 3)), "esp": np.zeros(0),
    } | known  # fmt: skip
    fields["hessian"] = np.ravel(fields["hessian"])
    return fields | {
        "grid_count": len(fields["esp"]), "hessian_count": len(fields["hessian"])
    }  # fmt: skip


def identity_arrays(molecule: dict, arrays: dict) -> dict:
    """The fields with one row per molecule, but for its numbers of conformers and scans."""
    return {
        "molecule_id": [molecule["id"]],
        "mapped_smiles": [molecule["mapped_smiles"]],
        "inchikey": [molecule["inchikey"]],
        "net_charge": [molecule["net_charge"]],
        "multiplicity": [molecule.get("multiplicity", 1)],
        "level_of_theory": [molecule.get("level_of_theory", "")],
        "split": [molecule["split"]],
        "atom_count": [len(arrays["atomic_number"])],
        **{f"{table}_count": [len(arrays[f"{table}_atoms"])] for table in TABLES},
    }


def record_conformer(record: dict) -> dict:
    """What one successful QCSchema record of ours says, in house units; see `qm.records`."""
    molecule, ours = record["molecule"], record["extras"]["forceladder"]
    extras, properties = molecule["extras"], record["properties"]
    positions = np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    known = {
        "grid_positions": np.reshape(ours.get("esp_grid") or [], (-1, 3)) * BOHR_IN_ANGSTROM,
        "esp": np.array(ours.get("esp", [])) * HARTREE_IN_KCAL,
        "hessian": np.array(ours.get("hessian", [])) * HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2,
    }
    if record["driver"] == "gradient":
        gradient = np.reshape(record["return_result"], (-1, 3))
        known["gradients"] = gradient * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    if "scf_dipole_moment" in properties:
        known["dipole"] = np.ravel(properties["scf_dipole_moment"]) * E_BOHR_IN_E_ANGSTROM
    if "scf_quadrupole_moment" in properties:
        moments = np.reshape(properties["scf_quadrupole_moment"], (3, 3))
        known["quadrupole"] = moments[np.triu_indices(3)] * E_BOHR2_IN_E_ANGSTROM2
    if "wiberg_bond_orders" in ours:
        known["bond_orders"] = np.reshape(ours["wiberg_bond_orders"], (len(positions), -1))
    if "scan" in extras:
        angles = extras["scan"]["angles_degrees"]
        known["scan"] = extras["scan"]["index"]
        known["scan_angle"] = np.array([*angles, np.nan][:2])
    return conformer(
        positions,
        properties["return_energy"] * HARTREE_IN_KCAL,
        extras["geometry_kind"],
        temperature=extras["temperature_kelvin"],
        record_digest=ours["task_digest"],
        **known,
    )


def scans_of(records: list[dict]) -> list[list[int]]:
    """Torsion atoms of every scan of a molecule, by its index: four or eight, filled up with −1."""
    scans = {}
    for record in records:
        if scan := record["molecule"]["extras"].get("scan"):
            atoms = [atom for torsion in scan["torsions"] for atom in torsion]
            scans[scan["index"]] = (atoms + [-1] * 4)[:8]
    count = max(scans, default=-1) + 1
    return [scans.get(index, [-1] * 8) for index in range(count)]


def topology_dataset(molecules: list[dict]):
    """Dataset of molecules without conformers: all that a model needs to parametrize them."""
    parts = []
    for molecule in molecules:
        arrays = topology_arrays(molecule_of(molecule))
        counts = {"conformer_count": [0], "scan_count": [0]}
        parts.append(arrays | identity_arrays(molecule, arrays) | counts)
    absent = {
        name: np.zeros([SHORT_DIMS.get(dim, 0) for dim in FIELDS[name].dims], dtype=object)
        for name in (*CONFORMER_FIELDS, "scan_torsions")
    }
    return join_molecules([part | absent for part in parts], provenance={})


def join_molecules(parts: list[dict], provenance: dict):
    """One dataset out of the arrays of many molecules, in the order given."""
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in FIELDS}
    coordinates = {"atom_feature": list(ATOM_FEATURES), "bond_feature": list(BOND_FEATURES)}
    return as_dataset(arrays, coordinates, provenance)
