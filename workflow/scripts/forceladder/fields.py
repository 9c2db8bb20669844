"""Every array of the training set: its name, dims, dtype, unit and meaning, in one place.

The layout is flat and ragged (CF conventions, contiguous ragged arrays): rows of all
molecules lie one after another, and `*_count` variables say how many belong to each.
Index tables count atoms from zero within their own molecule.

dims, each singular:
  molecule, conformer     conformers are sorted by molecule
  atom, bond, angle, torsion, improper, pair        topology, sorted by molecule
  position                one row per conformer and atom, sorted by conformer
  grid_point              ESP points, sorted by conformer
  conformer_bond          one row per conformer and bond, sorted by conformer
  hessian_element         (3 atoms)² rows for each conformer that has a Hessian, row by row
  scan                    torsion scans, sorted by molecule
  xyz, quadrupole_component, scan_axis, atom_feature, bond_feature, end_2 … end_8   the short ones

NaN marks what a source does not know (an extended XYZ file has no dipoles); only the
fields whose meaning says so may hold it.
"""

from typing import NamedTuple

import numpy as np


class Field(NamedTuple):
    """One array: `dtype` is a numpy name, or 'str'; `units` is '1' for pure numbers."""

    dims: tuple
    dtype: str
    units: str
    meaning: str


def _field(dims: str, dtype: str, units: str, meaning: str) -> Field:
    return Field(tuple(dims.split()), dtype, units, meaning)


FIELDS = {
    # molecules
    "molecule_id": _field("molecule", "str", "1", "name given by the user"),
    "mapped_smiles": _field("molecule", "str", "1", "SMILES whose map numbers are atom rows + 1"),
    "inchikey": _field("molecule", "str", "1", "standard InChIKey"),
    "net_charge": _field("molecule", "int32", "e", "total charge"),
    "multiplicity": _field("molecule", "int32", "1", "spin multiplicity"),
    "level_of_theory": _field("molecule", "str", "1", "of all its conformers; never mixed"),
    "split": _field("molecule", "str", "1", "train, validation or test; never split a molecule"),
    "atom_count": _field("molecule", "int32", "1", "rows of atom"),
    "bond_count": _field("molecule", "int32", "1", "rows of bond"),
    "angle_count": _field("molecule", "int32", "1", "rows of angle"),
    "torsion_count": _field("molecule", "int32", "1", "rows of torsion"),
    "improper_count": _field("molecule", "int32", "1", "rows of improper"),
    "pair_count": _field("molecule", "int32", "1", "rows of pair"),
    "conformer_count": _field("molecule", "int32", "1", "rows of conformer"),
    "scan_count": _field("molecule", "int32", "1", "rows of scan"),
    # atoms
    "atomic_number": _field("atom", "int32", "1", "atomic number"),
    "mass": _field("atom", "float64", "amu", "standard atomic weight"),
    "formal_charge": _field(
        "atom", "float64", "e", "formal charge, averaged over resonance-equivalent atoms"
    ),
    "atom_features": _field(
        "atom atom_feature", "float32", "1", "what the graph network knows of an atom"
    ),
    "lj_sigma": _field("atom", "float64", "angstrom", "Lennard-Jones zero crossing"),
    "lj_epsilon": _field("atom", "float64", "kcal/mol", "Lennard-Jones well depth"),
    "user_charge": _field("atom", "float64", "e", "given by the user; NaN where none is"),
    # index tables
    "bond_atoms": _field("bond end_2", "int32", "1", "atoms of a bond"),
    "bond_features": _field(
        "bond bond_feature", "float32", "1", "what the graph network knows of a bond"
    ),
    "angle_atoms": _field("angle end_3", "int32", "1", "atoms of an angle, centre second"),
    "angle_ring": _field(
        "angle", "int32", "1", "size of the smallest ring that holds all three atoms, 0 if none"
    ),
    "torsion_atoms": _field("torsion end_4", "int32", "1", "atoms along a proper torsion"),
    "torsion_paths": _field(
        "torsion", "int32", "1", "number of torsions around the same central bond"
    ),
    "improper_atoms": _field(
        "improper end_4", "int32", "1", "planar centre first, then its three neighbours"
    ),
    "pair_atoms": _field("pair end_2", "int32", "1", "atoms three or more bonds apart"),
    "pair_is_14": _field("pair", "int32", "1", "1 where exactly three bonds apart, else 0"),
    # torsion scans
    "scan_torsions": _field(
        "scan end_8", "int32", "1", "atoms of the torsion, then of the second one or −1 four times"
    ),
    # conformers
    "geometry_kind": _field(
        "conformer", "str", "1", "where it comes from, a key of molecules.geometries.KINDS"
    ),
    "flag": _field(
        "conformer", "str", "1", "empty, or why it is suspect: hot, connectivity_changed"
    ),
    "temperature": _field("conformer", "float64", "K", "of the MD that made it; 0 if minimized"),
    "energy": _field("conformer", "float64", "kcal/mol", "total energy of the level of theory"),
    "dipole": _field(
        "conformer xyz", "float64", "e angstrom", "about the origin of positions; NaN if unknown"
    ),
    "quadrupole": _field(
        "conformer quadrupole_component",
        "float64",
        "e angstrom^2",
        "second moments xx xy xz yy yz zz about the origin, with trace; NaN if unknown",
    ),
    "scan": _field("conformer", "int32", "1", "scan of the molecule it belongs to, −1 if none"),
    "scan_angle": _field(
        "conformer scan_axis", "float64", "degree", "where on the scan's grid; NaN if nowhere"
    ),
    "record_digest": _field("conformer", "str", "1", "address of the QM record in the cache"),
    "grid_count": _field("conformer", "int32", "1", "rows of grid_point"),
    "hessian_count": _field("conformer", "int32", "1", "rows of hessian_element, (3 atoms)² or 0"),
    # positions, bond orders, Hessians and grids
    "positions": _field("position xyz", "float64", "angstrom", "Cartesian coordinates"),
    "gradients": _field(
        "position xyz", "float64", "kcal/mol/angstrom", "dE/dx; forces are minus; NaN if unknown"
    ),
    "bond_orders": _field("conformer_bond", "float64", "1", "Wiberg, Löwdin basis; NaN if unknown"),
    "hessian": _field("hessian_element", "float64", "kcal/mol/angstrom^2", "d²E/dx²"),
    "grid_positions": _field("grid_point xyz", "float64", "angstrom", "where the ESP was taken"),
    "esp": _field("grid_point", "float64", "kcal/mol/e", "QM electrostatic potential"),
}

