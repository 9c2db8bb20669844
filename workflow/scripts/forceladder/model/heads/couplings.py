"""Quadratic couplings of bonds and angles, dealt out so that they never win.

A coupling c x y of two coordinates with quadratic energies K x² and K' y² keeps the sum
positive where c² ≤ 4 (s K)(s' K'), s and s' being the shares of K and K' set aside for it.
Each coupling asks for strength u, of either sign; a coordinate with the load L = Σ|u| of
all its couplings gives this one the share s = S |u|/N(L) with N(L) = (1 + L⁴)^¼ > L, so

    c = 2 √(S K S'K') u / √(N(L) N(L')),

which uses the shares up exactly, and is linear in u while loads are small. Shares of a
coordinate add up to less than S for any u, and a coordinate with one strong coupling may
spend most of it there. S is SHARE_OF_COUPLINGS of a quartic well, SHARE_OF_HARMONIC of another.
"""

import torch
from torch import Tensor

from forceladder.energy.terms import TERMS
from forceladder.model import priors
from forceladder.model.heads.head import REFERENCES, Head, Writing
from forceladder.model.heads.quartic import SHARE_OF_COUPLINGS, SHARE_OF_HARMONIC
from forceladder.model.readout import Readout, SharedBondReadout

# term → the pairs of coordinates that its numbers couple, as (kind, member) of its rows
COUPLED = {
    "bond_bond": [(("bond", 0), ("bond", 1))],
    "bond_angle": [(("bond", 0), ("angle", 0)), (("bond", 1), ("angle", 0))],
    "angle_angle": [(("angle", 0), ("angle", 1))],
    "angle_angle_torsion": [(("angle", 0), ("angle", 1))],
    "bond_bond_13": [(("bond", 0), ("bond", 2))],
    "bond_angle_13": [  # constant and turned part, seen from either end
        (("bond", 0), ("angle", 1)), (("bond", 0), ("angle", 1)),
        (("bond", 2), ("angle", 0)), (("bond", 2), ("angle", 0)),
    ],
    "angle_angle_13": [(("angle", 0), ("angle", 1))],
}  # fmt: skip


def rows_of(topology, term: str, which: tuple[str, int]) -> Tensor:
    """Rows of the bond or angle that a term's rows have as their `which`, (kind, member)."""
    (kind, member), table = which, TERMS[term].table
    if kind == table:
        return torch.arange(len(topology.atoms[table]), device=topology.molecule.device)
    return topology.members[table][kind][:, member]


def strengths(writing: Writing, term: str) -> list[Tensor]:
    """u of each pair in COUPLED, [rows]; none with an angle that is straight, where the
    displacement of the angle has an edge."""
    topology = writing.topology
    deviation = writing.deviations[term].flatten(1)
    straight = priors.is_linear(topology)
    found = []
    for column, pair in enumerate(COUPLED[term]):
        u = deviation[:, column]
        for which in pair:
            if which[0] == "angle":
                u = torch.where(straight[rows_of(topology, term, which)], 0.0, u)
        found.append(u)
    return found


def loads(writing: Writing) -> dict[str, Tensor]:
    """L of every bond and angle: Σ|u| over all couplings of the rung that it takes part in."""
    if writing.loads:
        return writing.loads
    topology, total = writing.topology, writing.loads
    for kind in ("bond", "angle"):
        total[kind] = topology.formal_charge.new_zeros(len(topology.atoms[kind]))
    for term in COUPLED:
        if term in writing.deviations:
            for u, pair in zip(strengths(writing, term), COUPLED[term], strict=True):
                for which in pair:
                    rows = rows_of(topology, term, which)
                    total[which[0]] = total[which[0]].index_add(0, rows, u.abs())
    return total


def capacity(load: Tensor) -> Tensor:
    """N(L), above L."""
    return (1.0 + load**4) ** 0.25


def largest_share(writing: Writing, kind: str) -> float:
    """S of bonds or angles."""
    return SHARE_OF_COUPLINGS if f"{kind}_quartic" in writing.terms else SHARE_OF_HARMONIC


def shares_spent(writing: Writing) -> dict[str, Tensor]:
    """Sum of the shares of every bond and angle that its couplings take, below S."""
    return {
        kind: largest_share(writing, kind) * load / capacity(load)
        for kind, load in loads(writing).items()
    }


def couplings(writing: Writing, term: str) -> list[Tensor]:
    """c of each pair in COUPLED, [rows], kcal/mol per unit of either coordinate."""
    load, topology = loads(writing), writing.topology
    found = []
    for u, pair in zip(strengths(writing, term), COUPLED[term], strict=True):
        c = 2.0 * u
        for kind, member in pair:
            rows = rows_of(topology, term, (kind, member))
            lent = largest_share(writing, kind) * writing.well(kind)[1][rows]
            c = c * torch.sqrt(lent / capacity(load[kind][rows]))
        found.append(c)
    return found


def alike(term: str):
    """Writer of one coupling of two bonds, or of two angles."""

    def parameters(writing: Writing, deviation):
        (pair,) = COUPLED[term]
        kind = pair[0][0]
        reference, _ = writing.well(kind)
        first, second = (rows_of(writing.topology, term, which) for which in pair)
        (coupling,) = couplings(writing, term)
        name = REFERENCES[kind]
        return {
            f"{name}_1": reference[first], f"{name}_2": reference[second], "coupling": coupling
        }  # fmt: skip

    return parameters


def bond_angle(writing: Writing, deviation):
    length, _ = writing.well("bond")
    angle, _ = writing.well("angle")
    bonds = writing.topology.members["angle"]["bond"]
    first, second = couplings(writing, "bond_angle")
    return {
        "length_1": length[bonds[:, 0]], "length_2": length[bonds[:, 1]], "angle": angle,
        "coupling_1": first, "coupling_2": second,
    }  # fmt: skip


def bond_angle_13(writing: Writing, deviation):
    length, _ = writing.well("bond")
    angle, _ = writing.well("angle")
    members = writing.topology.members["torsion"]
    coupling_1, turned_1, coupling_3, turned_3 = couplings(writing, "bond_angle_13")
    return {
        "length_1": length[members["bond"][:, 0]], "length_3": length[members["bond"][:, 2]],
        "angle_1": angle[members["angle"][:, 0]], "angle_2": angle[members["angle"][:, 1]],
        "coupling_1": coupling_1, "coupling_3": coupling_3,
        "turned_1": turned_1, "turned_3": turned_3,
    }  # fmt: skip


def readout(kind, atoms: int, outputs: int = 1, **options):
    return lambda settings: kind(
        atoms=atoms, width=settings["width"], extra=0, outputs=outputs, **options
    )


BOND_BOND = Head(readout(Readout, 3), "angle", alike("bond_bond"))
BOND_ANGLE = Head(readout(Readout, 3, per_end=True), "angle", bond_angle)
ANGLE_ANGLE = Head(readout(SharedBondReadout, 4), "angle_pair", alike("angle_angle"))
ANGLE_ANGLE_TORSION = Head(readout(Readout, 4), "torsion", alike("angle_angle_torsion"))
BOND_BOND_13 = Head(readout(Readout, 4), "torsion", alike("bond_bond_13"))
BOND_ANGLE_13 = Head(readout(Readout, 4, outputs=2, per_end=True), "torsion", bond_angle_13)
ANGLE_ANGLE_13 = Head(readout(Readout, 4), "torsion", alike("angle_angle_13"))
