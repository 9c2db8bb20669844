"""How fast a training step is by the B matrix, beside autograd through the geometry.

    python tests/benchmarks/training_speed.py [--rounds 15]

Writes results/bench/training_speed.json. The twin has the same network, terms, index tables,
loss and optimizer, but takes its forces by autograd of energies that are functions of positions,
and trains through them (create_graph). Every internal coordinate is worked out once and shared
among terms, all conformers of all molecules at once: the best that autograd can do. Both must
give the same loss and the same gradient of every weight. Energies and forces are noise: only
time counts.
"""

from functools import cached_property

import torch
from bench import (
    alternating_seconds,
    devices,
    entry,
    growth_exponent,
    median,
    median_ratio,
    network_of,
    rounds_asked,
    rung_settings,
    write_results,
)
from synthetic import noisy_set
from torch import Tensor
from torch.linalg import cross

from forceladder.energy.coordinates import IMPROPER_ORDERS, TORSION_ORDERS
from forceladder.energy.geometry import Geometry
from forceladder.energy.terms import TERMS
from forceladder.energy.terms.torsion_torsion import ORDERS
from forceladder.energy.total import Spread
from forceladder.fit.batches import make_batches
from forceladder.fit.loss import PARTS, data_spread, loss_parts
from forceladder.fit.optimizer import Optimizer
from forceladder.fit.step import Prepared, predict
from forceladder.model.potential import Surface
from forceladder.model.rung import make_rung
from forceladder.units import COULOMB

SEED = 1
RUNGS = ("class1", "class2")
SMILES = (
    "Nc1ncccc1OCc1ccccc1 CC(=O)Nc1ccc(O)cc1 CN1C=NC2=C1C(=O)N(C(=O)N2C)C CC(=O)Oc1ccccc1C(=O)O "
    "CN1CCC[C@H]1c1cccnc1 CC(C)Cc1ccc(C)cc1 N[C@@H](Cc1ccc(O)cc1)C(=O)O CCOC(=O)CCC(=O)N"
).split()
# a batch: SMILES and conformers of each
BATCHES = {"one molecule × 400": (SMILES[:1], 400), "8 molecules × 50": (SMILES, 50)}
HIGHEST_OF_PAIRS = max(n for pair in ORDERS for n in pair)
AGREEMENT = 1e-8  # relative, of loss and gradients of the two ways
# what grows: size → SMILES and conformers of each
GROWTH = {
    "molecules": {n: ((SMILES * n)[:n], 50) for n in (4, 8, 16)},
    "conformers": {n: (SMILES[:1], n) for n in (200, 400, 800)},
    "atoms": {3 * n + 2: (["C" * n] * 4, 50) for n in (4, 8, 16)},
}


# autograd through the geometry


def length(one: Tensor, other: Tensor) -> Tensor:
    return (other - one).norm(dim=-1)


