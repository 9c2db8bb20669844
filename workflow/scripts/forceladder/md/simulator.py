"""One OpenMM Context for all trajectories of a molecule: to compile couplings takes seconds.

The Reference platform: for small molecules it is tens of times faster than the others,
because nothing has to be handed to threads, and it computes in double precision.
"""

import numpy as np
import openmm
from openmm import unit

from forceladder.export.openmm.evaluation import context_of
from forceladder.units import ANGSTROM_IN_NM, GAS_CONSTANT, KCAL_IN_KJ

VERLET, LANGEVIN, NOSE_HOOVER = range(3)
THERMOSTATS = ("langevin", "nose_hoover")


class Simulator:
    """The Context of a System, with an integrator for NVE and two thermostats for NVT."""

    def __init__(self, system: openmm.System):
        self.integrators = openmm.CompoundIntegrator()
        self.integrators.addIntegrator(openmm.VerletIntegrator(0.001))
        self.integrators.addIntegrator(openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.001))
        self.integrators.addIntegrator(openmm.NoseHooverIntegrator(300.0, 1.0, 0.001))
        self.context = context_of(system, self.integrators)
        self.masses = np.array([mass_of(system, i) for i in range(system.getNumParticles())])
        self._fresh = self.context.createCheckpoint()

    def begin(self, seed: int):
        """Forget all trajectories before: thermostat, clock, and noise that depends on `seed`."""
        self.context.loadCheckpoint(self._fresh)
        seed_noise(seed)

    def verlet(self, timestep: float) -> openmm.Context:
        """The context, its next steps of `timestep` fs at constant energy."""
        return self._use(VERLET, timestep)

    def langevin(self, temperature: float, friction: float, timestep: float) -> openmm.Context:
        """The context, its next steps of `timestep` fs at `temperature` K; friction 1/ps."""
        thermostat = self.integrators.getIntegrator(LANGEVIN)
        thermostat.setTemperature(temperature)
        thermostat.setFriction(friction)
        return self._use(LANGEVIN, timestep)

    def nose_hoover(self, temperature: float, frequency: float, timestep: float) -> openmm.Context:
        """The context, its next steps of `timestep` fs under a Nosé-Hoover chain; frequency 1/ps.

        temperature: K, of all 3 N velocity components
        """
        thermostat = self.integrators.getIntegrator(NOSE_HOOVER)
        thermostat.setTemperature(temperature)
        thermostat.setCollisionFrequency(frequency)
        return self._use(NOSE_HOOVER, timestep)

    def _use(self, which: int, timestep: float) -> openmm.Context:
        self.integrators.setCurrentIntegrator(which)
        self.integrators.setStepSize(timestep * 1e-3)
        return self.context

    def heat(self, plan, positions):
        """Set out from positions [atoms, 3] Å as a plan of NVT says (see md/plans.py).

        A molecule in vacuum keeps its momentum and angular momentum under a Nosé-Hoover chain:
        both are zero from the start, and the chain's temperature, which counts all 3 N
        components, is lowered by what they would have held. Langevin's noise turns and pushes
        the molecule as it should.
        """
        self.begin(plan.seed)
        self.thermostat(plan, positions)
        self.context.setPositions(np.asarray(positions) * ANGSTROM_IN_NM)
        velocities = thermal_velocities(self.masses, plan.temperature, plan.seed)
        if plan.thermostat == "nose_hoover":
            velocities = without_rigid_motion(positions, velocities, self.masses)
        self.context.setVelocities(velocities)

    def thermostat(self, plan, positions):
        """Choose the thermostat of a plan; positions [atoms, 3] Å tell a linear molecule apart."""
        if plan.thermostat == "langevin":
            self.langevin(plan.temperature, plan.friction, plan.timestep)
        else:
            internal = 1.0 - rigid_motions(positions, self.masses) / (3.0 * len(self.masses))
            self.nose_hoover(plan.temperature * internal, plan.friction, plan.timestep)


