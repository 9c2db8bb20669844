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
    numbers = sorted({n for one in batches for n in one.data.topology.atomic_number.tolist()})
    column = {number: place for place, number in enumerate(numbers)}
    counts, lacking = [], []
    for prepared in batches:
        data = prepared.data
        surface, _ = predict(model, prepared, differentiable=False)
        topology = data.topology
        composition = surface.energy.new_zeros(len(topology.atom_count), len(numbers))
        which = [column[number] for number in topology.atomic_number.tolist()]
        where = topology.molecule, torch.tensor(which, device=topology.molecule.device)
        composition.index_put_(where, composition.new_ones(()), accumulate=True)
        counts.append(composition[data.geometry.molecule])
        lacking.append(data.total_energy - surface.energy)
    matrix, target = torch.cat(counts).cpu(), torch.cat(lacking).cpu()
    found = torch.linalg.lstsq(matrix, target[:, None], driver="gelsd").solution[:, 0]
    model.atomic_energy[numbers] = found.to(model.atomic_energy)
