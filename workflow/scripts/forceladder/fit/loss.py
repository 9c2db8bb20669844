"""What a fit minimizes: each part in units of its own spread, weighted by the config."""

from typing import NamedTuple

import torch
from torch import Tensor

from forceladder.energy.total import energy_and_gradient
from forceladder.fit.data import FitData, relative_energies
from forceladder.model.rung import Parameters

PARTS = ("force", "energy", "esp", "dipole", "prior")


class Spread(NamedTuple):
    """Root mean squares of the training data, weighted as in the loss, whose parts they make
    comparable.

    force kcal/mol/Å, energy kcal/mol, esp kcal/mol/e, dipole e Å
    """

    force: float
    energy: float
    esp: float
    dipole: float


def data_spread(batches: list[FitData]) -> Spread:
    """Spread over all batches; one for a kind of data that is absent or constant."""

    def root_mean_square(squares, weights):
        total = sum(float((weights(d) * squares(d)).sum()) for d in batches)
        mean = total / max(sum(float(weights(d).sum()) for d in batches), 1.0)
        return mean**0.5 if mean > 1e-12 else 1.0

    return Spread(
        force=root_mean_square(lambda d: (d.gradient**2).mean(dim=1), position_weight),
        energy=root_mean_square(lambda d: d.energy**2, lambda d: d.weight),
        esp=root_mean_square(lambda d: d.esp.square / d.esp.points.clamp_min(1.0), has_grid),
        dipole=root_mean_square(lambda d: (d.dipole**2).mean(dim=1), lambda d: d.has_dipole),
    )


def position_weight(data: FitData) -> Tensor:
    """Weight of the conformer of every position row; zero where its gradient is unknown."""
    return (data.weight * data.has_gradient)[data.geometry.position_conformer]


def has_grid(data: FitData) -> Tensor:
    """[molecules] one where there is an ESP to fit, else zero."""
    return (data.esp.points > 0).to(data.esp.points.dtype)


class Residuals(NamedTuple):
    """Model minus reference: gradient [positions, 3], energy [conformers] (relative),
    dipole [conformers, 3], esp_square [molecules], the mean squared ESP error.

    Where the reference is unknown (has_gradient, has_dipole), they are the model's own values."""

    gradient: Tensor
    energy: Tensor
    dipole: Tensor
    esp_square: Tensor


def residuals(parameters: Parameters, data: FitData, differentiable: bool) -> Residuals:
    """Model minus reference for every number of the data, in the units of Residuals.

    differentiable: keep the graph back to the parameters
    """
    energy, gradient = energy_and_gradient(parameters.terms, data.geometry, differentiable)
    molecules = len(data.topology.atom_count)
    relative = relative_energies(energy, data.weight, data.geometry, molecules)
    charge = parameters.charge
    moments = charge[data.geometry.position_atom][:, None] * data.geometry.positions
    dipole = torch.zeros_like(data.dipole).index_add(0, data.geometry.position_conformer, moments)
    return Residuals(
        gradient=gradient - data.gradient,
        energy=relative - data.energy,
        dipole=dipole - data.dipole,
        esp_square=mean_square_esp_error(charge, data),
    )


def mean_square_esp_error(charge: Tensor, data: FitData) -> Tensor:
    """[molecules] (kcal/mol/e)², from the normal equations; zero where there is no grid."""
    esp, molecule = data.esp, data.topology.molecule

    def total(values, molecules):
        return torch.zeros_like(esp.square).index_add(0, molecules, values)

    quadratic = total(esp.matrix * charge[esp.row] * charge[esp.column], molecule[esp.row])
    linear = total(esp.vector * charge, molecule)
    return (quadratic - 2.0 * linear + esp.square) / esp.points.clamp_min(1.0)


def loss_parts(parameters: Parameters, data: FitData, spread: Spread) -> dict[str, Tensor]:
    """Dimensionless parts, by the names in PARTS.

    Those of the data are one for a model that says zero, the prior is zero for one that
    is untrained.
    """
    found = residuals(parameters, data, differentiable=True)

    def mean(squares, weight):
        return (weight * squares).sum() / weight.sum().clamp_min(1.0)

    deviations = [d.flatten() for d in parameters.deviations.values() if d.numel()]
    return {
        "force": mean((found.gradient**2).mean(dim=1), position_weight(data)) / spread.force**2,
        "energy": mean(found.energy**2, data.weight) / spread.energy**2,
        "esp": mean(found.esp_square, has_grid(data)) / spread.esp**2,
        "dipole": mean((found.dipole**2).mean(dim=1), data.has_dipole) / spread.dipole**2,
        "prior": sum((d**2).mean() for d in deviations) / len(deviations),
    }