# What every method says of the geometries of a training set; dims method and molecule's.
PREDICTION_FIELDS = {
    "method": _field("method", "str", "1", "rung or baseline"),
    "predicted_energy": _field(
        "method conformer", "float64", "kcal/mol", "on a zero of the method's own"
    ),
    "predicted_gradients": _field("method position xyz", "float64", "kcal/mol/angstrom", "dE/dx"),
}

# What a method makes of the reference's minima and scan points when it relaxes them itself;
# relaxations are sorted by the conformer that they start from, positions and Hessians by them.
RELAXED_FIELDS = {
    "method": _field("method", "str", "1", "rung or baseline"),
    "relaxed_conformer": _field(
        "relaxation", "int32", "1", "row of the training set's conformer that it starts from"
    ),
    "relaxed_energy": _field(
        "method relaxation", "float64", "kcal/mol",
        "on a zero of the method's own; NaN if not converged or no longer the same molecule",
    ),
    "relaxed_steps": _field("method relaxation", "int32", "1", "gradients that it took"),
    "relaxed_torsion": _field(
        "method relaxation scan_axis", "float64", "degree",
        "torsion at the end of a scan's point; NaN where none is held",
    ),
    "relaxed_reason": _field(
        "method relaxation", "str", "1", "empty, or why the energy or the Hessian is missing"
    ),
    "relaxed_positions": _field(
        "method relaxed_position xyz", "float64", "angstrom", "at the end; NaN if there is none"
    ),
    "relaxed_hessian": _field(
        "method relaxed_hessian_element", "float64", "kcal/mol/angstrom^2",
        "d²E/dx² at the method's own minimum, for each conformer with a Hessian; NaN if unknown",
    ),
}  # fmt: skip

