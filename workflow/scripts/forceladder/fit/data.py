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

    total_energy  [conformers]    kcal/mol, of the level of theory
    energy    [conformers]    kcal/mol, relative to the weighted mean of the molecule's
    gradient  [positions, 3]  kcal/mol/Å; zero where unknown
    weight    [conformers]    see `conformer_weights`
    dipole    [conformers, 3] e Å; zero where unknown
    has_gradient, has_dipole  [conformers]  1 where the reference knows them, else 0
    scan      [conformers]    torsion scan that it belongs to, counted through the set; −1: none
    esp       EspEquations
    """

    topology: Topology
    geometry: Geometry
    total_energy: Tensor
    energy: Tensor
    gradient: Tensor
    weight: Tensor
    dipole: Tensor
    has_gradient: Tensor
    has_dipole: Tensor
    scan: Tensor
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


def fit_data(dataset, weight, device="cpu") -> FitData:
    """Tensors of a training set, or of a part of one.

    weight: [conformers], see `conformer_weights`
    """
    topology = topology_of(dataset, device=device)

    def real(values):
        return torch.as_tensor(values, dtype=torch.float64, device=device)

    count = torch.as_tensor(dataset["conformer_count"].values, dtype=torch.long)
    geometry = Geometry(topology, count, real(dataset["positions"].values))
    weight = real(weight)
    gradient, dipole = real(dataset["gradients"].values), real(dataset["dipole"].values)
    # NaN is how a training set says "unknown": such rows count nothing in the loss
    total_energy = real(dataset["energy"].values)
    unknown = gradient.isnan().any(dim=1).to(weight.dtype)
    no_gradient = torch.zeros_like(weight).index_add(0, geometry.position_conformer, unknown)
    return FitData(
        topology=topology,
        geometry=geometry,
        total_energy=total_energy,
        energy=relative_energies(total_energy, weight, geometry.molecule),
        gradient=gradient.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf),
        weight=weight,
        dipole=dipole.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf),
        has_gradient=(no_gradient == 0).to(weight.dtype),
        has_dipole=(~dipole.isnan().any(dim=1)).to(weight.dtype),
        scan=torch.as_tensor(scans_of(dataset), device=device),
        esp=esp_equations(dataset, device),
    )


def conformer_weights(dataset, scale: float) -> np.ndarray:
    """w = 1 / (1 + (ΔE / (N scale))²): half weight at `scale` kcal/mol per atom above the minimum.

    Smooth, never zero: a hot geometry counts less, and no cut decides that it does not.

    returns: [conformers]
    """
    counts, energy = dataset["conformer_count"].values, dataset["energy"].values
    lowest = np.full(len(counts), np.inf)
    molecule = np.repeat(np.arange(len(counts)), counts)
    np.minimum.at(lowest, molecule, energy)
    above = (energy - lowest[molecule]) / (scale * dataset["atom_count"].values[molecule])
    return 1.0 / (1.0 + above**2)


def scans_of(dataset) -> np.ndarray:
    """[conformers] scan, counted through the set; −1 for none."""
    scans = dataset["scan_count"].values
    first = np.repeat(np.cumsum(scans) - scans, dataset["conformer_count"].values)
    scan = dataset["scan"].values
    return np.where(scan < 0, -1, first + scan).astype(np.int64)


def relative_energies(energy: Tensor, weight: Tensor, group: Tensor) -> Tensor:
    """Energies minus the weighted mean over the conformers of their group, [conformers].

    group: [conformers], of the molecule or the scan, from zero
    """
    groups = int(group.max()) + 1 if len(group) else 0

    def total(values):
        return values.new_zeros(groups).index_add(0, group, values)

    mean = total(weight * energy) / total(weight).clamp_min(1e-300)
    return energy - mean[group]


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
