"""What a fit minimizes: each part in units of its own spread, weighted by the config."""

from typing import NamedTuple

import torch
from torch import Tensor

from forceladder.fit.data import FitData, relative_energies
from forceladder.model.potential import Surface
from forceladder.model.rung import Parameters

PARTS = ("force", "energy", "torsion", "esp", "dipole", "prior")


NORM_EDGE = 1e-3  # of a norm, in units of the spread, below which it is smooth


class Spread(NamedTuple):
    """Root mean squares of the training data, weighted as in the loss, whose parts they make
    comparable.

    force kcal/mol/Å, energy and torsion kcal/mol, esp kcal/mol/e, dipole e Å
    """

    force: float
    energy: float
    torsion: float
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
        torsion=root_mean_square(lambda d: scan_profile(d.energy, d) ** 2, scan_weight),
        esp=root_mean_square(lambda d: d.esp.square / d.esp.points.clamp_min(1.0), has_grid),
        dipole=root_mean_square(lambda d: (d.dipole**2).mean(dim=1), lambda d: d.has_dipole),
    )


def position_weight(data: FitData) -> Tensor:
    """Weight of the conformer of every position row; zero where its gradient is unknown."""
    return (data.weight * data.has_gradient)[data.geometry.position_conformer]


def has_grid(data: FitData) -> Tensor:
    """[molecules] one where there is an ESP to fit, else zero."""
    return (data.esp.points > 0).to(data.esp.points.dtype)


def scan_profile(energy: Tensor, data: FitData) -> Tensor:
    """Energies relative to the mean of their torsion scan, [conformers of any scan] kcal/mol."""
    on_scan = data.scan >= 0
    return relative_energies(energy[on_scan], data.weight[on_scan], data.scan[on_scan])


def scan_weight(data: FitData) -> Tensor:
    """[conformers of any scan]."""
    return data.weight[data.scan >= 0]


class Residuals(NamedTuple):
    """Model minus reference: gradient [positions, 3], energy [conformers] (relative to the
    molecule's mean), torsion [conformers of any scan] (relative to the scan's mean),
    dipole [conformers, 3], esp_square [molecules], the mean squared ESP error.

    Where the reference is unknown (has_gradient, has_dipole), they are the model's own values.
    A model without charges has zeros for dipole and esp_square."""

    gradient: Tensor
    energy: Tensor
    torsion: Tensor
    dipole: Tensor
    esp_square: Tensor


def residuals(surface: Surface, parameters: Parameters, data: FitData) -> Residuals:
    """Model minus reference for every number of the data, in the units of Residuals."""
    relative = relative_energies(surface.energy, data.weight, data.geometry.molecule)
    charge, dipole = parameters.charge, torch.zeros_like(data.dipole)
    esp_square = torch.zeros_like(data.esp.square)
    if "coulomb" in parameters.terms:
        moments = charge[data.geometry.position_atom][:, None] * data.geometry.positions
        dipole = dipole.index_add(0, data.geometry.position_conformer, moments) - data.dipole
        esp_square = mean_square_esp_error(charge, data)
    return Residuals(
        gradient=surface.gradient - data.gradient,
        energy=relative - data.energy,
        torsion=scan_profile(surface.energy, data) - scan_profile(data.energy, data),
        dipole=dipole,
        esp_square=esp_square,
    )


def mean_square_esp_error(charge: Tensor, data: FitData) -> Tensor:
    """[molecules] (kcal/mol/e)², from the normal equations; zero where there is no grid."""
    esp, molecule = data.esp, data.topology.molecule

    def total(values, molecules):
        return torch.zeros_like(esp.square).index_add(0, molecules, values)

    quadratic = total(esp.matrix * charge[esp.row] * charge[esp.column], molecule[esp.row])
    linear = total(esp.vector * charge, molecule)
    return (quadratic - 2.0 * linear + esp.square) / esp.points.clamp_min(1.0)


FORCE_LOSSES = {
    "mean_square": lambda error: (error**2).mean(dim=1),
    "mean_norm": lambda error: ((error**2).mean(dim=1) + NORM_EDGE**2).sqrt() - NORM_EDGE,
}


def loss_parts(
    surface: Surface, parameters: Parameters, data: FitData, spread: Spread,
    force_loss: str = "mean_square",
) -> dict[str, Tensor]:  # fmt: skip
    """Dimensionless parts, by the names in PARTS.

    Those of the data are one for a model that says zero (about one for a mean norm), the prior
    is zero for one that is untrained.

    force_loss: 'mean_square' of the error's components, or 'mean_norm' of its vectors, which
        lets a network leave a few large errors be, and work on the many small ones
    """
    found = residuals(surface, parameters, data)

    def mean(squares, weight):
        return (weight * squares).sum() / weight.sum().clamp_min(1.0)

    deviations = [d.flatten() for d in parameters.deviations.values() if d.numel()]
    prior = sum((d**2).mean() for d in deviations) / max(len(deviations), 1)
    return {
        "force": mean(
            FORCE_LOSSES[force_loss](found.gradient / spread.force), position_weight(data)
        ),
        "energy": mean(found.energy**2, data.weight) / spread.energy**2,
        "torsion": mean(found.torsion**2, scan_weight(data)) / spread.torsion**2,
        "esp": mean(found.esp_square, has_grid(data)) / spread.esp**2,
        "dipole": mean((found.dipole**2).mean(dim=1), data.has_dipole) / spread.dipole**2,
        "prior": surface.energy.new_zeros(()) + prior,
    }
