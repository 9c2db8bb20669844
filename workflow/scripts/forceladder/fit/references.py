"""Energies of isolated atoms that put a model's energies on the reference's scale."""

import torch

from forceladder.fit.step import Prepared, predict
from forceladder.model.rung import Rung


@torch.no_grad()
def fit_atomic_energies(model: Rung, batches: list[Prepared]):
    """Set model.atomic_energy by least squares of Σ_atoms E(element) against what the model
    lacks of each conformer's total energy; the shortest solution, where several are best.

    Forces and energies within a molecule do not depend on it.
    """
    counts, lacking = [], []
    for prepared in batches:
        data = prepared.data
        surface, _ = predict(model, prepared, differentiable=False)
        composition = surface.energy.new_zeros(
            len(data.topology.atom_count), len(model.atomic_energy)
        )
        composition.index_put_(
            (data.topology.molecule, data.topology.atomic_number),
            composition.new_ones(()), accumulate=True,
        )  # fmt: skip
        counts.append(composition[data.geometry.molecule])
        lacking.append(data.total_energy - surface.energy)
    matrix, target = torch.cat(counts).cpu(), torch.cat(lacking).cpu()
    found = torch.linalg.lstsq(matrix, target[:, None], driver="gelsd").solution[:, 0]
    model.atomic_energy.copy_(found)
