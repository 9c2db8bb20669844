"""One Context, many trajectories: each as if it were the only one, at the temperature it says."""

import numpy as np
import openmm
import pytest

from force_fields import dataset_of, embedded, topology
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.md.plans import frame_times
from forceladder.md.run import thermal_start
from forceladder.md.simulator import (
    THERMOSTATS,
    Simulator,
    minimized_positions,
    positions_of,
    rigid_motions,
    seed_noise,
    thermal_velocities,
    total_energy,
    velocities_of,
    without_rigid_motion,
)
from forceladder.md.stability import energy_fluctuation
from forceladder.units import GAS_CONSTANT, KCAL_IN_KJ
from ladder import LADDER, ladder_rung
from molecules_in_motion import parameters_of, plan


@pytest.fixture(scope="module")
def methanol():
    return openmm_system(parameters_of("CO")), embedded("CO")


def test_minimum_has_no_forces(methanol):
    system, positions = methanol
    minimum = minimized_positions(Simulator(system), positions)
    energy, gradient = openmm_energy_and_gradient(system, minimum)
    assert energy < openmm_energy_and_gradient(system, positions)[0]
    assert np.sqrt((gradient**2).mean()) < 0.03


def test_minimizing_what_has_no_energy_returns():
    """OpenMM's minimizer would never do so."""
    system = openmm.System()
    system.addParticle(1.0)
    system.addForce(openmm.PythonForce(lambda state: (np.nan, np.full((1, 3), np.nan)), {}))
    start = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(minimized_positions(Simulator(system), start), start)


@pytest.mark.parametrize("thermostat", THERMOSTATS)
def test_a_trajectory_depends_on_its_seed_alone(methanol, thermostat):
    """Not on what the Context did before, nor on who else drew random numbers."""
    system, positions = methanol

    def course(simulator, seed):
        simulator.heat(plan(thermostat=thermostat, seed=seed), positions)
        simulator.context.getIntegrator().step(100)
        return positions_of(simulator.context.getState(getPositions=True))

    fresh, used = Simulator(system), Simulator(system)
    expected = course(fresh, 7)
    used.verlet(0.3).setPositions(positions * 0.1)
    used.context.getIntegrator().step(10)
    used.heat(plan(thermostat="langevin", temperature=900.0, seed=1), positions)
    used.context.getIntegrator().step(31)
    used.heat(plan(thermostat="nose_hoover", temperature=900.0, seed=1), positions)
    used.context.getIntegrator().step(31)
    seed_noise(12345)
    np.testing.assert_array_equal(course(used, 7), expected)
    assert not np.array_equal(course(used, 8), expected)


def test_fluctuation_falls_fourfold_when_the_step_is_halved(methanol):
    """The mark of a symplectic integrator on a smooth potential: exact, continuous forces."""
    system, positions = methanol
    simulator = Simulator(system)
    assert_second_order(simulator, positions, 300, (0.5, 0.25, 0.125), 1.0, rtol=0.15)


@pytest.mark.parametrize("rung", ["class2", "mlff"])
def test_every_kind_of_force_is_exact_and_continuous(rung):
    """Custom forces and a correction by torch: the mark of a symplectic integrator on them."""
    smiles = "O" if rung == "mlff" else "CO"
    model = ladder_rung(topology(smiles), LADDER[rung], strength=0.3)
    (parameters,) = molecule_parameters(model, dataset_of(smiles))
    system = openmm_system(parameters)
    if rung == "mlff":  # random weights hold no molecule together
        force = openmm.HarmonicBondForce()
        for i, j in ((0, 1), (0, 2), (1, 2)):
            force.addBond(i, j, 0.1 if i == 0 else 0.16, 2e5)
        system.addForce(force)
        system = attach_correction(system, model, parameters)
    assert_second_order(Simulator(system), embedded(smiles), 200, (0.8, 0.4), 0.64, rtol=0.3)


def assert_second_order(simulator, positions, temperature, timesteps, length, rtol):
    minimum = minimized_positions(simulator, positions)
    start, fluctuation = thermal_start(simulator, minimum, temperature, 1.0, seed=3), []
    for timestep in timesteps:
        context = simulator.verlet(timestep)
        context.setPositions(start["positions"] * 0.1)
        context.setVelocities(start["velocities"])
        energy = []
        for _ in range(400):
            context.getIntegrator().step(round(length * 2.5 / timestep))
            energy.append(total_energy(context))
        time = frame_times(length, timestep, 400)
        fluctuation.append(energy_fluctuation(time, energy, 12))
    ratios = np.array(fluctuation[:-1]) / fluctuation[1:]
    np.testing.assert_allclose(ratios, 4.0, rtol=rtol)


# temperature


