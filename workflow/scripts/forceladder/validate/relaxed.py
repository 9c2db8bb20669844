"""Reading what methods made of the reference's geometries, see `relaxations`."""

import numpy as np
import xarray

from forceladder import files
from forceladder.fields import RELAXED_FIELDS


def read_relaxed(paths) -> xarray.Dataset:
    """All methods of several files, in the order of the files."""
    return join_relaxed([files.read_netcdf(path) for path in paths])


def join_relaxed(relaxed: list[xarray.Dataset]) -> xarray.Dataset:
    """All methods of several, of the same relaxations, in their order."""
    return xarray.concat(
        relaxed, "method", data_vars="minimal", coords="minimal", compat="equals", join="exact"
    )


class Relaxed:
    """What one method made of a training set, found by the conformer that it started from."""

    def __init__(self, dataset, relaxed, method: int):
        """method: row of the dim `method`"""
        conformers = relaxed["relaxed_conformer"].values
        self.row = {int(conformer): row for row, conformer in enumerate(conformers)}
        molecule = np.repeat(
            np.arange(dataset.sizes["molecule"]), dataset["conformer_count"].values
        )
        self.atoms = dataset["atom_count"].values[molecule[conformers]]
        self.first_atom = np.cumsum([0, *self.atoms])
        elements = dataset["hessian_count"].values[conformers]
        self.first_element = np.cumsum([0, *elements])
        self.arrays = {
            name: relaxed[name].values[method]
            for name, field in RELAXED_FIELDS.items()
            if len(field.dims) > 1
        }

    def __contains__(self, conformer: int) -> bool:
        return int(conformer) in self.row

    def energy(self, conformer: int) -> float:
        """kcal/mol, NaN if there is none."""
        return float(self.arrays["relaxed_energy"][self.row[conformer]])

    def reason(self, conformer: int) -> str:
        """Empty, or why something is missing."""
        return str(self.arrays["relaxed_reason"][self.row[conformer]])

    def positions(self, conformer: int) -> np.ndarray:
        """[atoms, 3] Å, NaN if there are none."""
        row = self.row[conformer]
        return self.arrays["relaxed_positions"][self.first_atom[row] : self.first_atom[row + 1]]

    def hessian(self, conformer: int) -> np.ndarray:
        """[3 atoms, 3 atoms] kcal/mol/Å², NaN if there is none."""
        row = self.row[conformer]
        elements = slice(self.first_element[row], self.first_element[row + 1])
        return self.arrays["relaxed_hessian"][elements].reshape(3 * self.atoms[row], -1)
