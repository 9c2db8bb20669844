"""Who is to blame for a loss that is not finite."""

import torch

from forceladder.energy.total import term_energy_and_gradient
from forceladder.errors import FitError
from forceladder.fit.loss import Spread, loss_parts, residuals
from forceladder.fit.step import Prepared, predict
from forceladder.model.rung import CORRECTION, Rung


def check_finite(model: Rung, batches: list[Prepared], spread: Spread, when: str):
    """Raise FitError if what a model says of some batch is not finite; see `blame`."""
    for prepared in batches:
        found = predict(model, prepared, differentiable=False)
        parts = loss_parts(*found, prepared.data, spread)
        if not all(bool(torch.isfinite(part)) for part in parts.values()):
            raise FitError(blame(model, prepared, parts, when))


def blame(model: Rung, prepared: Prepared, parts: dict, when: str) -> str:
    """A sentence that names the molecule and the term, or the data, that are not finite.

    when: part of the fit, as "epoch 3"
    """
    data = prepared.data
    surface, parameters = predict(model, prepared, differentiable=False)
    for name, values in parameters.terms.items():
        values = {key: value.detach() for key, value in values.items()}
        energy, gradient = term_energy_and_gradient(name, values, data.geometry)
        if (molecule := first_broken(energy, gradient, data)) is not None:
            return term_sentence(name, molecule, when)
    if (molecule := first_broken(surface.energy, surface.gradient, data)) is not None:
        return term_sentence(CORRECTION, molecule, when)
    broken = [name for name, value in parts.items() if not torch.isfinite(value)]
    message = f"the loss is not finite in {when}: part {', '.join(broken) or 'gradient'}"
    found = residuals(surface, parameters, data)
    bad = ~torch.isfinite(found.energy) | ~torch.isfinite(found.dipole).all(dim=1)
    bad[data.geometry.position_conformer[~torch.isfinite(found.gradient).all(dim=1)]] = True
    molecules = [*data.geometry.molecule[bad], *torch.nonzero(~torch.isfinite(found.esp_square))]
    if molecules:
        name = data.topology.molecule_ids[int(molecules[0])]
        message += f" of molecule {name}; look at its QM data"
    return message + "."


def first_broken(energy, gradient, data) -> str | None:
    """Id of the first molecule with an energy or a gradient that is not finite."""
    bad = ~torch.isfinite(energy)
    bad[data.geometry.position_conformer[~torch.isfinite(gradient).all(dim=1)]] = True
    if not bad.any():
        return None
    return data.topology.molecule_ids[int(data.geometry.molecule[bad][0])]


def term_sentence(term: str, molecule: str, when: str) -> str:
    return (
        f"the loss is not finite in {when}: term {term} of molecule {molecule}; look at its "
        "geometries, or lower training.learning_rate."
    )
