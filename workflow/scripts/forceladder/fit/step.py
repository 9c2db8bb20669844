"""What a rung says of a batch, with all that stays the same from step to step worked out once."""

from typing import NamedTuple

import torch

from forceladder.energy.neighbours import Neighbours
from forceladder.fit.data import FitData
from forceladder.model.potential import (
    Surface,
    correction_surface,
    mechanical_surface,
    neighbours_of,
)
from forceladder.model.rung import Parameters, Rung


class Prepared(NamedTuple):
    """A batch, who feels whom in the correction (None: no correction), and the mechanical part
    where it is fixed (None: it is fitted)."""

    data: FitData
    neighbours: Neighbours | None
    fixed: tuple[Parameters, Surface] | None


def prepare(model: Rung, data: FitData, mechanics_fixed: bool) -> Prepared:
    neighbours = neighbours_of(model, data.geometry) if model.correction is not None else None
    fixed = None
    if mechanics_fixed:
        with torch.no_grad():
            parameters = model(data.topology)
            fixed = parameters, mechanical_surface(parameters, data.geometry)
        data.geometry.forget()
    return Prepared(data, neighbours, fixed)


def predict(
    model: Rung, prepared: Prepared, differentiable: bool = True,
    parameters: Parameters | None = None,
) -> tuple[Surface, Parameters]:  # fmt: skip
    """Energies and gradients of a batch, and the parameters behind them.

    differentiable: keep the graph back to the weights that are fitted
    parameters: to take instead of the model's own
    """
    data = prepared.data
    with torch.set_grad_enabled(differentiable):
        if prepared.fixed:
            parameters, surface = prepared.fixed
        else:
            parameters = parameters or model(data.topology)
            surface = mechanical_surface(parameters, data.geometry)
    if model.correction is not None:
        surface = surface + correction_surface(
            model, parameters.embedding, data.geometry, prepared.neighbours, differentiable
        )
        if not differentiable:
            surface = Surface(surface.energy.detach(), surface.gradient)
    return surface, parameters
