"""Trajectories of sane molecules live; others die, are recorded, and keep what went before."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import openmm
import pytest
import xarray

from examples import mol_of
from force_fields import embedded
from forceladder import files
from forceladder.errors import MethodError
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.fields import MD_FIELDS
from forceladder.md import trajectory as trajectory_module
from forceladder.md.distances import BLOCKS, EDGES, pair_counts
from forceladder.md.plans import frame_times, plans
from forceladder.md.simulator import THERMOSTATS, Simulator
from forceladder.md.stability import BROKEN_BOND
from forceladder.md.summary import MoleculeResults, as_md_dataset, stability_rows
from forceladder.md.trajectory import KEPT, Trajectory, read_arrays, write_arrays
from forceladder.md.watch import ALIVE, BOND, CONNECTIVITY, METHOD_FAILED, NO_PARAMETERS, Watch
from forceladder.units import GAS_CONSTANT
from molecules_in_motion import SETTINGS, molecule_run, plan, trapped_run


def whole_run(run, name="methanol", settings=SETTINGS):
    return {one.name: run.run(one) for one in plans(settings, name)}


@pytest.fixture(scope="module")
def methanol(tmp_path_factory):
    return molecule_run("CO", tmp_path_factory.mktemp("methanol"))


@pytest.fixture(scope="module")
def methanol_run(methanol):
    return whole_run(methanol)


def test_frames_are_evenly_spaced_to_the_end():
    np.testing.assert_allclose(frame_times(10.0, 0.5, 4), [2.5, 5.0, 7.5, 10.0])
    assert plan(length=10.0, frames=4).picoseconds == 10.0


def test_every_trajectory_has_a_name_and_a_seed_of_its_own():
    planned = plans(SETTINGS, "methanol")
    assert len({one.name for one in planned}) == len(planned) == 6
    nvt = [one for one in planned if one.kind == "nvt"]
    assert len({one.seed for one in nvt}) == 4
    assert len({one.seed for one in planned if one.kind == "nve"}) == 1  # steps share a start
    assert {one.seed for one in nvt}.isdisjoint({one.seed for one in plans(SETTINGS, "ethanol")})


# life


def test_sane_molecule_survives(methanol_run):
    for result in methanol_run.values():
        assert result["cause"] == ALIVE
        assert np.isnan(result["died"])
        assert np.isfinite(result["energy"]).all()
        assert result["deviation"].max() < 0.5
        assert len(result["kept_time"]) == 0


def test_energy_of_nve_is_about_the_thermal_energy(methanol, methanol_run):
    """Potential and kinetic energy above the minimum: about k_BT a degree of freedom."""
    floor, _ = openmm_energy_and_gradient(methanol.system(), methanol.minimum)
    thermal = 15 * GAS_CONSTANT * 300  # 3 N − 3 of them vibrate and turn, the rest drift along
    for name in ("nve-0.25fs", "nve-0.5fs"):
        excess = methanol_run[name]["energy"].mean() - floor
        assert 0.4 * thermal < excess < 2.0 * thermal


def test_replicas_differ_and_runs_repeat(methanol_run, tmp_path):
    one, other = (methanol_run[f"nvt-300K-{replica}"]["energy"] for replica in (0, 1))
    assert not np.array_equal(one, other)
    # alone, and after others: a trajectory depends on its plan
    last = plans(SETTINGS, "methanol")[-1]
    again = molecule_run("CO", tmp_path).run(last)
    for name, values in methanol_run[last.name].items():
        np.testing.assert_array_equal(again[name], values)


def test_pairs_of_atoms_are_counted_along_nvt(methanol_run):
    counts = methanol_run["nvt-600K-1"]["counts"]
    assert counts.shape == (BLOCKS, len(EDGES) - 1)
    frames = SETTINGS["nvt_frames"]
    assert (counts.sum(axis=1) == 15 * frames / BLOCKS).all()  # 6 atoms, 15 pairs


@pytest.mark.parametrize("thermostat", THERMOSTATS)
def test_either_thermostat_runs(thermostat, tmp_path):
    result = molecule_run("CO", tmp_path).run(plan(thermostat=thermostat, length=0.2))
    assert result["cause"] == ALIVE
    assert np.isfinite(result["energy"]).all()


# death


@pytest.mark.parametrize("factor", [-1.0, -30.0, -1e6])
def test_inverted_force_constant_dies_and_is_recorded(factor, tmp_path):
    """A bond that pushes itself apart: no exception, and no survival in the table."""

    def invert(parameters):
        parameters["terms"]["bond_harmonic"]["force_constant"][0] *= factor

    results = whole_run(molecule_run("CO", tmp_path, invert))
    dataset = as_md_dataset([MoleculeResults("doomed", 6, results)], SETTINGS)
    (row,) = stability_rows(dataset, 300)
    assert row["survival"] == {"300 K": 0.0, "600 K": 0.0}
    assert row["survival_ps"]["600 K"] < 0.1
    assert row["nve_drift"] == {"0.25 fs": None, "0.5 fs": None}
    assert row["nve_ratio"] is None
    assert len(row["deaths"]) == 6
    json.dumps(row, allow_nan=False)


def test_a_minimum_with_a_bond_too_long_does_not_count_as_survival(tmp_path):
    """Survival is measured from the reference data, not from the force field's own minimum."""

    def stretch(parameters):
        parameters["terms"]["bond_harmonic"]["length"][0] += 0.7

    run = molecule_run("CO", tmp_path, stretch)
    result = run.run(plan())
    assert (result["cause"], result["died"]) == (BOND, 0.0)
    # the reference geometry comes first, as what it was before it was minimized
    np.testing.assert_array_equal(result["kept_positions"][0], embedded("CO"))
    assert result["kept_deviation"][0] < BROKEN_BOND < result["kept_deviation"][1]


