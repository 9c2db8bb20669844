"""Terms that are standard forces of OpenMM."""

import math

import openmm

from forceladder.energy.coordinates import IMPROPER_ORDERS
from forceladder.export.openmm.units import PER_SQUARE_NM
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ


def harmonic_bond_force(term: dict) -> openmm.Force:
    """½ k (b − b₀)²: OpenMM's form is the same."""
    force = openmm.HarmonicBondForce()
    for (i, j), length, k in zip(
        term["atoms"], term["length"], term["force_constant"], strict=True
    ):
        force.addBond(i, j, length * ANGSTROM_IN_NM, k * PER_SQUARE_NM)
    return force


def harmonic_angle_force(term: dict) -> openmm.Force:
    """½ k (θ − θ₀)²: OpenMM's form is the same."""
    force = openmm.HarmonicAngleForce()
    for (i, j, k), angle, constant in zip(
        term["atoms"], term["angle"], term["force_constant"], strict=True
    ):
        force.addAngle(i, j, k, angle, constant * KCAL_IN_KJ)
    return force


def cosine_torsion_force(term: dict) -> openmm.Force:
    """Vₙ (1 + cos nφ), phase zero; a negative amplitude stays negative."""
    force = openmm.PeriodicTorsionForce()
    for atoms, amplitudes in zip(term["atoms"], term["amplitude"], strict=True):
        for order, amplitude in enumerate(amplitudes, start=1):
            force.addTorsion(*atoms, order, 0.0, amplitude * KCAL_IN_KJ)
    return force


def cosine_improper_force(term: dict) -> openmm.Force:
    """K/6 (1 − cos 2χ) = K/6 (1 + cos(2χ − π)) over six orders of the neighbours."""
    force = openmm.PeriodicTorsionForce()
    for atoms, amplitude in zip(term["atoms"], term["amplitude"], strict=True):
        for order in IMPROPER_ORDERS:
            share = amplitude / len(IMPROPER_ORDERS) * KCAL_IN_KJ
            force.addTorsion(*(atoms[column] for column in order), 2, math.pi, share)
    return force