def tethered(count):
    """Particles on harmonic tethers of several stiffnesses and masses."""
    system = openmm.System()
    tether = openmm.CustomExternalForce("0.5*k*(x*x+y*y+z*z)")
    tether.addPerParticleParameter("k")
    for particle in range(count):
        system.addParticle(1.0 + particle % 16)
        tether.addParticle(particle, [2e4 * (1 + particle % 5)])  # kJ/mol/nm²
    system.addForce(tether)
    return system


def test_langevin_holds_the_temperature_of_a_closed_form():
    """Mean potential energy ³⁄₂ k_BT of each, whatever k and m."""
    count = 60
    simulator = Simulator(tethered(count))
    for kelvin in (100.0, 700.0):
        simulator.heat(plan(temperature=kelvin, friction=10.0), np.zeros((count, 3)))
        found = course(simulator, 200, 200, openmm.State.getPotentialEnergy)
        assert found[50:].mean() / (1.5 * count * GAS_CONSTANT) == pytest.approx(kelvin, rel=0.03)


def course(simulator, frames, steps, energy):
    """A kind of energy of a State, kcal/mol, every so many steps."""
    found = []
    for _ in range(frames):
        simulator.context.getIntegrator().step(steps)
        found.append(energy(simulator.context.getState(getEnergy=True))._value)
    return np.array(found) / KCAL_IN_KJ


@pytest.mark.parametrize("thermostat, freedom", [("langevin", 18), ("nose_hoover", 12)])
def test_kinetic_temperature_of_a_molecule_is_the_thermostats(methanol, thermostat, freedom):
    """½ k_BT of each component: Langevin's noise moves the molecule as a whole, too; under a
    Nosé-Hoover chain in vacuum 3 N − 6 are left, and it must not heat them for the others."""
    system, positions = methanol
    simulator = Simulator(system)
    simulator.heat(plan(thermostat=thermostat, friction=20.0, timestep=0.5), positions)
    kinetic = course(simulator, 1000, 100, openmm.State.getKineticEnergy)[100:]
    temperature = kinetic.mean() / (0.5 * freedom * GAS_CONSTANT)
    assert temperature == pytest.approx(300.0, rel=0.05)


def test_velocities_are_maxwells_and_boltzmanns():
    """½ m v² of a component is χ² of one degree of freedom, whatever the mass."""
    masses = np.repeat([1.0, 12.0, 80.0], 20000)
    v = thermal_velocities(masses, 300.0, seed=4)
    kinetic = 0.5 * masses[:, None] * v**2 / KCAL_IN_KJ / (0.5 * GAS_CONSTANT * 300.0)
    for element in np.split(kinetic, 3):
        assert element.mean() == pytest.approx(1.0, rel=0.03)  # five standard errors
        assert (element**2).mean() == pytest.approx(3.0, rel=0.1)
    assert abs(v.mean()) < 5 * v.std() / np.sqrt(v.size)


def test_nose_hoover_molecule_neither_turns_nor_travels(methanol):
    system, positions = methanol
    simulator = Simulator(system)
    simulator.heat(plan(thermostat="nose_hoover"), positions)
    simulator.context.getIntegrator().step(2000)
    state = simulator.context.getState(getPositions=True, getVelocities=True)
    x, v, m = positions_of(state), velocities_of(state), simulator.masses
    speed = np.abs(v).max()
    assert np.abs((m[:, None] * v).sum(axis=0)).max() < 1e-8 * m.sum() * speed
    turn = (m[:, None] * np.cross(x - x.mean(axis=0), v)).sum(axis=0)
    assert np.abs(turn).max() < 1e-6 * m.sum() * speed


def test_rigid_motions_of_a_molecule_a_linear_one_and_an_atom():
    masses = np.array([12.0, 1.0, 1.0])
    bent = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    line = np.array([[0.0, 0, 0], [1, 1, 0], [-2, -2, 0]])
    assert rigid_motions(bent, masses) == 6
    assert rigid_motions(line, masses) == 5
    assert rigid_motions(np.zeros((1, 3)), masses[:1]) == 3


def test_velocities_of_a_turning_molecule_vanish_and_others_keep_their_temperature():
    random = np.random.default_rng(1)
    x, m = random.normal(size=(7, 3)), random.uniform(1, 16, 7)
    turning = np.cross([0.3, -1.0, 2.0], x) + [5.0, 6.0, 7.0]
    np.testing.assert_allclose(without_rigid_motion(x, turning, m), 0.0, atol=1e-12)
    energies = []
    for _ in range(2000):
        v = random.normal(size=(7, 3)) / np.sqrt(m)[:, None]
        left = without_rigid_motion(x, v, m)
        energies.append((m[:, None] * left**2).sum())
    np.testing.assert_allclose((m[:, None] * left).sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose((m[:, None] * np.cross(x, left)).sum(axis=0), 0.0, atol=1e-12)
    # equipartition: one for each of 21 − 6 components; 4 % is five standard errors of χ²
    assert np.mean(energies) == pytest.approx(15.0, rel=0.04)