def test_molecule_that_breaks_under_way_keeps_what_went_before_and_after(tmp_path):
    run = trapped_run(tmp_path)
    cold = run.run(plan(name="cold", temperature=50.0))
    hot = run.run(plan(name="hot", temperature=3000.0))
    assert cold["cause"] == ALIVE
    assert hot["cause"] in (BOND, "not_a_number")
    assert 0 < hot["died"] < 2.0
    times = frame_times(2.0, 0.5, 20)
    np.testing.assert_array_equal(np.isnan(hot["deviation"]), times >= hot["died"])
    np.testing.assert_array_equal(np.isnan(hot["energy"]), times >= hot["died"])
    before, after = (hot["kept_time"] < hot["died"], hot["kept_time"] >= hot["died"])
    assert 1 <= before.sum() <= KEPT + 1
    assert after.sum() <= KEPT + 1
    assert (hot["kept_deviation"][before] <= BROKEN_BOND).all()
    assert np.isfinite(hot["kept_positions"]).all()
    # looks are 10 fs apart, and energies those of the positions beside them
    np.testing.assert_allclose(np.diff(hot["kept_time"][1:]), 0.01, atol=1e-9)
    whole = np.flatnonzero(before)[-1]
    expected, _ = openmm_energy_and_gradient(run.system(), hot["kept_positions"][whole])
    assert hot["kept_energy"][whole] == pytest.approx(expected, rel=1e-6)


def test_a_change_that_does_not_last_is_no_death(tmp_path, monkeypatch):
    """Eleven looks in a row are 100 fs; ten are a vibration."""
    said = []
    monkeypatch.setattr(Watch, "look", lambda self, x: (0.1, *said[len_of(looks, x)]))
    looks = []

    def len_of(seen, x):
        seen.append(x)
        return min(len(seen), len(said)) - 1

    def course(changed):
        looks.clear()
        said[:] = [(ALIVE, "")] * 31 + [(CONNECTIVITY, "C1-O2 broken")] * changed
        said.extend([(ALIVE, "")] * 200)
        folder = tmp_path / str(changed)
        return molecule_run("CO", folder).run(plan(watch_interval=10.0, persistence=100.0))

    # the first look is that at the minimum, then one each 10 fs; one more is at the start
    assert course(10)["cause"] == ALIVE
    dead = course(11)
    assert (dead["cause"], dead["phrase"]) == (CONNECTIVITY, "C1-O2 broken")
    assert dead["died"] == pytest.approx(0.31, abs=0.011)  # when the change began
    assert (dead["kept_time"] < dead["died"] - 1e-9).sum() == KEPT


def failing_after(calls: int, positions):
    """A System of one PythonForce: springs to the positions given, for so many calls."""
    system, seen = openmm.System(), []
    for _ in positions:
        system.addParticle(12.0)

    def compute(state):
        seen.append(state)
        if len(seen) > calls:
            raise MethodError("no energy here")
        away = state.getPositions(asNumpy=True)._value - positions * 0.1
        return 5e4 * (away**2).sum(), -1e5 * away

    system.addForce(openmm.PythonForce(compute, {}))
    return system


