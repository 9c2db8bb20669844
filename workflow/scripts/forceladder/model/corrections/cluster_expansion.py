"""Short-range ML energy: densities of neighbours on the sphere and their invariant products.

An atomic cluster expansion (Drautz, Phys. Rev. B 99, 014104, 2019) in layers that pass messages
(MACE: Batatia et al., NeurIPS 2022), made for a molecule whose graph is known. Layer t at atom i:

  w_ij(c)  = s_ij(c) g_c(h_i, h_j, bonds between i and j) R_c(r_ij)
  s_ij(c)  = Linear(s_j) + Linear(Σ_lm F_j(d, lm) Y_lm(r_ji)): what neighbour j says towards i
  A(c, lm) = Σ_j w_ij(c) Y_lm(r_ij)
  B(e, lm) = Σ_j Linear(w_ij)(e) V_l F_j(lm)(e), for few e and l = 1, 2
  F(d, lm) = Σ_c W_l(d, c) [A, B, F of the last layer](c, lm)
  invariants: F(d, 00), Σ_m F(d, lm)² and the means over the sphere of (Σ_lm F(d, lm) Y_lm)^k,
              k = 3 … correlation
  s_i ← Linear(silu(Linear(invariants) + Linear(h_i) + Linear(s_i)))

The first layer has s_ij = 1 and neither B nor an earlier F.
Powers of linear mixtures span all symmetric products, so the means stand for all couplings of
the Clebsch–Gordan kind that a mirror leaves alone; a quadrature that is exact for their degree
takes them, at the cost of two matrix products. Most of what a neighbour says is contracted with
its direction before it is sent; a few of its densities are sent as they are. So no tensor is much
larger than [positions, slots, channels] or [positions, points, densities].
"""

import math
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from forceladder.energy.neighbours import RELATIONS, Neighbours
from forceladder.energy.topology import Topology
from forceladder.model.corrections.correction import (
    ENVELOPE_POWER,
    TYPICAL_NEIGHBOURS,
    Correction,
)

TRANSPORTED_DEGREE = 2


class ClusterExpansion(Correction):
    """settings, beside those of every correction:
    graph_layers      of messages on the molecular graph in what it knows of an atom
    layers            atoms feel each other up to layers × cutoff apart
    channels          of messages
    densities         mixtures of channels whose products are taken
    transported       densities of neighbours that are added to one's own
    hidden            width of the small dense networks
    chemistry         numbers by which the graph embedding tells atoms apart in a pair
    radial_functions  sines in a distance; the n-th enters as n^−radial_damping
    radial_damping    0 resolves most; 2 makes functions smooth, so that they extrapolate
    max_degree        of the spherical harmonics
    correlation       highest power of a density; a layer has body order correlation + 1
    """

    def __init__(self, settings: dict, width: int):
        """width: of the graph embedding"""
        super().__init__(settings)
        self.layers = nn.ModuleList(
            Layer(settings, width, first=t == 0) for t in range(settings["layers"])
        )
        hidden = settings["hidden"]
        self.readout = nn.Sequential(
            nn.Linear(settings["layers"] * settings["channels"], hidden),
            nn.SiLU(),
            nn.Linear(hidden, 1, bias=False),
        )
        nn.init.zeros_(self.readout[2].weight)

    def embedding(self, encoder: nn.Module, topology: Topology, backend: str) -> Tensor:
        """[atoms, width] after some layers of the graph network, as many as `graph_layers` says."""
        return encoder(topology, backend, self.settings["graph_layers"])

    def last_weights(self) -> list[nn.Parameter]:
        return [self.readout[2].weight]

    def atomic_energy(
        self, embedding: Tensor, position_atom: Tensor, vector: Tensor, distance: Tensor,
        felt: Tensor, neighbours: Neighbours,
    ) -> Tensor:  # fmt: skip
        """See `Correction`."""
        edges = self._edges(position_atom, vector, distance, neighbours)
        scalars, densities, seen = None, None, []
        for layer in self.layers:
            scalars, densities = layer(embedding, edges, scalars, densities)
            seen.append(scalars)
        energy = self.readout(torch.cat(seen, 1)) - self._alone(embedding)[position_atom]
        return energy[:, 0]

    def _alone(self, embedding: Tensor) -> Tensor:
        """What the readout says of atoms without neighbours, [atoms, 1]."""
        scalars, seen = None, []
        for layer in self.layers:
            scalars = layer.update(
                embedding.new_zeros(len(embedding), layer.invariants), embedding, scalars
            )
            seen.append(scalars)
        return self.readout(torch.cat(seen, 1))

    def _edges(self, position_atom, vector, distance, neighbours: Neighbours) -> "Edges":
        cutoff, degree = self.settings["cutoff_angstrom"], self.settings["max_degree"]
        index, distance = neighbours.index.flatten(), distance[..., None]
        return Edges(
            atom=position_atom,
            other_atom=position_atom[index],
            index=index,
            back=reverse_places(neighbours),
            relation=neighbours.relation,
            radial=radial_functions(
                distance, cutoff, self.settings["radial_functions"], self.settings["radial_damping"]
            ),
            monomials=monomials(vector / distance, degree),
            sphere=sphere(
                degree, self.settings["correlation"], vector.dtype, vector.device
            ),
        )  # fmt: skip