def bend(x0: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
    u, v = x0 - x1, x2 - x1
    return torch.atan2(cross(u, v).norm(dim=-1), (u * v).sum(-1))


def torsion(x0: Tensor, x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
    f, g, h = x0 - x1, x1 - x2, x3 - x2
    a, b = cross(f, g), cross(h, g)
    return torch.atan2((cross(b, a) * g).sum(-1) / g.norm(dim=-1), (a * b).sum(-1))


def out_of_plane(x0: Tensor, *others: Tensor) -> Tensor:
    """Mean of three Wilson angles."""
    unit = [(x - x0) / (x - x0).norm(dim=-1, keepdim=True) for x in others]
    angles = []
    for k in range(3):
        normal = cross(unit[k], unit[(k + 1) % 3])
        angles.append(torch.asin((normal * unit[(k + 2) % 3]).sum(-1) / normal.norm(dim=-1)))
    return sum(angles) / 3.0


FUNCTIONS = {
    "bond": ("bond", length, (0, 1)), "pair": ("pair", length, (0, 1)),
    "angle": ("angle", bend, (0, 1, 2)), "torsion": ("torsion", torsion, (0, 1, 2, 3)),
    "out_of_plane": ("improper", out_of_plane, (0, 1, 2, 3)),
} | {
    f"improper_torsion_{k}": ("improper", torsion, order) for k, order in enumerate(IMPROPER_ORDERS)
}  # fmt: skip


class Series:
    """cos nφ and sin nφ, [instances, orders], each when it is first asked for."""

    def __init__(self, phi: Tensor, orders: int):
        self.multiple = phi[:, None] * torch.arange(1, orders + 1, device=phi.device)

    @cached_property
    def cosine(self) -> Tensor:
        return torch.cos(self.multiple)

    @cached_property
    def sine(self) -> Tensor:
        return torch.sin(self.multiple)


class Coordinates:
    """Internal coordinates as differentiable functions of positions, each worked out once."""

    def __init__(self, geometry: Geometry, positions: Tensor):
        self.geometry, self.positions = geometry, positions
        self.gathered, self.values, self.series = {}, {}, {}

    def of_table(self, table: str) -> tuple[Tensor, ...]:
        """Positions of each atom of a table's instances: one gather for all of them."""
        if table not in self.gathered:
            atoms = self.geometry.instances(table).atoms
            x = self.positions.index_select(0, atoms.T.reshape(-1))
            self.gathered[table] = x.view(atoms.shape[1], -1, 3).unbind(0)
        return self.gathered[table]

    def value(self, name: str) -> Tensor:
        if name not in self.values:
            table, function, order = FUNCTIONS[name]
            x = self.of_table(table)
            self.values[name] = function(*(x[k] for k in order))
        return self.values[name]

    def of_member(self, table: str, name: str, member: int) -> Tensor | Series:
        """A coordinate of every instance of a table; a torsion as its series."""
        value, place = self.value(name), self.geometry.member(table, name, member)
        if place is not None:
            value = value.index_select(0, place)
        if "torsion" not in name:
            return value
        key = (table, name, member)
        if key not in self.series:
            self.series[key] = Series(
                value, HIGHEST_OF_PAIRS if place is not None else TORSION_ORDERS
            )
        return self.series[key]


def harmonic(kind: str):
    return lambda p, q: 0.5 * p["force_constant"] * (q - p[kind]) ** 2


def quartic(kind: str):
    def energy(p, q):
        d = q - p[kind]
        return d * d * (p["quadratic"] + d * (p["cubic"] + d * p["quartic"]))

    return energy


def product(one: str, other: str):
    return lambda p, q, s: p["coupling"] * (q - p[one]) * (s - p[other])


def series(amplitude: Tensor, torsion: Series) -> Tensor:
    orders = amplitude.shape[1]
    return (amplitude * torsion.cosine[:, :orders]) @ amplitude.new_ones(orders)


def lennard_jones(p, r):
    power = (p["sigma"] / r) ** 6
    return 4.0 * p["epsilon"] * power * (power - 1.0)


def lennard_jones_96(p, r):
    cube = (p["minimum"] / r) ** 3
    return p["epsilon"] * cube * cube * (2.0 * cube - 3.0)


def bond_angle_13(p, b1, b3, t1, t2, c):
    first = p["coupling_1"] + p["turned_1"] * c.cosine[:, 0]
    third = p["coupling_3"] + p["turned_3"] * c.cosine[:, 0]
    return first * (b1 - p["length_1"]) * (t2 - p["angle_2"]) + third * (b3 - p["length_3"]) * (
        t1 - p["angle_1"]
    )


def torsion_torsion(p, one, other):
    n, m = ([pair[k] - 1 for pair in ORDERS] for k in (0, 1))
    even = p["cosine"] * one.cosine[:, n] * other.cosine[:, m]
    odd = p["sine"] * one.sine[:, n] * other.sine[:, m]
    return (even + odd) @ even.new_ones(len(ORDERS))


# term → energy of its instances, no slopes; coordinates in the order of energy.terms
ENERGIES = {
    "bond_harmonic": harmonic("length"),
    "angle_harmonic": harmonic("angle"),
    "bond_quartic": quartic("length"),
    "angle_quartic": quartic("angle"),
    "torsion_cosine": lambda p, c: series(p["amplitude"], c) + p["amplitude"].sum(-1),
    "improper_cosine": lambda p, *c: (
        p["amplitude"] / 6.0 * sum(1.0 - one.cosine[:, 1] for one in c)
    ),
    "out_of_plane": lambda p, x: p["quadratic"] * x**2,
    "bond_bond": product("length_1", "length_2"),
    "bond_bond_13": product("length_1", "length_2"),
    "angle_angle": product("angle_1", "angle_2"),
    "angle_angle_13": product("angle_1", "angle_2"),
    "bond_angle": lambda p, b1, b2, t: (
        (t - p["angle"])
        * (p["coupling_1"] * (b1 - p["length_1"]) + p["coupling_2"] * (b2 - p["length_2"]))
    ),
    "bond_angle_13": bond_angle_13,
    "middle_bond_torsion": lambda p, b, c: (b - p["length"]) * series(p["amplitude"], c),
    "end_bond_torsion": lambda p, b1, b3, c: (
        (b1 - p["length_1"]) * series(p["amplitude_1"], c)
        + (b3 - p["length_3"]) * series(p["amplitude_3"], c)
    ),
    "angle_torsion": lambda p, t1, t2, c: (
        (t1 - p["angle_1"]) * series(p["amplitude_1"], c)
        + (t2 - p["angle_2"]) * series(p["amplitude_2"], c)
    ),
    "angle_angle_torsion": lambda p, t1, t2, c: (
        p["coupling"] * (t1 - p["angle_1"]) * (t2 - p["angle_2"]) * c.cosine[:, 0]
    ),
    "torsion_torsion": torsion_torsion,
    "lennard_jones": lennard_jones,
    "lennard_jones_96": lennard_jones_96,
    "coulomb": lambda p, r: COULOMB * p["charge_product"] / r,
}


def autograd_surface(terms: dict, geometry: Geometry) -> Surface:
    """Energies and gradients with the graph through the geometry kept."""
    positions = geometry.positions.detach().requires_grad_()
    coordinates = Coordinates(geometry, positions)
    energy = positions.new_zeros(geometry.conformers)
    for name, parameters in terms.items():
        term = TERMS[name]
        instances = geometry.instances(term.table)
        values = [coordinates.of_member(term.table, *which) for which in term.coordinates]
        rows = {
            key: Spread.apply(value, instances.row, instances.count)
            for key, value in parameters.items()
        }
        energy = energy.index_add(0, instances.conformer, ENERGIES[name](rows, *values))
    (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=True)
    return Surface(energy, gradient)


# the two steps


class Step:
    """A training step on one batch, `b_matrix` or `autograd`."""

    def __init__(self, rung, smiles, conformers, device="cpu"):
        dataset = noisy_set(smiles, conformers, SEED)
        (data,) = make_batches(dataset, len(smiles) * conformers, 2.0, SEED, device)
        self.spread = data_spread([data])
        settings = rung_settings(rung)
        model = make_rung(network_of(settings), data.topology, SEED).to(device)
        generator = torch.Generator().manual_seed(SEED)
        with torch.no_grad():  # no head says zero, so that every gradient is compared
            for weight in model.parameters():
                weight += 0.02 * torch.randn(weight.shape, generator=generator).to(weight)
        self.model, self.prepared = model, Prepared(data, None, None)
        self.optimizer = Optimizer(list(model.parameters()), settings["training"])
        self.conformers, self.weights = len(data.energy), settings["loss_weights"]

    def b_matrix(self):
        self._finish(*predict(self.model, self.prepared))

    def b_matrix_anew(self):
        """As where training.keep_geometry is false."""
        self.b_matrix()
        self.prepared.data.geometry.forget()

    def network(self):
        """Parameters and their backward pass alone, which both ways share."""
        found = self.model(self.prepared.data.topology)
        sum(v.sum() for term in found.terms.values() for v in term.values()).backward()

    def autograd(self):
        parameters = self.model(self.prepared.data.topology)
        surface = autograd_surface(parameters.terms, self.prepared.data.geometry)
        self._finish(surface, parameters)

    def _finish(self, surface, parameters):
        parts = loss_parts(surface, parameters, self.prepared.data, self.spread)
        self.loss = sum(self.weights[name] * parts[name] for name in PARTS)
        self.optimizer.step(self.loss, 0.5)

    def outcome(self, way: str) -> list[Tensor]:
        """Loss and gradients of all weights, from the same weights."""
        state = {name: value.clone() for name, value in self.model.state_dict().items()}
        getattr(self, way)()
        self.model.load_state_dict(state)
        return [self.loss.detach(), *(w.grad.clone() for w in self.model.parameters())]


def disagreement(step: Step) -> float:
    """Largest difference of loss and gradients, relative to the largest number of its array."""
    pairs = zip(step.outcome("b_matrix"), step.outcome("autograd"), strict=True)
    return max(
        float((one - other).abs().max() / other.abs().max().clamp_min(1e-12))
        for one, other in pairs
    )


def speeds(rung: str, device: str, rounds: int) -> dict[str, dict]:
    """Conformers per second of both ways, and their ratio."""
    found, twin = {}, "autograd through the geometry, same run"
    for batch, case in BATCHES.items():
        step = Step(rung, *case, device)
        difference = disagreement(step)
        assert difference < AGREEMENT, f"the two ways differ by {difference:.1e}"
        # with B kept, one after the other; then with B worked out anew, which forgets it
        ways = {"B matrix": step.b_matrix, "autograd": step.autograd, "network": step.network}
        times = alternating_seconds(ways, rounds)
        times |= alternating_seconds({"B matrix anew": step.b_matrix_anew}, rounds)
        label = f"{rung}, {device}, {batch}"
        for way in ("B matrix", "B matrix anew", "autograd"):
            rate = step.conformers / median(times[way])
            found[f"{label}, {way}"] = entry(rate, "conformers/s", twin)
        found[f"{label}, ratio"] = entry(
            median_ratio(times["autograd"], times["B matrix"]), "times as fast",
            f"{twin}; at least 2.5 for class2 on a CPU", disagreement=difference,
        )  # fmt: skip
        # what the two ways differ in
        network = times["network"]
        found[f"{label}, ratio without the network"] = entry(
            median_ratio(times["autograd"] - network, times["B matrix"] - network),
            "times as fast", twin, network_share=median_ratio(network, times["B matrix"]),
        )  # fmt: skip
    return found


def growth(rung: str, device: str, rounds: int) -> dict[str, dict]:
    """Exponent of the time of a step in the number of molecules, conformers and atoms."""
    found = {}
    for what, cases in GROWTH.items():
        steps = {size: Step(rung, *case, device) for size, case in cases.items()}
        times = alternating_seconds({n: step.b_matrix for n, step in steps.items()}, rounds)
        medians = {size: median(t) for size, t in times.items()}
        found[f"{rung}, {device}, growth with {what}"] = entry(
            growth_exponent(list(medians), list(medians.values())), "exponent",
            "at most 1.1; one is linear", seconds={str(n): value for n, value in medians.items()},
        )  # fmt: skip
    return found


def main():
    rounds, entries = rounds_asked(__doc__), {}
    for device in devices():
        for measure in (speeds, growth):
            for rung in RUNGS:
                entries |= measure(rung, device, rounds)
    write_results(
        "training_speed", entries, SEED, smiles=SMILES, rounds=rounds,
        rungs={rung: network_of(rung_settings(rung)) for rung in RUNGS},
    )  # fmt: skip


if __name__ == "__main__":
    main()