def test_method_that_fails_ends_its_trajectory_and_not_the_job(tmp_path):
    run = molecule_run("CO", tmp_path)
    run.system = lambda: failing_after(300, embedded("CO"))
    first, second = (run.run(plan(name=name, length=1.0)) for name in ("first", "second"))
    assert first["cause"] == second["cause"] == METHOD_FAILED
    assert "no energy here" in first["phrase"]
    assert 0 < first["died"] < 1.0
    assert second["died"] <= 0.01  # at once; the look before the first steps saw nothing
    assert np.isnan(second["energy"]).all()


# the store


def test_a_finished_trajectory_is_taken_and_one_of_other_parameters_is_not(tmp_path):
    short = plan(length=0.05, frames=5)
    first = molecule_run("CO", tmp_path).run(short)

    def refuse():
        raise AssertionError("a System was asked for")

    again = molecule_run("CO", tmp_path)
    again.system = refuse
    np.testing.assert_array_equal(again.run(short)["energy"], first["energy"])
    for other, key in ((short._replace(seed=9), "one"), (short, "two")):
        stranger = molecule_run("CO", tmp_path, key=key)
        stranger.system = refuse
        with pytest.raises(AssertionError, match="System was asked for"):
            stranger.run(other)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no zip", None])
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    path = tmp_path / "one.npz"
    write_arrays(path, "key", {"energy": np.arange(3.0), "cause": "alive"})
    assert read_arrays(path, "other key") is None
    found = read_arrays(path, "key")
    assert found["energy"].tolist() == [0, 1, 2]
    assert str(found["cause"]) == "alive"
    path.write_bytes(path.read_bytes()[:-30] if damage is None else damage)
    assert read_arrays(path, "key") is None


@pytest.mark.parametrize("smiles", ["CO"])
@pytest.mark.parametrize("kind, thermostat", [("nve", ""), *(("nvt", t) for t in THERMOSTATS)])
def test_interrupted_and_resumed_is_uninterrupted_bit_for_bit(tmp_path, smiles, kind, thermostat):
    one = plan(name="one", kind=kind, thermostat=thermostat, length=0.4, equilibration=0.1)
    expected = molecule_run(smiles, tmp_path / "whole").run(one)

    class Interrupted(Exception):
        pass

    run = molecule_run(smiles, tmp_path / "parts")
    for _ in range(3):  # each goes one checkpoint farther, in a Context of its own
        run = molecule_run(smiles, tmp_path / "parts")
        Simulator(run.system()).begin(99)  # and another state of the random numbers
        before = run.store.state(one)
        saved, put_away = [], run.store.put_away

        def interrupt(plan, state, saved=saved, run=run):
            write_arrays(run.store._path(plan, "state.npz"), plan.fingerprint("one"), state)
            saved.append(state)
            raise Interrupted

        run.store = Interrupting(run.store, interrupt)
        with pytest.raises(Interrupted):
            run.run(one, every=5)
        assert int(saved[0]["frame"]) == (0 if before is None else int(before["frame"])) + 5
        del put_away
    done = []
    result = molecule_run(smiles, tmp_path / "parts").run(one, every=5, report=done.append)
    assert sum(done) == pytest.approx(0.4)
    for name in ("energy", "deviation", "counts"):
        np.testing.assert_array_equal(result[name], expected[name])
    assert not (tmp_path / "parts" / "one.state.npz").exists()


class Interrupting:
    """A Store whose put_away is another function."""

    def __init__(self, store, put_away):
        self.store, self.put_away = store, put_away

    def __getattr__(self, name):
        return getattr(self.store, name)


def test_a_death_is_the_same_where_it_was_interrupted_shortly_before(tmp_path):
    hot = plan(name="hot", temperature=3000.0, frames=200)
    whole = trapped_run(tmp_path / "whole").run(hot)
    run = trapped_run(tmp_path / "parts")
    trajectory = Trajectory(run.simulator, hot, run.watch)
    trajectory.set_out(run.positions[0], run.start(hot))
    while trajectory.died is None and not trajectory.over:
        state = trajectory.state()
        trajectory._next_frame()
    run.store.put_away(hot, state)
    resumed = trapped_run(tmp_path / "parts").run(hot)
    for name, values in whole.items():
        np.testing.assert_array_equal(resumed[name], values)


KILLED = """
import sys
sys.path[:0] = {path!r}
from molecules_in_motion import molecule_run, plan
from pathlib import Path
run = molecule_run("CO", Path({folder!r}))
run.run(plan(name="long", length=4000.0, frames=4000), every=3, report=lambda ps: None)
"""