class Edges(NamedTuple):
    """What all layers need of the geometry.

    atom           [positions] atom row              other_atom  [positions × slots]
    index          [positions × slots] position row of the neighbour
    back           [positions × slots] where the neighbour lists the position, counted likewise
    relation       [positions, slots]
    radial         [positions, slots, radial functions]
    monomials      [positions, slots, (degree + 1)²]
    sphere         see `Sphere`
    """

    atom: Tensor
    other_atom: Tensor
    index: Tensor
    back: Tensor
    relation: Tensor
    radial: Tensor
    monomials: Tensor
    sphere: "Sphere"


class Layer(nn.Module):
    """Densities from the scalars of the neighbours, new scalars from the densities."""

    def __init__(self, settings: dict, width: int, first: bool):
        super().__init__()
        channels, densities = settings["channels"], settings["densities"]
        hidden, chemistry = settings["hidden"], settings["chemistry"]
        degrees, self.correlation = settings["max_degree"] + 1, settings["correlation"]
        self.invariants = densities * (degrees + self.correlation - 1)
        self.chemistry = nn.Linear(width, chemistry, bias=False)
        self.own = nn.Linear(chemistry, hidden)
        self.other = nn.Linear(chemistry, hidden, bias=False)
        self.relation = nn.Embedding(RELATIONS, hidden)
        self.gate = nn.Linear(hidden, channels)
        self.radial = nn.Linear(settings["radial_functions"], channels, bias=False)
        self.send = None if first else nn.Linear(channels, channels)
        self.keep = None if first else nn.Linear(channels, hidden, bias=False)
        self.send_along = None if first else nn.Linear(densities, channels, bias=False)
        self.transport = None if first else Transport(settings)
        inputs = channels if first else channels + densities
        self.mix = nn.ParameterList(
            torch.randn(inputs, densities) / math.sqrt(inputs) for _ in range(degrees)
        )
        self.inner = nn.Linear(self.invariants, hidden)
        self.atom = nn.Linear(chemistry, hidden, bias=False)
        self.outer = nn.Linear(hidden, channels)

    def forward(
        self, embedding: Tensor, edges: Edges, scalars: Tensor | None, densities: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """scalars: [positions, channels]      densities: [positions, harmonics, densities]"""
        weight = self._edge_weight(embedding, edges, scalars, densities)
        moments = torch.bmm(edges.monomials.transpose(1, 2), weight)
        found = torch.matmul(edges.sphere.harmonics_of_monomials, moments)
        if densities is not None:
            found = torch.cat([found, densities], 2)
        mixed = [found[:, _of_degree(d)] @ weights for d, weights in enumerate(self.mix)]
        if densities is not None:
            mixed = self.transport(mixed, densities, weight, edges.index)
        densities = torch.cat(mixed, 1)
        invariants = invariant_products(densities, edges.sphere, self.correlation)
        return self.update(invariants, embedding, scalars, edges.atom), densities

    def _edge_weight(self, embedding, edges: Edges, scalars, densities) -> Tensor:
        """[positions, slots, channels]"""
        slots, chemistry = edges.relation.shape, self.chemistry(embedding)
        pair = (
            self.own(chemistry).index_select(0, edges.atom)[:, None]
            + self.other(chemistry).index_select(0, edges.other_atom).unflatten(0, slots)
            + self.relation(edges.relation)
        )
        weight = self.gate(nn.functional.silu(pair)) * self.radial(edges.radial)
        if scalars is not None:
            weight = weight * self._messages(edges, scalars, densities).unflatten(0, slots)
        return weight / math.sqrt(TYPICAL_NEIGHBOURS)

    def _messages(self, edges: Edges, scalars: Tensor, densities: Tensor) -> Tensor:
        """What each neighbour says to the position, [positions × slots, channels]."""
        to_all = self.send(scalars).index_select(0, edges.index)
        by_monomial = edges.sphere.harmonics_of_monomials.T @ self.send_along(densities)
        along = torch.bmm(edges.monomials, by_monomial).flatten(0, 1)
        return to_all + along.index_select(0, edges.back)

    def update(self, invariants, embedding, scalars, atom=None) -> Tensor:
        """New scalars [rows, channels]; the rows are the atoms themselves where `atom` is None."""
        of_atom = self.atom(self.chemistry(embedding))
        of_atom = of_atom if atom is None else of_atom.index_select(0, atom)
        inner = self.inner(invariants) + of_atom
        if scalars is not None:
            inner = inner + self.keep(scalars)
        return self.outer(nn.functional.silu(inner))


class Transport(nn.Module):
    """Adds densities of neighbours to one's own, without a change of their orientation."""

    def __init__(self, settings: dict):
        super().__init__()
        densities, transported = settings["densities"], settings["transported"]
        self.highest = min(settings["max_degree"], TRANSPORTED_DEGREE)
        self.weight = nn.Linear(settings["channels"], transported, bias=False)
        self.send, self.receive = (
            nn.ParameterList(
                torch.randn(rows, columns) / math.sqrt(rows) for _ in range(self.highest)
            )
            for rows, columns in ((densities, transported), (transported, densities))
        )

    def forward(self, mixed: list, densities: Tensor, weight: Tensor, index: Tensor) -> list:
        """`mixed` and what is heard, both degree → [positions, 2 × degree + 1, densities].

        densities: [positions, harmonics, densities], sent      weight: [positions, slots, channels]
        index: [positions × slots] position row of the neighbour
        """
        if not self.highest:
            return mixed
        sent = [densities[:, _of_degree(d)] @ w for d, w in enumerate(self.send, start=1)]
        sent = torch.cat(sent, 1)
        heard = sent.flatten(1).index_select(0, index).view(*weight.shape[:2], *sent.shape[1:])
        heard = (heard * self.weight(weight)[:, :, None]).sum(1)
        heard = torch.split(heard, [2 * d + 1 for d in range(1, self.highest + 1)], 1)
        added = [mixed[d] + heard[d - 1] @ w for d, w in enumerate(self.receive, start=1)]
        return [mixed[0], *added, *mixed[self.highest + 1 :]]


def reverse_places(neighbours: Neighbours) -> Tensor:
    """Where the neighbour in each slot lists the position itself; padding stays where it is.

    returns: [positions × slots] places in the flattened lists
    """
    rows, slots = neighbours.index.shape
    places = torch.arange(rows * slots, device=neighbours.index.device)
    own = torch.arange(rows, device=places.device)[:, None]
    listed = places[neighbours.mask.flatten()]
    there = (own * rows + neighbours.index).flatten()[listed]  # ascending
    back = (neighbours.index * rows + own).flatten()[listed]
    return places.index_copy(0, listed, listed[torch.searchsorted(there, back)])


def invariant_products(densities: Tensor, sphere: "Sphere", correlation: int) -> Tensor:
    """[positions, harmonics, densities] → [positions, densities × (degrees + correlation − 1)]"""
    square = densities.square()
    degrees = math.isqrt(densities.shape[1])
    found = [densities[:, 0]]
    found += [square[:, _of_degree(degree)].sum(1) for degree in range(degrees)]
    values = torch.matmul(sphere.harmonics, densities)
    power = values.square() if correlation > 2 else None
    for _ in range(3, correlation + 1):
        power = power * values
        found.append(torch.matmul(sphere.weight, power))
    return torch.cat(found, 1)


def radial_functions(distance: Tensor, cutoff: float, count: int, damping: float) -> Tensor:
    """Damped spherical Bessel functions (Gasteiger et al., ICLR 2020) in a smooth envelope.

    distance: [..., 1] Å      returns: [..., count]; with two derivatives they vanish at the cutoff
    """
    n = torch.arange(1, count + 1, dtype=distance.dtype, device=distance.device)
    x, p = (distance / cutoff).clamp(max=1.0), ENVELOPE_POWER
    envelope = 1.0 - x**p * ((p + 1) * (p + 2) / 2 - p * (p + 2) * x + p * (p + 1) / 2 * x.square())
    return torch.sin(math.pi * n * x) * n**-damping * (envelope / x / math.sqrt(2.0 * cutoff))


class Sphere(NamedTuple):
    """Orthonormal harmonics up to a degree, on the points of a quadrature.

    harmonics               [points, (degree + 1)²], in the order of their degrees
    weight                  [points], sums to one
    harmonics_of_monomials  [(degree + 1)², (degree + 1)²] harmonic ← monomial, see `monomials`
    """

    harmonics: Tensor
    weight: Tensor
    harmonics_of_monomials: Tensor


@lru_cache
def sphere(degree: int, power: int, dtype: torch.dtype, device: torch.device) -> Sphere:
    """A quadrature that is exact for products of `power` harmonics of up to `degree`.

    The projector on degree l is (2l + 1) P_l(n·n'), whose eigenvectors are harmonics; which of
    the equivalent bases they are makes no difference to an invariant.
    """
    points, weight = product_quadrature(degree * power)
    root = np.sqrt(weight)
    harmonics = []
    for l in range(degree + 1):  # noqa: E741
        legendre = np.polynomial.legendre.Legendre.basis(l)(points @ points.T)
        _, vectors = np.linalg.eigh((2 * l + 1) * legendre * np.outer(root, root))
        harmonics.append(vectors[:, -(2 * l + 1) :] / root[:, None])
    harmonics = np.concatenate(harmonics, 1)
    of_monomials = np.linalg.lstsq(
        monomials(torch.as_tensor(points), degree).numpy(), harmonics, rcond=None
    )[0].T
    arrays = harmonics, weight, np.ascontiguousarray(of_monomials)
    return Sphere(*(torch.as_tensor(a, dtype=dtype, device=device) for a in arrays))


def product_quadrature(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [points, 3] and weights, exact for polynomials of a degree on the unit sphere.

    Gauss–Legendre in z, equal steps around it.
    """
    z, of_z = np.polynomial.legendre.leggauss(degree // 2 + 1)
    around = 2.0 * np.pi * np.arange(degree + 1) / (degree + 1)
    z, angle = (grid.ravel() for grid in np.meshgrid(z, around, indexing="ij"))
    radius = np.sqrt(1.0 - z**2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], 1)
    return points, np.repeat(of_z, degree + 1) / (2.0 * (degree + 1))


def monomials(direction: Tensor, degree: int) -> Tensor:
    """Monomials of `degree` and `degree` − 1 in the components of unit vectors.

    They span what harmonics up to `degree` span, because x² + y² + z² = 1.

    direction: [..., 3]      returns: [..., (degree + 1)²]
    """
    last, below, names = torch.ones_like(direction[..., :1]), [], [()]
    for power in range(1, degree + 1):
        below = [last]
        longer = list(combinations_with_replacement(range(3), power))
        shorter = [names.index(name[:-1]) for name in longer]
        last = last[..., shorter] * direction[..., [name[-1] for name in longer]]
        names = longer
    return torch.cat([*below, last], -1)


def _of_degree(degree: int) -> slice:
    """Where the harmonics of a degree are."""
    return slice(degree**2, (degree + 1) ** 2)
