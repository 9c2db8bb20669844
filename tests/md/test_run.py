"""Trajectories of sane molecules live at the right temperature; others die and are recorded."""

import json

import numpy as np
import openmm
import pytest

from force_fields import dataset_of, embedded, topology, untrained_rung
from forceladder import files
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.fields import MD_FIELDS
from forceladder.md.run import (
    Simulator,
    bond_lengths,
    frame_times,
    minimized_positions,
    nve_energies,
    nvt_trace,
    run_molecule,
    thermal_start,
)
from forceladder.md.stability import energy_drift, energy_fluctuation
from forceladder.md.summary import as_md_dataset, stability_rows
from forceladder.units import GAS_CONSTANT
from ladder import LADDER, ladder_rung

SETTINGS = {
    "seed": 1, "nve_temperature_kelvin": 300, "nve_ps": 2, "nve_frames": 100,
    "nve_timesteps_fs": [0.25, 0.5], "nvt_temperatures_kelvin": [300, 600], "nvt_replicas": 2,
    "nvt_ps": 2, "nvt_frames": 20, "nvt_timestep_fs": 0.5, "nvt_friction_per_ps": 5.0,
}  # fmt: skip


def parameters_of(smiles):
    graph = topology(smiles)
    return molecule_parameters(untrained_rung(graph), dataset_of(smiles))[0]


def bonds_of(parameters):
    return np.array(parameters["terms"]["bond_harmonic"]["atoms"])


@pytest.fixture(scope="module")
def methanol():
    parameters = parameters_of("CO")
    return openmm_system(parameters), bonds_of(parameters), embedded("CO")


@pytest.fixture(scope="module")
def methanol_run(methanol):
    return whole_run(methanol, "methanol")


def whole_run(molecule, name, settings=SETTINGS):
    """All trajectories; the molecule's one geometry is its reference data."""
    system, bonds, positions = molecule
    return run_molecule(system, bonds, positions[None], name, settings)


def inverted(smiles, factor):
    """The molecule with the force constant of its first bond multiplied by `factor`."""
    parameters = parameters_of(smiles)
    parameters["terms"]["bond_harmonic"]["force_constant"][0] *= factor
    return openmm_system(parameters), bonds_of(parameters), embedded(smiles)


# pieces


def test_minimum_has_no_forces(methanol):
    system, _, positions = methanol
    minimum = minimized_positions(Simulator(system), positions)
    energy, gradient = openmm_energy_and_gradient(system, minimum)
    assert energy < openmm_energy_and_gradient(system, positions)[0]
    assert np.abs(gradient).max() < 0.01


def test_bond_lengths_are_distances():
    x = np.array([[0.0, 0, 0], [3, 4, 0], [3, 4, 12]])
    assert bond_lengths(x, [[0, 1], [1, 2], [0, 2]]).tolist() == [5.0, 12.0, 13.0]
    assert bond_lengths(x, np.zeros((0, 2), int)).shape == (0,)


def test_frames_are_evenly_spaced_to_the_end():
    np.testing.assert_allclose(frame_times(10.0, 0.5, 4), [2.5, 5.0, 7.5, 10.0])


# NVE


def test_fluctuation_falls_fourfold_when_the_step_is_halved(methanol):
    """The mark of a symplectic integrator on a smooth potential: exact, continuous forces."""
    system, _, positions = methanol
    minimum = minimized_positions(Simulator(system), positions)
    start, fluctuation = thermal_start(Simulator(system, 3), minimum, 300, seed=3), []
    for timestep in (0.8, 0.4, 0.2):
        energy = nve_energies(Simulator(system), start, timestep, 4.0, 400)
        time = frame_times(4.0, timestep, 400)
        fluctuation.append(energy_fluctuation(time, energy, 12))
        # less than a percent of the thermal energy, k_BT a degree of freedom, in 4 ps
        assert abs(energy_drift(time, energy, 12)) * 4e-3 < 0.01 * GAS_CONSTANT * 300
    ratios = np.array(fluctuation[:-1]) / fluctuation[1:]
    np.testing.assert_allclose(ratios, 4.0, rtol=0.15)


