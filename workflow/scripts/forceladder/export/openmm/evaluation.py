"""Energies and gradients of a System, in house units."""

from contextlib import ExitStack, contextmanager

import openmm
from openmm import unit

from forceladder.export.openmm.couplings import REST
from forceladder.units import ANGSTROM_IN_NM

# Forces that readers of other formats make, and the terms of class I that each holds
CLASS1_FORCES = {
    "HarmonicBondForce": ("bond_harmonic",),
    "HarmonicAngleForce": ("angle_harmonic",),
    "PeriodicTorsionForce": ("torsion_cosine", "improper_cosine"),
    "NonbondedForce": ("lennard_jones", "coulomb"),
}


def context_of(system: openmm.System, integrator: openmm.Integrator) -> openmm.Context:
    """The System on the Reference platform, in double precision. To make one takes some seconds
    where it compiles the couplings of a class II force field."""
    return openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))


def context_at(system: openmm.System, positions) -> openmm.Context:
    """`context_of` a System at positions [atoms, 3] Å."""
    context = context_of(system, openmm.VerletIntegrator(0.001))
    context.setPositions(positions * ANGSTROM_IN_NM)
    return context


def energy_and_gradient(context: openmm.Context, groups: int = -1):
    """Energy (kcal/mol) and gradient [atoms, 3] (kcal/mol/Å) where the context is.

    groups: bit mask of force groups, all by default
    """
    state = context.getState(getEnergy=True, getForces=True, groups=groups)
    energy = state.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilocalorie_per_mole / unit.angstrom)
    return energy, -forces


def force_energy_and_gradient(context: openmm.Context, name: str, terms):
    """The same of the forces of a name, and of these of their couplings; zero where there is no
    such force."""
    forces = [force for force in context.getSystem().getForces() if force.getName() == name]
    with ExitStack() as restored:
        for force in forces:
            if name not in terms and isinstance(force, openmm.CustomCompoundBondForce):
                restored.enter_context(alone(terms, force, context))
        return energy_and_gradient(context, sum(1 << f.getForceGroup() for f in forces))


@contextmanager
def alone(terms, force: openmm.CustomCompoundBondForce, context: openmm.Context):
    """The context with all strengths at zero but those of these terms, while it lasts."""
    names = [force.getPerBondParameterName(k) for k in range(force.getNumPerBondParameters())]
    kept = tuple(f"{term}_" for term in terms) + (REST,)
    rows = [force.getBondParameters(k) for k in range(force.getNumBonds())]
    for k, (atoms, numbers) in enumerate(rows):
        numbers = [v if n.startswith(kept) else 0.0 for n, v in zip(names, numbers, strict=True)]
        force.setBondParameters(k, atoms, numbers)
    force.updateParametersInContext(context)
    yield
    for k, row in enumerate(rows):
        force.setBondParameters(k, *row)
    force.updateParametersInContext(context)


def openmm_energy_and_gradient(system: openmm.System, positions, groups: int = -1):
    """`energy_and_gradient` of a System at positions [atoms, 3] Å."""
    return energy_and_gradient(context_at(system, positions), groups)


def force_groups(system: openmm.System, positions, terms: dict, parameters: dict) -> dict:
    """Terms of the molecule → energy and gradient, as the forces of a System hold them.

    positions: [atoms, 3] Å      terms: class of a force → the terms that it may hold
    Forces of the same terms are added up; a force of none of the molecule's terms must not be
    there but for its energy being zero.
    """
    held = {name for name, term in parameters["terms"].items() if term["atoms"]}
    bits: dict[tuple, int] = {}
    for group, force in enumerate(system.getForces()):
        force.setForceGroup(group)
        names = tuple(name for name in terms[type(force).__name__] if name in held)
        bits[names] = bits.get(names, 0) | 1 << group
    context = context_at(system, positions)
    return {names: energy_and_gradient(context, groups) for names, groups in bits.items() if names}
