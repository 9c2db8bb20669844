"""SPICE's HDF5 files (Eastman et al., Sci. Data 10, 11, 2023; layout of 1.1.4 and 2.0).

One group per molecule: `smiles` (mapped), `atomic_numbers`, `conformations`, and whatever of
energies, gradients, moments and bond orders was kept. Moments are about the origin of the
conformations, which the file's MBIS multipoles confirm. MBIS charges have no place in a
training set and stay behind.
"""

from collections.abc import Iterator

import numpy as np

from forceladder.errors import ConfigError
from forceladder.training_set.build import conformer
from forceladder.training_set.importers.sources import damage_named, require, source_files
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    E_BOHR2_IN_E_ANGSTROM2,
    E_BOHR_IN_E_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)

LEVEL_OF_THEORY = "ωB97M-D3BJ/def2-TZVPPD"  # of all of SPICE
# What we take: unit that the file must name, and the factor to ours
NEEDED = {
    "conformations": ("bohr", BOHR_IN_ANGSTROM),
    "dft_total_energy": ("hartree", HARTREE_IN_KCAL),
}
WELCOME = {
    "dft_total_gradient": ("hartree/bohr", HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM),
    "scf_dipole": ("elementary_charge*bohr", E_BOHR_IN_E_ANGSTROM),
    "scf_quadrupole": ("elementary_charge*bohr^2", E_BOHR2_IN_E_ANGSTROM2),
    "wiberg_lowdin_indices": (None, 1.0),
}


def read_spice(path) -> Iterator[tuple]:
    """Molecules of a SPICE file, one at a time; see `importers`."""
    import h5py  # deferred: a user of a release need not have it

    (path,) = source_files(path, ".hdf5", ".h5")
    with damage_named(path, "a SPICE HDF5 file"), h5py.File(path) as file:
        for name in file:
            yield molecule_of(path, name, file[name])


def molecule_of(path, name: str, group) -> tuple:
    """(said, conformers, scans) of one group."""
    require(f"{path}, {name}", group, ("smiles", "atomic_numbers", *NEEDED), "datasets")
    arrays = {
        key: in_house_units(path, group[key], unit, factor)
        for key, (unit, factor) in (NEEDED | WELCOME).items()
        if key in group
    }
    conformers = []
    for row, (positions, energy) in enumerate(
        zip(arrays["conformations"], arrays["dft_total_energy"], strict=True)
    ):
        known = {}
        if "dft_total_gradient" in arrays:
            known["gradients"] = arrays["dft_total_gradient"][row]
        if "scf_dipole" in arrays:
            known["dipole"] = arrays["scf_dipole"][row]
        if "scf_quadrupole" in arrays:
            known["quadrupole"] = arrays["scf_quadrupole"][row][np.triu_indices(3)]
        if "wiberg_lowdin_indices" in arrays:
            known["bond_orders"] = arrays["wiberg_lowdin_indices"][row]
        conformers.append(conformer(positions, float(energy), "imported", **known))
    said = {
        "label": name,
        "atomic_numbers": group["atomic_numbers"][:].tolist(),
        "mapped_smiles": group["smiles"].asstr()[0],
        "level_of_theory": LEVEL_OF_THEORY,
    }
    return said, conformers, []


def in_house_units(path, dataset, unit: str | None, factor: float) -> np.ndarray:
    """Values of an HDF5 dataset in float64; a file that names another unit is refused."""
    named = dataset.attrs.get("units", unit)
    if named != unit:
        raise ConfigError(f"{path}, {dataset.name} is in {named}; SPICE's own files use {unit}.")
    return np.asarray(dataset[:], float) * factor
