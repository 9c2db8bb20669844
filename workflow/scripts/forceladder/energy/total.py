"""Energy and gradient of all conformers: the sum over terms.

Energies depend on positions only through internal coordinates q, so the gradient is
∂E/∂x = Bᵀ ∂E/∂q with B = ∂q/∂x worked out once per geometry. The slopes of all terms by
one coordinate are added up first, then go through B together. A fit differentiates
∂E/∂q by parameters, elementwise, and never through the geometry.
"""

import torch
from torch import Tensor

from forceladder.energy.geometry import Geometry
from forceladder.energy.terms import TERMS


class Spread(torch.autograd.Function):
    """Each row's value for all its instances, which lie together."""

    @staticmethod
    def forward(context, values: Tensor, row: Tensor, count: Tensor) -> Tensor:
        """values [rows, …], row [instances], count [rows] → [instances, …]"""
        context.save_for_backward(count)
        context.shape = values.shape
        return values.index_select(0, row)

    @staticmethod
    def backward(context, gradient: Tensor):
        (count,) = context.saved_tensors
        if not gradient.numel():
            return gradient.new_zeros(context.shape), None, None
        # unsafe: the counts, which are ours, are not checked at every step
        total = torch.segment_reduce(
            gradient.contiguous(), "sum", lengths=count, axis=0, unsafe=True
        )
        return total, None, None


class Pull(torch.autograd.Function):
    """Bᵀ s of one coordinate: its slopes times its derivatives, added up by position row.

    One component at a time: torch scatters and gathers single numbers several times faster than
    rows of three.
    """

    @staticmethod
    def forward(context, slope: Tensor, derivatives: Tensor, atoms: Tensor, rows: int) -> Tensor:
        """slope [instances], derivatives [instances, k, 3], atoms [instances, k] → [rows, 3]"""
        context.save_for_backward(derivatives, atoms)
        gradient = slope.new_zeros(3, rows)
        for atom, derivative in zip(atoms.unbind(1), derivatives.unbind(1), strict=True):
            for total, component in zip(gradient, derivative.unbind(1), strict=True):
                total.scatter_add_(0, atom, slope * component)
        return gradient.T

    @staticmethod
    def backward(context, gradient: Tensor):
        derivatives, atoms = context.saved_tensors
        components = gradient.T.contiguous()
        slope = gradient.new_zeros(len(atoms))
        for atom, derivative in zip(atoms.unbind(1), derivatives.unbind(1), strict=True):
            for one, component in zip(components, derivative.unbind(1), strict=True):
                slope.addcmul_(one.index_select(0, atom), component)
        return slope, None, None, None


def term_energy_and_slopes(
    name: str, parameters: dict[str, Tensor], geometry: Geometry
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One term's energy and its slope by each of its coordinates, [instances of its table]."""
    term = TERMS[name]
    instances = geometry.instances(term.table)
    coordinates = tuple(geometry.values(term.table, *which) for which in term.coordinates)
    rows = {
        key: Spread.apply(value, instances.row, instances.count)
        for key, value in parameters.items()
    }
    return term.energy(coordinates, rows)


def gradient_of(slopes: dict[tuple[str, str, int], Tensor], geometry: Geometry) -> Tensor:
    """Bᵀ ∂E/∂q: gradient [position rows, 3] kcal/mol/Å.

    slopes: (table, coordinate, member) → [instances of the table]
    """
    by_coordinate: dict[str, Tensor] = {}
    for (table, name, member), slope in slopes.items():
        place = geometry.member(table, name, member)
        if place is not None:
            size = len(geometry.coordinate(name)[1])
            slope = slope.new_zeros(size).index_add(0, place, slope)
        add_to(by_coordinate, name, slope)
    gradient = torch.zeros_like(geometry.positions)
    for name, slope in by_coordinate.items():
        _, derivatives, atoms = geometry.coordinate(name)
        gradient = gradient + Pull.apply(slope, derivatives, atoms, len(gradient))
    return gradient


def add_to(sums: dict, key, value: Tensor):
    sums[key] = sums[key] + value if key in sums else value


def term_energy_and_gradient(
    name: str, parameters: dict[str, Tensor], geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """One term's energy [conformers] kcal/mol and gradient [position rows, 3] kcal/mol/Å.

    parameters: name → [rows of the term's table, …]
    """
    return energy_and_gradient({name: parameters}, geometry)


def energy_and_gradient(
    parameters: dict[str, dict[str, Tensor]], geometry: Geometry
) -> tuple[Tensor, Tensor]:
    """Total energy [conformers] kcal/mol and gradient [position rows, 3] kcal/mol/Å.

    parameters: term → parameter → [rows, …]; the terms present are the force field
    """
    energies: dict[str, Tensor] = {}
    slopes: dict[tuple[str, str, int], Tensor] = {}
    # terms of one table are added up before anything is scattered to conformers or coordinates
    for name, values in parameters.items():
        term = TERMS[name]
        energy, found = term_energy_and_slopes(name, values, geometry)
        add_to(energies, term.table, energy)
        for which, slope in zip(term.coordinates, found, strict=True):
            add_to(slopes, (term.table, *which), slope)
    total = geometry.positions.new_zeros(geometry.conformers)
    for table, energy in energies.items():
        total = total.index_add(0, geometry.instances(table).conformer, energy)
    return total, gradient_of(slopes, geometry)
