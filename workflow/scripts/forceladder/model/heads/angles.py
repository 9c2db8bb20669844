"""Parameters of angles."""

import math

import torch

from forceladder.model import priors
from forceladder.model.heads.bonds import FORCE_CONSTANT_LOG
from forceladder.model.heads.head import Head, Writing
from forceladder.model.heads.quartic import quartic_well
from forceladder.model.readout import Readout, bounded

ANGLE_LOGIT = 1.0  # limit of the deviation of an angle's logit in (0, π): 109.5° → 65…146°
ANGLE_SCALE = 0.3  # a deviation of one moves an angle near 110° by about 12°
# prior of the quartic coefficient: half as much as the quadratic at 2 rad from the minimum
QUARTIC_SHARE = 0.125
RING_SIZES = (3, 4, 5, 6)


def readout(outputs: int):
    return lambda settings: Readout(
        atoms=3, width=settings["width"], extra=len(RING_SIZES), outputs=outputs
    )


def ring_sizes(topology):
    """[angles, 4], one where a ring of that size holds all three atoms."""
    found = torch.stack([topology.angle_ring == size for size in RING_SIZES], dim=1)
    return found.to(topology.atom_features.dtype)


def angle_and_force_constant(topology, deviation):
    """θ₀ rad and k kcal/mol/rad² [angles]; a linear angle stays at π."""
    atoms = topology.atoms["angle"]
    angle, orders = priors.equilibrium_angle(topology), priors.bond_order(topology)
    bonds = topology.members["angle"]["bond"]
    lengths = torch.stack(
        [
            priors.bond_length(topology, orders[bonds[:, end]], atoms[:, [end, end + 1]])
            for end in (0, 1)
        ],
        dim=1,
    )
    force_constant = priors.angle_force_constant(topology, angle, lengths)
    share = (angle / math.pi).clamp(max=1.0 - 1e-6)
    moved = torch.logit(share) + bounded(ANGLE_SCALE * deviation[:, 0], ANGLE_LOGIT)
    bent = math.pi * torch.sigmoid(moved)
    return (
        torch.where(priors.is_linear(topology), angle, bent),
        force_constant * torch.exp(bounded(deviation[:, 1], FORCE_CONSTANT_LOG)),
    )


def harmonic(writing: Writing, deviation):
    angle, force_constant = angle_and_force_constant(writing.topology, deviation)
    return {"angle": angle, "force_constant": force_constant}


def quartic(writing: Writing, deviation):
    """About a straight line the energy is even in π − θ, or it would have an edge there."""
    angle, force_constant = angle_and_force_constant(writing.topology, deviation)
    quadratic = 0.5 * force_constant
    well = quartic_well(quadratic, 0.0, QUARTIC_SHARE, deviation[:, 2:])
    cubic = torch.where(priors.is_linear(writing.topology), 0.0, well["cubic"])
    return {
        "angle": angle, "quadratic": quadratic, "cubic": cubic, "quartic": well["quartic"]
    }  # fmt: skip


HARMONIC = Head(readout(2), "angle", harmonic, ring_sizes)
QUARTIC = Head(readout(4), "angle", quartic, ring_sizes)
