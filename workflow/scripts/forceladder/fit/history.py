"""The course of a fit, epoch by epoch, as a NetCDF file."""

import numpy as np
import xarray

from forceladder import files

UNITS = {
    "force_rmse": "kcal/mol/angstrom",
    "energy_rmse": "kcal/mol",
    "torsion_rmse": "kcal/mol",
    "esp_rmse": "kcal/mol/e",
    "dipole_rmse": "e angstrom",
}


def write_history(history: dict[str, np.ndarray], path):
    """history: name → [epochs]; NaN in epochs that were not evaluated."""
    variables = {}
    for name, values in history.items():
        units = UNITS.get(name.split("_", 1)[-1], "1")
        variables[name] = ("epoch", np.asarray(values, float), {"units": units})
    files.write_netcdf(path, xarray.Dataset(variables))


def read_history(path) -> dict[str, np.ndarray]:
    """What `write_history` wrote: name → [epochs]."""
    dataset = files.read_netcdf(path)
    return {name: dataset[name].values for name in dataset}
