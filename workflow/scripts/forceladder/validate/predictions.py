"""Energies and gradients of every method on every geometry of the training set."""

import numpy as np
import torch
import xarray

from forceladder import files
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.fields import PREDICTION_FIELDS, labelled
from forceladder.model.potential import rung_surface
from forceladder.training_set.dataset import molecule_positions, row_ranges, select
from forceladder.validate.methods import method_surfaces

POSITIONS_PER_CHUNK = 2000  # of all conformers; a correction needs about 0.1 MB for each


def rung_predictions(name: str, model, dataset) -> xarray.Dataset:
    """Energies and gradients of a fitted rung, some conformers at a time."""
    energies, gradients = [], []
    for picks in chunks(dataset["conformer_count"].values, dataset["atom_count"].values):
        some = select(dataset, picks)
        geometry = Geometry(
            topology_of(some),
            torch.as_tensor(some["conformer_count"].values),
            torch.as_tensor(some["positions"].values),
        )
        energy, gradient = rung_surface(model, geometry)
        energies.append(energy.numpy())
        gradients.append(gradient.numpy())
    return as_predictions([name], np.concatenate(energies)[None], np.concatenate(gradients)[None])


def chunks(conformers, atoms) -> list[list[tuple[int, np.ndarray]]]:
    """Conformers in their order, in chunks of about POSITIONS_PER_CHUNK atoms, as picks of
    `training_set.dataset.select`.

    conformers, atoms: [molecules], how many a molecule has
    """
    found, room = [], 0
    for molecule, (count, size) in enumerate(zip(conformers, atoms, strict=True)):
        first = 0
        while first < count:
            if room < size:
                found.append([])
                room = max(POSITIONS_PER_CHUNK, size)
            taken = min(room // size, count - first)
            found[-1].append((molecule, np.arange(first, first + taken)))
            first, room = first + taken, room - taken * size
    return found


def baseline_predictions(name: str, dataset) -> xarray.Dataset:
    """Energies and gradients of a baseline; NaN where it has no parameters or gives no number."""
    ranges = row_ranges(dataset)
    energies = np.full((1, dataset.sizes["conformer"]), np.nan)
    gradients = np.full((1, dataset.sizes["position"], 3), np.nan)
    for index, _, _, surface in method_surfaces(dataset, name):
        if surface is None:
            continue
        energy, gradient = surface.many(molecule_positions(dataset, index))
        energies[0, slice(*ranges["conformer"][index : index + 2])] = energy
        gradients[0, slice(*ranges["position"][index : index + 2])] = gradient.reshape(-1, 3)
    return as_predictions([name], energies, gradients)


def as_predictions(methods: list[str], energies, gradients) -> xarray.Dataset:
    """energies [methods, conformers] kcal/mol, gradients [methods, positions, 3] kcal/mol/Å."""
    arrays = {"method": methods, "predicted_energy": energies, "predicted_gradients": gradients}
    return xarray.Dataset(labelled(arrays, PREDICTION_FIELDS))


def read_predictions(paths) -> xarray.Dataset:
    """All methods of several files, in the order of the files."""
    return join_predictions([files.read_netcdf(path) for path in paths])


def join_predictions(predictions: list[xarray.Dataset]) -> xarray.Dataset:
    """All methods of several, in their order."""
    return xarray.concat(predictions, dim="method")
