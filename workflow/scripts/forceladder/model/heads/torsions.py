"""Parameters of torsions, and of their couplings with bonds and angles."""

import torch

from forceladder.model import priors
from forceladder.model.heads.head import Head, Writing
from forceladder.model.readout import Readout, bounded

TORSION_AMPLITUDE = 15.0  # kcal/mol a bond, shared among its torsions
COUPLING_ORDERS = 3  # as in CFF
# Amplitudes of couplings: kcal/mol/Å or kcal/mol/rad for a deviation of one, and at most
COUPLING_SCALE = 3.0
COUPLING_LIMIT = 12.0  # × COUPLING_SCALE
TORSION_TORSION_AMPLITUDE = 5.0  # kcal/mol


def readout(outputs: int | None, per_end: bool = False):
    """outputs: None for the rung's number of torsion orders"""
    return lambda settings: Readout(
        atoms=4, width=settings["width"], extra=0,
        outputs=outputs or settings["torsion_orders"], per_end=per_end,
    )  # fmt: skip


def cosine(writing: Writing, deviation):
    """amplitude kcal/mol [torsions, orders]."""
    topology = writing.topology
    prior = priors.torsion_amplitudes(topology, writing.settings["torsion_orders"])
    paths = topology.torsion_paths[:, None]
    return {"amplitude": prior + bounded(deviation, TORSION_AMPLITUDE) / paths}


def coupling_amplitude(deviation):
    return COUPLING_SCALE * bounded(deviation, COUPLING_LIMIT)


def middle_bond(writing: Writing, deviation):
    length, _ = writing.well("bond")
    return {
        "length": length[writing.topology.members["torsion"]["bond"][:, 1]],
        "amplitude": coupling_amplitude(deviation),
    }


def end_bond(writing: Writing, deviation):
    length, _ = writing.well("bond")
    bonds = writing.topology.members["torsion"]["bond"]
    amplitude = coupling_amplitude(deviation)
    return {
        "length_1": length[bonds[:, 0]], "length_3": length[bonds[:, 2]],
        "amplitude_1": amplitude[:, 0], "amplitude_3": amplitude[:, 1],
    }  # fmt: skip


def angle(writing: Writing, deviation):
    reference, _ = writing.well("angle")
    angles = writing.topology.members["torsion"]["angle"]
    amplitude = coupling_amplitude(deviation)
    return {
        "angle_1": reference[angles[:, 0]], "angle_2": reference[angles[:, 1]],
        "amplitude_1": amplitude[:, 0], "amplitude_2": amplitude[:, 1],
    }  # fmt: skip


def torsion_torsion(writing: Writing, deviation):
    """Either end says A₁₁, A₁₂, A₂₂ and the same of B; reversing the chain swaps A₁₂ and A₂₁."""
    value = bounded(deviation, TORSION_TORSION_AMPLITUDE)
    found = {}
    for name, start in (("cosine", 0), ("sine", 3)):
        one, other = value[:, 0, start : start + 3], value[:, 1, start : start + 3]
        found[name] = torch.stack(
            [one[:, 0] + other[:, 0], one[:, 1], other[:, 1], one[:, 2] + other[:, 2]], dim=1
        )
    return found


def torsion_torsion_readout(settings: dict):
    return Readout(atoms=5, width=settings["width"], extra=0, outputs=6, per_end=True)


COSINE = Head(readout(None), "torsion", cosine)
MIDDLE_BOND = Head(readout(COUPLING_ORDERS), "torsion", middle_bond)
END_BOND = Head(readout(COUPLING_ORDERS, per_end=True), "torsion", end_bond)
ANGLE = Head(readout(COUPLING_ORDERS, per_end=True), "torsion", angle)
TORSION_TORSION = Head(torsion_torsion_readout, "torsion_pair", torsion_torsion)
