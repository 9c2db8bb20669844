"""Errors in the field's units."""

import math

import torch

from forceladder.fit.data import FitData, relative_energies
from forceladder.fit.loss import residuals
from forceladder.model.potential import Surface
from forceladder.model.rung import Parameters

METRICS = ("force_rmse", "energy_rmse", "torsion_rmse", "esp_rmse", "dipole_rmse")


def deciding_error(row: dict[str, float]) -> float:
    """By which the best model is chosen: the validation error of the forces, or of the energies
    where there are no forces; NaN where there is neither."""
    forces, energies = (row.get(f"validation_{name}", math.nan) for name in METRICS[:2])
    return energies if math.isnan(forces) else forces


def energy_errors(found: list[tuple[Surface, Parameters, FitData]]) -> torch.Tensor:
    """Model minus reference relative to the molecule's mean over all batches, [conformers]."""
    names: dict[str, int] = {}
    error, weight, molecule = [], [], []
    for surface, _, data in found:
        numbers = [names.setdefault(name, len(names)) for name in data.topology.molecule_ids]
        error.append(surface.energy - data.total_energy)
        weight.append(data.weight)
        of_batch = torch.tensor(numbers, device=data.weight.device)
        molecule.append(of_batch[data.geometry.molecule])
    return relative_energies(torch.cat(error), torch.cat(weight), torch.cat(molecule))


@torch.no_grad()
def error_metrics(found: list[tuple[Surface, Parameters, FitData]]) -> dict[str, float]:
    """Unweighted root mean square errors over all batches.

    force kcal/mol/Å per component, energy kcal/mol (relative, per molecule, however its conformers
    are dealt), torsion kcal/mol (relative, per scan), esp kcal/mol/e (of the molecules that have a
    grid), dipole e Å per component; NaN without data, or without charges
    """
    errors = [(residuals(*one), one[2], "coulomb" in one[1].terms) for one in found]

    def root_mean(values):
        count = sum(value.numel() for value in values)
        total = sum(float((value**2).sum()) for value in values)
        return math.sqrt(total / count) if count else math.nan

    def gradients(error, data):
        return error.gradient[data.has_gradient[data.geometry.position_conformer] > 0]

    def potentials(error, data):
        return error.esp_square[data.esp.points > 0].clamp_min(0.0).sqrt()

    return {
        "force_rmse": root_mean([gradients(e, d) for e, d, _ in errors]),
        "energy_rmse": root_mean([energy_errors(found)] if found else []),
        "torsion_rmse": root_mean([e.torsion for e, _, _ in errors]),
        "esp_rmse": root_mean([potentials(e, d) if c else d.weight[:0] for e, d, c in errors]),
        "dipole_rmse": root_mean(
            [e.dipole[d.has_dipole > 0] if c else d.weight[:0] for e, d, c in errors]
        ),
    }
