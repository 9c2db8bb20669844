"""Energy and gradient of a rung: its mechanical terms through the B matrix, its correction
through autograd."""

from typing import NamedTuple

import torch
from torch import Tensor

from forceladder.energy.geometry import Geometry
from forceladder.energy.neighbours import Neighbours, find_neighbours
from forceladder.energy.total import energy_and_gradient
from forceladder.model.rung import Parameters, Rung


class Surface(NamedTuple):
    """energy [conformers] kcal/mol, gradient [position rows, 3] kcal/mol/Å"""

    energy: Tensor
    gradient: Tensor

    def __add__(self, other: "Surface") -> "Surface":
        return Surface(self.energy + other.energy, self.gradient + other.gradient)


def rung_surface(model: Rung, geometry: Geometry, backend: str = "auto") -> Surface:
    """Energy and gradient of all conformers, no graph kept."""
    with torch.no_grad():
        parameters = model(geometry.topology, backend)
        found = mechanical_surface(parameters, geometry)
    if model.correction is not None:
        neighbours = neighbours_of(model, geometry)
        found = found + correction_surface(model, parameters.embedding, geometry, neighbours)
    energy = found.energy + atomic_energies(model, geometry)[geometry.molecule]
    return Surface(energy.detach(), found.gradient.detach())


def atomic_energies(model: Rung, geometry: Geometry) -> Tensor:
    """[molecules] kcal/mol, the sum over the atoms of a molecule: the zero of its energy."""
    topology = geometry.topology
    per_atom = model.atomic_energy[topology.atomic_number].to(geometry.positions.dtype)
    total = per_atom.new_zeros(len(topology.atom_count))
    return total.index_add(0, topology.molecule, per_atom)


def mechanical_surface(parameters: Parameters, geometry: Geometry) -> Surface:
    """Of the terms of molecular mechanics; the graph goes back to the parameters."""
    return Surface(*energy_and_gradient(parameters.terms, geometry))


def neighbours_of(model: Rung, geometry: Geometry) -> Neighbours:
    """Who feels whom in the correction."""
    return find_neighbours(
        geometry.topology, geometry.positions, geometry.position_atom,
        geometry.position_conformer, model.settings["correction"]["cutoff_angstrom"],
    )  # fmt: skip


def correction_surface(
    model: Rung, embedding: Tensor, geometry: Geometry, neighbours: Neighbours,
    differentiable: bool = False,
) -> Surface:  # fmt: skip
    """Of the correction, in its own precision; forces are exact gradients of the energy.

    differentiable: keep the graph from the results back to the weights
    """
    dtype = next(model.correction.parameters()).dtype
    with torch.enable_grad():
        positions = geometry.positions.detach().to(dtype).requires_grad_()
        per_atom = model.correction(
            embedding.to(dtype), geometry.position_atom, positions, neighbours
        )
        (gradient,) = torch.autograd.grad(per_atom.sum(), positions, create_graph=differentiable)
    energy = geometry.positions.new_zeros(geometry.conformers)
    energy = energy.index_add(0, geometry.position_conformer, per_atom.to(energy.dtype))
    return Surface(energy, gradient.to(energy.dtype))