def test_energy_starts_at_about_the_thermal_energy(methanol, methanol_run):
    """Potential and kinetic energy above the minimum: about k_BT a degree of freedom."""
    system, _, positions = methanol
    floor, _ = openmm_energy_and_gradient(system, minimized_positions(Simulator(system), positions))
    excess = methanol_run["nve_energy"].mean(axis=1) - floor
    thermal = 15 * GAS_CONSTANT * 300  # 3 N − 3 of them vibrate and turn, the rest drift along
    assert ((excess > 0.4 * thermal) & (excess < 2.0 * thermal)).all()


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
    minimum = minimized_positions(Simulator(system), embedded(smiles))
    start, fluctuation = thermal_start(Simulator(system, 3), minimum, 200, seed=3), []
    for timestep in (0.8, 0.4):
        energy = nve_energies(Simulator(system), start, timestep, 0.4, 50)
        fluctuation.append(energy_fluctuation(frame_times(0.4, timestep, 50), energy, 12))
    assert fluctuation[0] / fluctuation[1] == pytest.approx(4.0, rel=0.3)


def test_a_trajectory_does_not_depend_on_what_the_simulator_did_before(methanol):
    """NVE from one start: after other steps, a thermostat and a blow-up, the same energies."""
    system, bonds, positions = methanol
    fresh, used = Simulator(system), Simulator(system)
    start = thermal_start(fresh, positions, 300, seed=3)
    nve_energies(used, start, 0.8, 0.1, 10)
    nvt_trace(used, positions, bonds, bond_lengths(positions, bonds), 900, SETTINGS, seed=1)
    broken = nvt_trace(used, positions * 1e-3, bonds, [1.0] * len(bonds), 900, SETTINGS, seed=1)
    assert np.isnan(broken[1]).any()
    expected, found = (nve_energies(one, start, 0.4, 0.2, 20) for one in (Simulator(system), used))
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(found, expected)


# NVT


def test_thermostat_holds_the_temperature_of_a_closed_form():
    """Particles on harmonic tethers: mean potential energy ³⁄₂ k_BT each, whatever k and m."""
    system = openmm.System()
    tether = openmm.CustomExternalForce("0.5*k*(x*x+y*y+z*z)")
    tether.addPerParticleParameter("k")
    count = 60
    for particle in range(count):
        system.addParticle(1.0 + particle % 16)
        tether.addParticle(particle, [2e4 * (1 + particle % 5)])  # kJ/mol/nm²
    system.addForce(tether)
    settings = {**SETTINGS, "nvt_ps": 20, "nvt_frames": 200, "nvt_friction_per_ps": 10.0}
    for kelvin in (100, 700):
        _, energy = nvt_trace(
            Simulator(system),
            np.zeros((count, 3)),
            np.zeros((0, 2), int),
            [],
            kelvin,
            settings,
            seed=5,
        )
        temperature = energy[50:].mean() / (1.5 * count * GAS_CONSTANT)
        assert temperature == pytest.approx(kelvin, rel=0.03)


def test_mean_kinetic_temperature_of_a_molecule_is_the_thermostats(methanol, monkeypatch):
    """Kinetic energy ³⁄₂ N k_BT, read from the very context that `nvt_trace` drives."""
    from forceladder.md import run

    system, bonds, positions = methanol
    kinetic, simulator, read = [], Simulator(system), run.positions_of

    def sampled(state):
        energy = simulator.context.getState(getEnergy=True).getKineticEnergy()
        kinetic.append(energy._value / 4.184)
        return read(state)

    minimum = minimized_positions(simulator, positions)
    monkeypatch.setattr(run, "positions_of", sampled)
    settings = {**SETTINGS, "nvt_ps": 40, "nvt_frames": 800, "nvt_friction_per_ps": 20.0}
    reference = bond_lengths(minimum, bonds)
    deviation, energy = nvt_trace(simulator, minimum, bonds, reference, 300, settings, seed=2)
    assert deviation.max() < 0.5
    assert np.isfinite(energy).all()
    # 18 degrees of freedom, a few hundred independent frames: 2 % standard error
    temperature = np.mean(kinetic[100:]) / (1.5 * 6 * GAS_CONSTANT)
    assert temperature == pytest.approx(300.0, rel=0.06)


def test_sane_molecule_survives(methanol_run):
    assert methanol_run["nvt_bond_deviation"].max() < 0.5
    for name in ("nve_energy", "nvt_bond_deviation", "nvt_energy"):
        assert np.isfinite(methanol_run[name]).all(), name
    assert methanol_run["degrees_of_freedom"] == 12


def test_replicas_differ_and_runs_repeat(methanol, methanol_run):
    energy = methanol_run["nvt_energy"]
    assert not np.array_equal(energy[0, 0], energy[0, 1])
    again = whole_run(methanol, "methanol")
    for name, values in methanol_run.items():
        np.testing.assert_array_equal(again[name], values)
    other = whole_run(methanol, "another name")
    assert not np.array_equal(other["nvt_energy"], energy)


# death