def test_killed_job_loses_no_more_than_what_followed_its_last_checkpoint(tmp_path):
    """A real process, killed by a signal that none can catch; the next one goes on."""
    text = KILLED.format(path=sys.path, folder=str(tmp_path / "killed"))
    process = subprocess.Popen([sys.executable, "-c", text])
    long = plan(name="long", length=4000.0, frames=4000)
    run = molecule_run("CO", tmp_path / "killed")
    for _ in range(600):
        time.sleep(0.1)
        state = run.store.state(long)
        if state is not None and int(state["frame"]) >= 3:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    frame = int(run.store.state(long)["frame"])
    assert frame >= 3
    assert frame % 3 == 0
    resumed = Trajectory(run.simulator, long, run.watch)
    resumed.take_up(run.store.state(long), run.start(long))
    fresh = Trajectory(Simulator(run.system()), long, run.watch)
    fresh.set_out(run.positions[0], run.start(long))
    while fresh.frame < frame:
        fresh._next_frame()
    state = fresh.state()
    # two trajectories of one process draw from one source: each from its own checkpoint
    resumed.simulator.context.loadCheckpoint(run.store.state(long)["openmm"].tobytes())
    resumed._next_frame()
    fresh.simulator.context.loadCheckpoint(state["openmm"].tobytes())
    fresh._next_frame()
    np.testing.assert_array_equal(resumed.energy[: frame + 1], fresh.energy[: frame + 1])


# the dataset


def test_dataset_is_as_fields_say_and_survives_its_file(methanol_run, tmp_path):
    hot = trapped_run(tmp_path / "run")
    broken = {**methanol_run}
    broken["nvt-600K-1"] = hot.run(plan(temperature=3000.0))
    dataset = as_md_dataset(
        [
            MoleculeResults("methanol", 6, methanol_run),
            MoleculeResults("unknown", 9, None),
            MoleculeResults("twin", 6, broken),
        ],
        SETTINGS,
    )
    assert set(dataset.variables) == set(MD_FIELDS)
    for name, field in MD_FIELDS.items():
        assert dataset[name].dims == field.dims
        assert dataset[name].attrs["units"] == field.units
    files.write_netcdf(tmp_path / "trajectories.nc", dataset)
    xarray.testing.assert_identical(xarray.load_dataset(tmp_path / "trajectories.nc"), dataset)
    rows = stability_rows(dataset, 300)
    assert [row["molecule"] for row in rows] == ["methanol", "unknown", "twin"]
    assert rows[0]["survival"] == {"300 K": 1.0, "600 K": 1.0}
    assert rows[0]["survival_ps"] == {"300 K": 2.0, "600 K": 2.0}
    assert rows[0]["nve_ratio_expected"] == 4.0
    fluctuation = rows[0]["nve_fluctuation"]
    ratio = fluctuation["0.5 fs"] / fluctuation["0.25 fs"]
    assert rows[0]["nve_ratio"] == pytest.approx(ratio)
    assert rows[1]["reason"] == "no parameters"
    assert rows[1]["survival"] == {"300 K": None, "600 K": None}
    assert (dataset["nvt_cause"].values[1] == NO_PARAMETERS).all()
    assert rows[2]["survival"] == {"300 K": 1.0, "600 K": 0.5}
    assert len(rows[2]["deaths"]) == 1
    # what is kept of the one death
    died = broken["nvt-600K-1"]
    assert dataset["broken_name"].values.tolist() == ["nvt-600K-1"]
    assert dataset["broken_molecule"].values.tolist() == [2]
    np.testing.assert_array_equal(
        dataset["broken_positions"].values.reshape(-1, 6, 3), died["kept_positions"]
    )


def test_a_dataset_without_deaths_has_no_kept_frames(methanol_run):
    dataset = as_md_dataset([MoleculeResults("methanol", 6, methanol_run)], SETTINGS)
    assert dataset.sizes["broken"] == dataset.sizes["broken_frame"] == 0
    assert dataset["broken_positions"].shape == (0, 3)


def test_pairs_are_those_of_the_frames(tmp_path, monkeypatch):
    """h(r) of a trajectory is that of positions read beside it."""
    seen = []
    monkeypatch.setattr(
        trajectory_module, "pair_counts", lambda x: seen.append(x) or pair_counts(x)
    )
    result = molecule_run("CO", tmp_path).run(plan(length=0.2))
    frames = [x for x in seen if len(x) == mol_of("CO").GetNumAtoms()]
    assert len(frames) == 20
    np.testing.assert_array_equal(result["counts"].sum(axis=0), sum(map(pair_counts, frames)))