# Molecular dynamics of one method; NaN from the death of a molecule on. Rows of broken_position
# are sorted by broken_frame, those by broken.
MD_FIELDS = {
    "molecule_id": _field("molecule", "str", "1", "name given by the user"),
    "degrees_of_freedom": _field("molecule", "int32", "1", "3 N − 6 that NVE can exchange"),
    "nve_timestep": _field("timestep", "float64", "fs", "of the Verlet integrator"),
    "nve_time": _field("timestep nve_frame", "float64", "ps", "since the start of NVE"),
    "nve_energy": _field(
        "molecule timestep nve_frame", "float64", "kcal/mol", "total energy, kinetic + potential"
    ),
    "nve_cause": _field("molecule timestep", "str", "1", "alive, or of death: md.watch.DEATHS"),
    "nve_phrase": _field("molecule timestep", "str", "1", "what died, empty if alive"),
    "nve_death_time": _field("molecule timestep", "float64", "ps", "NaN if alive at the end"),
    "nvt_temperature": _field("temperature", "float64", "K", "of the thermostat"),
    "nvt_time": _field("nvt_frame", "float64", "ps", "since the start of NVT"),
    "nvt_bond_deviation": _field(
        "molecule temperature replica nvt_frame", "float64", "angstrom",
        "largest |b − b_ref| of any bond",
    ),
    "nvt_energy": _field(
        "molecule temperature replica nvt_frame", "float64", "kcal/mol", "potential energy"
    ),
    "nvt_cause": _field(
        "molecule temperature replica", "str", "1", "alive, or of death: md.watch.DEATHS"
    ),
    "nvt_death_time": _field(
        "molecule temperature replica", "float64", "ps", "NaN if alive at the end"
    ),
    "nvt_phrase": _field("molecule temperature replica", "str", "1", "what died, empty if alive"),
    "distance": _field("distance_bin", "float64", "angstrom", "centre of a bin of pair distances"),
    "nvt_distance_count": _field(
        "molecule temperature replica block distance_bin", "int32", "1",
        "pairs of atoms of the stored frames before a death, by tenths of the trajectory",
    ),
    "broken_molecule": _field("broken", "int32", "1", "row of molecule"),
    "broken_name": _field("broken", "str", "1", "of the trajectory: nvt-300K-0, nve-0.5fs"),
    "broken_time": _field("broken", "float64", "ps", "of the death"),
    "broken_frame_count": _field("broken", "int32", "1", "rows of broken_frame"),
    "broken_frame_time": _field("broken_frame", "float64", "ps", "since the start"),
    "broken_energy": _field("broken_frame", "float64", "kcal/mol", "potential energy"),
    "broken_deviation": _field("broken_frame", "float64", "angstrom", "largest |b − b_ref|"),
    "broken_positions": _field("broken_position xyz", "float64", "angstrom", "of broken_frame"),
}  # fmt: skip

TABLES = ("bond", "angle", "torsion", "improper", "pair")


def labelled(arrays: dict, fields: dict) -> dict:
    """Arrays as the variables of an xarray.Dataset: (dims, values, attributes) by name."""
    return {
        name: (
            field.dims,
            np.asarray(arrays[name], dtype=object if field.dtype == "str" else field.dtype),
            {"units": field.units, "long_name": field.meaning},
        )
        for name, field in fields.items()
    }


def problems(dataset) -> list[str]:
    """Sentences on how an xarray dataset departs from FIELDS; empty when it does not."""
    found = []
    for name, field in FIELDS.items():
        if name not in dataset:
            found.append(f"{name} is missing")
            continue
        array = dataset[name]
        if array.dims != field.dims:
            found.append(f"{name} has dims {array.dims}, should have {field.dims}")
        kind = "str" if array.dtype.kind in "OUT" else str(array.dtype)
        if kind != field.dtype:
            found.append(f"{name} has dtype {kind}, should have {field.dtype}")
        if array.attrs.get("units") != field.units:
            found.append(f"{name} is in {array.attrs.get('units')}, should be in {field.units}")
    found += [f"{name} is not in fields.py" for name in dataset.variables if name not in FIELDS]
    return found