@pytest.mark.parametrize("factor", [-1.0, -30.0, -1e6])
def test_inverted_force_constant_dies_and_is_recorded(factor):
    """A bond that pushes itself apart: no exception, and no survival in the table."""
    run = whole_run(inverted("CO", factor), "doomed")
    dataset = as_md_dataset(["doomed"], [run], SETTINGS)
    (row,) = stability_rows(dataset, 300)
    assert row["survival"] == {"300 K": 0.0, "600 K": 0.0}
    assert row["survival_ps"] == {"300 K": 0.0, "600 K": 0.0}
    json.dumps(row, allow_nan=False)


def test_a_minimum_with_a_bond_too_long_does_not_count_as_survival():
    """Survival is measured from the reference data, not from the force field's own minimum."""
    parameters = parameters_of("CO")
    parameters["terms"]["bond_harmonic"]["length"][0] += 0.7
    molecule = openmm_system(parameters), bonds_of(parameters), embedded("CO")
    run = whole_run(molecule, "stretched")
    assert (run["nvt_bond_deviation"] > 0.5).any(axis=-1).all()
    (row,) = stability_rows(as_md_dataset(["stretched"], [run], SETTINGS), 300)
    assert row["survival"] == {"300 K": 0.0, "600 K": 0.0}


def test_molecule_that_breaks_under_way_is_nan_from_there_on():
    """A force field without a floor below it: sane at the minimum, gone once pushed."""
    parameters = parameters_of("CO")
    system = openmm_system(parameters)
    minimum = minimized_positions(Simulator(system), embedded("CO"))
    trap = openmm.CustomBondForce("-1e11*max(0, r-r0)^4")  # wins 0.15 Å from the minimum
    trap.addPerBondParameter("r0")
    for (i, j), length in zip(
        parameters["terms"]["bond_harmonic"]["atoms"],
        parameters["terms"]["bond_harmonic"]["length"], strict=True,
    ):  # fmt: skip
        trap.addBond(i, j, [0.1 * length + 0.008])
    system.addForce(trap)
    settings = {**SETTINGS, "nvt_temperatures_kelvin": [50, 3000], "nvt_replicas": 1}
    run = whole_run((system, bonds_of(parameters), minimum), "fragile", settings)
    cold, hot = run["nvt_bond_deviation"][:, 0]
    assert np.nanmax(cold) < 0.5
    assert not (hot <= 0.5).all()
    (row,) = stability_rows(as_md_dataset(["fragile"], [run], settings), 300)
    assert row["survival"] == {"50 K": 1.0, "3000 K": 0.0}
    assert row["survival_ps"]["3000 K"] < 2.0


@pytest.mark.parametrize("reader", ["bond_lengths", "_total_energy"])
def test_exception_of_the_engine_ends_a_trajectory_and_not_the_run(methanol, monkeypatch, reader):
    """Some platforms raise 'Particle coordinate is NaN' where Reference returns the NaN."""
    from forceladder.md import run

    system, bonds, positions = methanol
    real, calls = getattr(run, reader), []

    def fails_at_the_third_frame(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise openmm.OpenMMException("Particle coordinate is NaN")
        return real(*arguments)

    reference = bond_lengths(positions, bonds)
    monkeypatch.setattr(run, reader, fails_at_the_third_frame)
    if reader == "bond_lengths":
        traces = nvt_trace(Simulator(system), positions, bonds, reference, 300, SETTINGS, seed=1)
    else:
        start = thermal_start(Simulator(system), positions, 300, seed=1)
        traces = [nve_energies(Simulator(system), start, 0.5, 0.1, 20)]
    for trace in traces:
        assert np.isfinite(trace).tolist() == [True, True] + 18 * [False]


# the dataset


def test_dataset_is_as_fields_say_and_survives_its_file(methanol_run, tmp_path):
    import xarray

    dataset = as_md_dataset(["methanol", "twin"], [methanol_run] * 2, SETTINGS)
    for name, field in MD_FIELDS.items():
        assert dataset[name].dims == field.dims
        assert dataset[name].attrs["units"] == field.units
    files.write_netcdf(tmp_path / "trajectories.nc", dataset)
    xarray.testing.assert_identical(xarray.load_dataset(tmp_path / "trajectories.nc"), dataset)
    rows = stability_rows(dataset, 300)
    assert [row["molecule"] for row in rows] == ["methanol", "twin"]
    assert rows[0]["survival"] == {"300 K": 1.0, "600 K": 1.0}
    assert rows[0]["survival_ps"] == {"300 K": 2.0, "600 K": 2.0}
