"""Energy and gradient of all conformers: the sum over terms.

Energies depend on positions only through internal coordinates q, so the gradient is
∂E/∂x = Bᵀ ∂E/∂q with B = ∂q/∂x worked out once per geometry. A fit differentiates
∂E/∂q by parameters, elementwise, and never through the geometry.
"""

import torch
from torch import Tensor

from forceladder.energy.geometry import Geometry
from forceladder.energy.terms import TERMS


def term_energy_and_gradient(
    name: str, parameters: dict[str, Tensor], geometry: Geometry, differentiable: bool = False
) -> tuple[Tensor, Tensor]:
    """One term's energy and gradient.

    parameters: name → [rows of the term's table, …]
    differentiable: keep the graph from the results back to the parameters
    returns: [conformers] kcal/mol, [position rows, 3] kcal/mol/Å
    """
    term = TERMS[name]
    instances = geometry.instances[term.table]
    positions = geometry.positions
    energy = torch.zeros(geometry.conformers, dtype=positions.dtype, device=positions.device)
    gradient = torch.zeros_like(positions)
    found = [geometry.coordinate(term.table, columns) for columns in term.coordinates]
    with torch.enable_grad():
        coordinates = tuple(values.detach().requires_grad_() for values, _, _ in found)
        rows = {key: value[instances.row] for key, value in parameters.items()}
        per_instance = term.energy(coordinates, rows)
        slopes = torch.autograd.grad(per_instance.sum(), coordinates, create_graph=differentiable)
    if not differentiable:
        per_instance = per_instance.detach()
    energy = energy.index_add(0, instances.conformer, per_instance)
    for slope, (_, derivatives, atoms) in zip(slopes, found, strict=True):
        pull = slope[:, None, None] * derivatives
        gradient = gradient.index_add(0, atoms.reshape(-1), pull.reshape(-1, 3))
    return energy, gradient


def energy_and_gradient(
    parameters: dict[str, dict[str, Tensor]], geometry: Geometry, differentiable: bool = False
) -> tuple[Tensor, Tensor]:
    """Total energy [conformers] kcal/mol and gradient [position rows, 3] kcal/mol/Å.

    parameters: term → parameter → [rows, …]; the terms present are the force field
    """
    parts = [
        term_energy_and_gradient(name, values, geometry, differentiable)
        for name, values in parameters.items()
    ]
    return sum(part[0] for part in parts), sum(part[1] for part in parts)
