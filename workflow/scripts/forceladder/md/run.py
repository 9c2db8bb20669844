"""Short vacuum trajectories in OpenMM: NVE for energy drift, NVT for survival.

The Reference platform: for small molecules it is tens of times faster than the others,
because nothing has to be handed to threads, and it computes in double precision.
"""

import numpy as np
import openmm
from openmm import unit

from forceladder.job import seed_of
from forceladder.units import ANGSTROM_IN_NM


def run_molecule(system: openmm.System, bonds, positions, name: str, settings: dict) -> dict:
    """All trajectories of one molecule, arrays as in fields.MD_FIELDS without `molecule`.

    bonds: [bonds, 2]      positions: [conformers, atoms, 3] Å, of the reference data; the
    first, minimized in the force field, is the start, and their mean bond lengths are
    what survival is measured from: never the force field's own idea of a bond
    settings: the config's `md` section, the rung's own laid over it
    """
    simulator = Simulator(system, seed_of("md", settings["seed"], name))
    minimum = minimized_positions(simulator, positions[0])
    reference = np.mean([bond_lengths(x, bonds) for x in positions], axis=0)
    start = thermal_start(
        simulator, minimum, settings["nve_temperature_kelvin"],
        seed_of("nve", settings["seed"], name),
    )  # fmt: skip
    nve = [
        nve_energies(simulator, start, timestep, settings["nve_ps"], settings["nve_frames"])
        for timestep in settings["nve_timesteps_fs"]
    ]
    deviation, energy = [], []
    for temperature in settings["nvt_temperatures_kelvin"]:
        traces = [
            nvt_trace(
                simulator, minimum, bonds, reference, temperature, settings,
                seed_of("nvt", settings["seed"], name, temperature, replica),
            )
            for replica in range(settings["nvt_replicas"])
        ]  # fmt: skip
        deviation.append([trace[0] for trace in traces])
        energy.append([trace[1] for trace in traces])
    return {
        "degrees_of_freedom": max(3 * system.getNumParticles() - 6, 1),
        "nve_energy": np.array(nve),
        "nvt_bond_deviation": np.array(deviation),
        "nvt_energy": np.array(energy),
    }


class Simulator:
    """One Context for all trajectories of a System: to compile couplings takes seconds.

    seed: of the thermostat; all trajectories draw their noise from it, one after another
    """

    def __init__(self, system: openmm.System, seed: int = 0):
        langevin = openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.001)
        langevin.setRandomNumberSeed(seed)
        self.integrators = openmm.CompoundIntegrator()
        self.integrators.addIntegrator(openmm.VerletIntegrator(0.001))
        self.integrators.addIntegrator(langevin)
        self.context = context_of(system, self.integrators)

    def verlet(self, timestep: float) -> openmm.Context:
        """The context, its next steps of `timestep` fs at constant energy."""
        self.integrators.setCurrentIntegrator(0)
        self.integrators.setStepSize(timestep * 1e-3)
        return self.context

    def langevin(self, temperature: float, friction: float, timestep: float) -> openmm.Context:
        """The context, its next steps of `timestep` fs at `temperature` K; friction 1/ps."""
        self.integrators.setCurrentIntegrator(1)
        self.integrators.setStepSize(timestep * 1e-3)
        langevin = self.integrators.getIntegrator(1)
        langevin.setTemperature(temperature)
        langevin.setFriction(friction)
        return self.context


def minimized_positions(simulator: Simulator, positions) -> np.ndarray:
    """Positions [atoms, 3] Å of the nearest minimum of the force field."""
    context = simulator.verlet(1.0)
    context.setPositions(np.asarray(positions) * ANGSTROM_IN_NM)
    openmm.LocalEnergyMinimizer.minimize(context, 0.1, 2000)
    return positions_of(context.getState(getPositions=True))


def bond_lengths(positions, bonds) -> np.ndarray:
    """[bonds] Å."""
    bonds = np.reshape(bonds, (-1, 2))
    return np.linalg.norm(positions[bonds[:, 0]] - positions[bonds[:, 1]], axis=-1)


def thermal_start(simulator, positions, temperature, seed) -> openmm.State | None:
    """Positions and velocities after 1 ps of Langevin dynamics at `temperature` K from
    `positions` [atoms, 3] Å, which brings them off the minimum; None after a blow-up."""
    context = simulator.langevin(temperature, 10.0, 1.0)
    context.setPositions(np.asarray(positions) * ANGSTROM_IN_NM)
    context.setVelocitiesToTemperature(temperature, seed)
    try:
        context.getIntegrator().step(1000)
    except openmm.OpenMMException:  # "Particle coordinate is NaN": what we want to know
        return None
    return context.getState(getPositions=True, getVelocities=True)


def nve_energies(simulator, start, timestep, length, frames) -> np.ndarray:
    """Total energy [frames] kcal/mol along `length` ps of Verlet dynamics from a
    `thermal_start`. NaN after a blow-up."""
    energies = np.full(frames, np.nan)
    if start is None:
        return energies
    try:
        context = simulator.verlet(timestep)
        context.setPositions(start.getPositions())
        context.setVelocities(start.getVelocities())
        for frame in range(frames):
            context.getIntegrator().step(_steps(length, timestep, frames))
            energies[frame] = _total_energy(context)
            if not np.isfinite(energies[frame]):
                break
    except openmm.OpenMMException:
        pass
    return energies


def nvt_trace(simulator, positions, bonds, reference, temperature, settings, seed):
    """Largest bond deviation (Å) and potential energy (kcal/mol), [frames], NaN after death.

    seed: of the velocities that it starts with
    """
    timestep, frames = settings["nvt_timestep_fs"], settings["nvt_frames"]
    context = simulator.langevin(temperature, settings["nvt_friction_per_ps"], timestep)
    context.setPositions(np.asarray(positions) * ANGSTROM_IN_NM)
    context.setVelocitiesToTemperature(temperature, seed)
    deviation, energy = np.full(frames, np.nan), np.full(frames, np.nan)
    try:
        for frame in range(frames):
            context.getIntegrator().step(_steps(settings["nvt_ps"], timestep, frames))
            state = context.getState(getPositions=True, getEnergy=True)
            lengths = bond_lengths(positions_of(state), bonds)
            deviation[frame] = np.abs(lengths - reference).max(initial=0.0)
            energy[frame] = state.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)
            if not np.isfinite(energy[frame]):
                break
    except openmm.OpenMMException:
        pass
    return deviation, energy


def frame_times(length: float, timestep: float, frames: int) -> np.ndarray:
    """Times [frames] ps of the frames of a trajectory; the first comes after one interval."""
    return np.arange(1, frames + 1) * _steps(length, timestep, frames) * timestep * 1e-3


def _steps(length, timestep, frames) -> int:
    return max(1, round(length * 1000.0 / timestep / frames))


def context_of(system, integrator) -> openmm.Context:
    return openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))


def positions_of(state) -> np.ndarray:
    return state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)


def _total_energy(context) -> float:
    state = context.getState(getEnergy=True)
    total = state.getPotentialEnergy() + state.getKineticEnergy()
    return total.value_in_unit(unit.kilocalorie_per_mole)
