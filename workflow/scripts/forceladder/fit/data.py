"""A training set as tensors, ready for the loss: everything that no fit step changes."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import Topology, topology_of
from forceladder.training_set.dataset import row_ranges
from forceladder.units import COULOMB


class FitData(NamedTuple):
    """Flat tensors of a set of molecules; rows as in energy.geometry.

    energy    [conformers]    kcal/mol, relative to the weighted mean of the molecule's
    gradient  [positions, 3]  kcal/mol/Å; zero where unknown
    weight    [conformers]    see `conformer_weights`
    dipole    [conformers, 3] e Å; zero where unknown
    has_gradient, has_dipole  [conformers]  1 where the reference knows them, else 0
    esp       EspEquations
    """

    topology: Topology
    geometry: Geometry
    energy: Tensor
    gradient: Tensor
    weight: Tensor
    dipole: Tensor
    has_gradient: Tensor
    has_dipole: Tensor
    esp: "EspEquations"


class EspEquations(NamedTuple):
    """Sum of squared ESP errors of each molecule as a quadratic form of its charges.

    Σ (A q − v)² = qᵀG q − 2 bᵀq + c with G = AᵀA over all its grid points, worked out once:
    the fit then never touches a grid again.

    row, column [entries]   atoms; matrix G [entries], (kcal/mol/e²)²
    vector b [atoms]        square c [molecules]      points [molecules], number of them
    """

    row: Tensor
    column: Tensor
    matrix: Tensor
    vector: Tensor
    square: Tensor
    points: Tensor


def fit_data(dataset, energy_scale: float, device="cpu") -> FitData:
    """Tensors of a training set (or a part of one, see `select_molecules`).

    energy_scale: kcal/mol per atom, see `conformer_weights`
    """
    topology = topology_of(dataset, device=device)

    def real(name):
        return torch.as_tensor(dataset[name].values, dtype=torch.float64, device=device)

    count = torch.as_tensor(dataset["conformer_count"].values, dtype=torch.long)
    geometry = Geometry(topology, count, real("positions"))
    energy = real("energy")
    weight = conformer_weights(energy, geometry, topology, energy_scale)
    gradient, dipole = real("gradients"), real("dipole")
    # NaN is how a training set says "unknown": such rows count nothing in the loss
    unknown = gradient.isnan().any(dim=1).to(weight.dtype)
    no_gradient = torch.zeros_like(weight).index_add(0, geometry.position_conformer, unknown)
    return FitData(
        topology=topology,
        geometry=geometry,
        energy=relative_energies(energy, weight, geometry, len(topology.atom_count)),
        gradient=gradient.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf),
        weight=weight,
        dipole=dipole.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf),
        has_gradient=(no_gradient == 0).to(weight.dtype),
        has_dipole=(~dipole.isnan().any(dim=1)).to(weight.dtype),
        esp=esp_equations(dataset, device),
    )


def conformer_weights(energy, geometry: Geometry, topology: Topology, scale: float) -> Tensor:
    """w = 1 / (1 + (ΔE / (N scale))²): half weight at `scale` kcal/mol per atom above the minimum.

    Smooth, never zero: a hot geometry counts less, and no cut decides that it does not.

    energy: [conformers] kcal/mol      returns: [conformers]
    """
    molecules = len(topology.atom_count)
    lowest = torch.full((molecules,), torch.inf, dtype=energy.dtype, device=energy.device)
    lowest = lowest.scatter_reduce(0, geometry.molecule, energy, reduce="amin")
    above = energy - lowest[geometry.molecule]
    return 1.0 / (1.0 + (above / (scale * topology.atom_count[geometry.molecule])) ** 2)


def relative_energies(energy, weight, geometry: Geometry, molecules: int) -> Tensor:
    """Energies minus the weighted mean over the molecule's conformers, [conformers]."""

    def total(values):
        return values.new_zeros(molecules).index_add(0, geometry.molecule, values)

    mean = total(weight * energy) / total(weight)
    return energy - mean[geometry.molecule]


def esp_equations(dataset, device) -> EspEquations:
    """Normal equations of the ESP fit of every molecule; zero where it has no grid."""
    ranges = row_ranges(dataset)
    positions, grid = dataset["positions"].values, dataset["grid_positions"].values
    potential, grid_count = dataset["esp"].values, dataset["grid_count"].values
    rows, columns, matrix, vector, square, points = [], [], [], [], [], []
    for molecule, atoms in enumerate(dataset["atom_count"].values):
        g, b, c, n = np.zeros((atoms, atoms)), np.zeros(atoms), 0.0, 0
        first_position, first_point = ranges["position"][molecule], ranges["grid_point"][molecule]
        for conformer in range(ranges["conformer"][molecule], ranges["conformer"][molecule + 1]):
            x = positions[first_position : first_position + atoms]
            here = slice(first_point, first_point + grid_count[conformer])
            a = COULOMB / np.linalg.norm(grid[here][:, None] - x[None], axis=-1)
            v = potential[here]
            g, b, c, n = g + a.T @ a, b + a.T @ v, c + v @ v, n + len(v)
            first_position, first_point = first_position + atoms, here.stop
        index = ranges["atom"][molecule] + np.arange(atoms)
        rows.append(np.repeat(index, atoms))
        columns.append(np.tile(index, atoms))
        matrix.append(g.ravel())
        vector.append(b)
        square.append(c)
        points.append(n)

    def real(values):
        return torch.as_tensor(np.asarray(values), dtype=torch.float64, device=device)

    return EspEquations(
        row=torch.as_tensor(np.concatenate(rows), device=device),
        column=torch.as_tensor(np.concatenate(columns), device=device),
        matrix=real(np.concatenate(matrix)),
        vector=real(np.concatenate(vector)),
        square=real(square),
        points=real(points),
    )