def seed_noise(seed: int):
    """Seed the Reference platform's random numbers, which all its Contexts draw from.

    An integrator seeds them when its Context is made, and a Context of one particle takes 3 ms;
    a checkpoint of any other Context holds their state from then on.
    """
    system, integrator = openmm.System(), openmm.LangevinMiddleIntegrator(1.0, 1.0, 0.001)
    system.addParticle(1.0)
    integrator.setRandomNumberSeed(seed)
    context_of(system, integrator)


def thermal_velocities(masses, temperature: float, seed: int) -> np.ndarray:
    """Of Maxwell and Boltzmann, [atoms, 3] nm/ps, at `temperature` K; masses: [atoms] amu.

    OpenMM's own depend on the integrator that was used before, and on forces.
    """
    noise = np.random.default_rng(seed).normal(size=(len(masses), 3))
    variance = GAS_CONSTANT * KCAL_IN_KJ * temperature / np.asarray(masses)
    return np.sqrt(variance)[:, None] * noise


def mass_of(system, particle: int) -> float:
    return system.getParticleMass(particle).value_in_unit(unit.dalton)


def positions_of(state) -> np.ndarray:
    """[atoms, 3] Å of a State."""
    return state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)


def velocities_of(state) -> np.ndarray:
    """[atoms, 3] nm/ps of a State."""
    return state.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond)


def potential_energy(context) -> float:
    """kcal/mol."""
    energy = context.getState(getEnergy=True).getPotentialEnergy()
    return energy.value_in_unit(unit.kilocalorie_per_mole)


def total_energy(context) -> float:
    """Potential and kinetic, kcal/mol."""
    state = context.getState(getEnergy=True)
    total = state.getPotentialEnergy() + state.getKineticEnergy()
    return total.value_in_unit(unit.kilocalorie_per_mole)


def minimized_positions(simulator: Simulator, positions) -> np.ndarray:
    """Positions [atoms, 3] Å of the nearest minimum; those given where nothing can be minimized.

    To a mean force of 1 kJ/mol/nm, 0.02 kcal/mol/Å: trajectories begin there, no more.
    """
    context = simulator.verlet(1.0)
    context.setPositions(np.asarray(positions) * ANGSTROM_IN_NM)
    try:
        # OpenMM's minimizer does not return from an energy that is no number
        if not np.isfinite(potential_energy(context)):
            return np.asarray(positions)
        openmm.LocalEnergyMinimizer.minimize(context, 1.0, 2000)
    except openmm.OpenMMException:
        return np.asarray(positions)
    return positions_of(context.getState(getPositions=True))


def rigid_motions(positions, masses) -> int:
    """Components of motion that move the molecule as a whole: 6, or 5 of a linear one, or 3."""
    return 3 + int(np.linalg.matrix_rank(_inertia(positions, masses), tol=1e-3))


def without_rigid_motion(positions, velocities, masses) -> np.ndarray:
    """Velocities [atoms, 3] in their own unit, less momentum and angular momentum. Of thermal
    velocities what is left is as hot in all other components as before.

    positions: [atoms, 3] Å      masses: [atoms] amu
    """
    x, m = np.asarray(positions, float), np.asarray(masses, float)
    left = velocities - np.average(velocities, axis=0, weights=m)
    arms = x - np.average(x, axis=0, weights=m)
    momentum = (m[:, None] * np.cross(arms, left)).sum(axis=0)
    spin = np.linalg.pinv(_inertia(x, m), rcond=1e-8) @ momentum
    return left - np.cross(spin, arms)


def _inertia(positions, masses) -> np.ndarray:
    """[3, 3] amu Å², about the centre of mass."""
    arms = positions - np.average(positions, axis=0, weights=masses)
    squares = (arms**2).sum(axis=1)
    spread = np.einsum("i,ij,ik->jk", masses, arms, arms)
    return np.eye(3) * (masses * squares).sum() - spread
