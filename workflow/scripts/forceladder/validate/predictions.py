"""Energies and gradients of every method on every geometry of the training set."""

import numpy as np
import torch
import xarray

from forceladder import files
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.energy.total import energy_and_gradient
from forceladder.fields import PREDICTION_FIELDS, labelled
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.training_set.dataset import molecule_positions, row_ranges
from forceladder.validate.baselines import asked_baselines


def rung_predictions(name: str, model, dataset) -> xarray.Dataset:
    """Energies and gradients of a fitted rung."""
    topology = topology_of(dataset)
    positions = torch.as_tensor(dataset["positions"].values)
    geometry = Geometry(topology, torch.as_tensor(dataset["conformer_count"].values), positions)
    with torch.no_grad():
        parameters = model(topology)
    energy, gradient = energy_and_gradient(parameters.terms, geometry)
    return as_predictions([name], energy.numpy()[None], gradient.numpy()[None])


def baseline_predictions(dataset, with_openff: bool = False) -> xarray.Dataset:
    """Energies and gradients of all baselines; NaN where one has no parameters."""
    baselines = asked_baselines(with_openff)
    ranges = row_ranges(dataset)
    energies = np.full((len(baselines), dataset.sizes["conformer"]), np.nan)
    gradients = np.full((len(baselines), dataset.sizes["position"], 3), np.nan)
    for m, smiles in enumerate(dataset["mapped_smiles"].values):
        mol = molecule_from_mapped_smiles(str(smiles))
        rows = slice(*ranges["position"][m : m + 2])
        positions = molecule_positions(dataset, m)
        for b, baseline in enumerate(baselines.values()):
            energy, gradient = baseline(mol, int(dataset["net_charge"].values[m]), positions)
            energies[b, slice(*ranges["conformer"][m : m + 2])] = energy
            gradients[b, rows] = gradient.reshape(-1, 3)
    return as_predictions(list(baselines), energies, gradients)


def as_predictions(methods: list[str], energies, gradients) -> xarray.Dataset:
    """energies [methods, conformers] kcal/mol, gradients [methods, positions, 3] kcal/mol/Å."""
    arrays = {"method": methods, "predicted_energy": energies, "predicted_gradients": gradients}
    return xarray.Dataset(labelled(arrays, PREDICTION_FIELDS))


def read_predictions(paths) -> xarray.Dataset:
    """All methods of several files, in the order of the files."""
    return xarray.concat([files.read_netcdf(path) for path in paths], dim="method")
