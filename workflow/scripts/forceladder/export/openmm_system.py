"""class1 parameters → an OpenMM System of standard forces."""

import math

import openmm
from openmm import unit

from forceladder.energy.terms.improper_cosine import ORDERS
from forceladder.errors import ConfigError
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ

PER_SQUARE_NM = KCAL_IN_KJ / ANGSTROM_IN_NM**2  # kcal/mol/Å² → kJ/mol/nm²


def openmm_system(parameters: dict) -> openmm.System:
    """System of one molecule in vacuum, without constraints.

    parameters: as `molecule_parameters` returns them; kcal/mol, Å, rad
    Every force is named after the terms it holds, and has a force group of its own.
    """
    terms = parameters["terms"]
    if unknown := set(terms) - {name for name, _ in FORCES} - {"lennard_jones", "coulomb"}:
        raise ConfigError(f"term {sorted(unknown)[0]!r} has no OpenMM force yet.")
    system = openmm.System()
    for mass in parameters["mass"]:
        system.addParticle(mass)
    forces = [make(terms[name]) for name, make in FORCES if name in terms]
    if "lennard_jones" in terms or "coulomb" in terms:
        forces.append(nonbonded_force(parameters))
    for group, force in enumerate(forces):
        force.setForceGroup(group)
        system.addForce(force)
    return system


def harmonic_bond_force(term: dict) -> openmm.Force:
    """½ k (b − b₀)²: OpenMM's form is the same."""
    force = openmm.HarmonicBondForce()
    force.setName("bond_harmonic")
    for (i, j), length, k in zip(
        term["atoms"], term["length"], term["force_constant"], strict=True
    ):
        force.addBond(i, j, length * ANGSTROM_IN_NM, k * PER_SQUARE_NM)
    return force


def harmonic_angle_force(term: dict) -> openmm.Force:
    """½ k (θ − θ₀)²: OpenMM's form is the same."""
    force = openmm.HarmonicAngleForce()
    force.setName("angle_harmonic")
    for (i, j, k), angle, constant in zip(
        term["atoms"], term["angle"], term["force_constant"], strict=True
    ):
        force.addAngle(i, j, k, angle, constant * KCAL_IN_KJ)
    return force


def cosine_torsion_force(term: dict) -> openmm.Force:
    """Vₙ (1 + cos nφ), phase zero; a negative amplitude stays negative."""
    force = openmm.PeriodicTorsionForce()
    force.setName("torsion_cosine")
    for atoms, amplitudes in zip(term["atoms"], term["amplitude"], strict=True):
        for order, amplitude in enumerate(amplitudes, start=1):
            force.addTorsion(*atoms, order, 0.0, amplitude * KCAL_IN_KJ)
    return force


def cosine_improper_force(term: dict) -> openmm.Force:
    """K/6 (1 − cos 2χ) = K/6 (1 + cos(2χ − π)) over six orders of the neighbours."""
    force = openmm.PeriodicTorsionForce()
    force.setName("improper_cosine")
    for atoms, amplitude in zip(term["atoms"], term["amplitude"], strict=True):
        for order in ORDERS:
            share = amplitude / len(ORDERS) * KCAL_IN_KJ
            force.addTorsion(*(atoms[column] for column in order), 2, math.pi, share)
    return force


FORCES = (
    ("bond_harmonic", harmonic_bond_force),
    ("angle_harmonic", harmonic_angle_force),
    ("torsion_cosine", cosine_torsion_force),
    ("improper_cosine", cosine_improper_force),
)


def nonbonded_force(parameters: dict) -> openmm.Force:
    """Lennard-Jones and Coulomb without cutoff; every pair that is not 1–5 or further is an
    exception, with the scaled parameters of 1–4 pairs and none for closer ones."""
    terms = parameters["terms"]
    force = openmm.NonbondedForce()
    force.setName("nonbonded")
    force.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    charges = parameters["charge"] if "coulomb" in terms else [0.0] * len(parameters["charge"])
    has_lj = "lennard_jones" in terms
    for charge, sigma, epsilon in zip(
        charges, parameters["lj_sigma"], parameters["lj_epsilon"], strict=True
    ):
        force.addParticle(charge, sigma * ANGSTROM_IN_NM, epsilon * KCAL_IN_KJ if has_lj else 0.0)
    atoms = len(charges)
    near = {(i, j) for i in range(atoms) for j in range(i + 1, atoms)}
    lj, coulomb = terms.get("lennard_jones"), terms.get("coulomb")
    listed = (lj or coulomb)["atoms"]
    for row, ((i, j), is_14) in enumerate(zip(listed, parameters["pair_is_14"], strict=True)):
        near.discard((i, j))
        if is_14:
            force.addException(
                i, j, coulomb["charge_product"][row] if coulomb else 0.0,
                lj["sigma"][row] * ANGSTROM_IN_NM if lj else 1.0,
                lj["epsilon"][row] * KCAL_IN_KJ if lj else 0.0,
            )  # fmt: skip
    for i, j in sorted(near):
        force.addException(i, j, 0.0, ANGSTROM_IN_NM, 0.0)
    return force


def openmm_energy_and_gradient(system, positions, groups=-1):
    """Energy (kcal/mol) and gradient [atoms, 3] (kcal/mol/Å) on the Reference platform.

    positions: [atoms, 3] Å      groups: bit mask of force groups, all by default
    """
    integrator = openmm.VerletIntegrator(0.001)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(positions * ANGSTROM_IN_NM)
    state = context.getState(getEnergy=True, getForces=True, groups=groups)
    energy = state.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilocalorie_per_mole / unit.angstrom)
    return energy, -forces
