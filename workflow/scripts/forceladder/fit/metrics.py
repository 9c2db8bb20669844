"""Errors in the field's units."""

import torch

from forceladder.fit.data import FitData
from forceladder.fit.loss import residuals
from forceladder.model.rung import Parameters

METRICS = ("force_rmse", "energy_rmse", "esp_rmse", "dipole_rmse")


@torch.no_grad()
def error_metrics(parameters: Parameters, batches: list[FitData]) -> dict[str, float]:
    """Unweighted root mean square errors over all batches; parameters: one per batch.

    force kcal/mol/Å per component, energy kcal/mol (relative, per molecule), esp
    kcal/mol/e (of the molecules that have a grid), dipole e Å per component; NaN without data
    """
    found = [
        residuals(p, d, differentiable=False) for p, d in zip(parameters, batches, strict=True)
    ]

    def root_mean(values):
        values = torch.cat([value.flatten() for value in values])
        return float((values**2).mean().sqrt()) if len(values) else float("nan")

    return {
        "force_rmse": root_mean(
            [
                r.gradient[d.has_gradient[d.geometry.position_conformer] > 0]
                for r, d in zip(found, batches, strict=True)
            ]
        ),
        "energy_rmse": root_mean([r.energy for r in found]),
        "esp_rmse": root_mean(
            [
                r.esp_square[d.esp.points > 0].clamp_min(0.0).sqrt()
                for r, d in zip(found, batches, strict=True)
            ]
        ),
        "dipole_rmse": root_mean(
            [r.dipole[d.has_dipole > 0] for r, d in zip(found, batches, strict=True)]
        ),
    }
