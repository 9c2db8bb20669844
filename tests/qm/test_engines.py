"""Faults of an engine cost the task at fault and no other. xTB stands for every engine here."""

import importlib.util
import io
import json
import os
import signal
import time

import numpy as np
import psutil
import pytest
from ase import Atoms, units
from tblite.ase import TBLite

from examples import WATER, WATER_BOHR, bare_molecule, zigzag_alkane
from forceladder.errors import MissingProgramError
from forceladder.qm import engines
from forceladder.qm.scratch import PREFIX, scratch_folder
from forceladder.qm.tasks import make_task

WATER_TASK = bare_molecule("OHH", WATER_BOHR)
SLOW = zigzag_alkane(120)  # several seconds of xTB


def run(molecules, spec, time_limit=300):
    """Yield (index, result) of each molecule, all of one engine process."""
    with engines.EngineProcess("gfn2-xtb", threads=1) as engine:
        for index, molecule in enumerate(molecules):
            task = make_task(molecule, spec, engines.xtb_version())
            yield index, engine.compute(task, 500, time_limit)


def engine_processes():
    return psutil.Process().children(recursive=True)


def test_results_are_those_of_tblites_own_ase_calculator(xtb_spec, scratch_root):
    ((_, result),) = run([WATER_TASK], xtb_spec)
    atoms = Atoms("OH2", WATER, calculator=TBLite(method="GFN2-xTB", verbosity=0))
    assert result["energy"] * units.Hartree == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
    gradient = np.reshape(result["gradient"], (-1, 3)) * units.Hartree / units.Bohr
    np.testing.assert_allclose(gradient, -atoms.get_forces(), atol=1e-5)
    dipole = np.array(result["dipole"]) * units.Bohr
    np.testing.assert_allclose(dipole, atoms.get_dipole_moment(), atol=1e-5)
    assert sum(result["charges"]) == pytest.approx(0.0, abs=1e-8)


def test_charge_and_multiplicity_reach_the_engine(xtb_spec, scratch_root):
    cation = bare_molecule("OHH", WATER_BOHR, charge=1, multiplicity=2)
    (_, neutral), (_, ion) = run([WATER_TASK, cation], xtb_spec)
    assert sum(ion["charges"]) == pytest.approx(1.0, abs=1e-8)
    ionization = (ion["energy"] - neutral["energy"]) * units.Hartree
    assert 10 < ionization < 25  # eV; experiment: 12.6


def test_failed_task_is_a_result_and_the_next_one_still_runs(xtb_spec, scratch_root):
    overlapping = bare_molecule("OO", np.zeros((2, 3)))
    results = dict(run([WATER_TASK, overlapping, WATER_TASK], xtb_spec))
    assert [results[i]["success"] for i in range(3)] == [True, False, True]
    assert results[1]["error_type"] == "TBLiteRuntimeError"
    assert "Too close" in results[1]["error_message"]
    assert results[0]["energy"] == results[2]["energy"]


def test_unconverged_scf_is_a_failure_and_not_an_energy(xtb_spec, scratch_root):
    ((_, result),) = run([WATER_TASK], {**xtb_spec, "keywords": {"max-iter": 1}})
    assert not result["success"]
    assert "not converged" in result["error_message"]
    assert "energy" not in result


def test_number_that_is_none_is_a_failure(tmp_path, monkeypatch):
    """JSON has no NaN, and neither has the cache: the protocol says so at the source."""
    spec = importlib.util.spec_from_file_location("protocol", engines.RUNNERS / "protocol.py")
    protocol = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(protocol)
    for i in (0, 1):
        (tmp_path / f"{i}.task.json").write_text(str(i))
    reading, writing = os.pipe()
    monkeypatch.setenv("FORCELADDER_FOLDER", str(tmp_path))
    monkeypatch.setenv("FORCELADDER_ANSWERS", str(writing))
    monkeypatch.setattr(protocol.sys, "stdin", io.StringIO("0\n1\n"))
    protocol.run(lambda task: {"energy": [float("nan"), -1.0][task]})
    assert os.read(reading, 100) == b"0\n1\n"
    results = [json.loads((tmp_path / f"{i}.result.json").read_text()) for i in (0, 1)]
    assert [result["success"] for result in results] == [False, True]
    assert "not JSON compliant" in results[0]["error_message"]


def test_killed_engine_costs_the_task_under_way_alone(xtb_spec, scratch_root):
    results = {}
    for index, result in run([WATER_TASK, SLOW, WATER_TASK], xtb_spec):
        results[index] = result
        if index == 0:
            (process,) = engine_processes()
            os.kill(process.pid, signal.SIGKILL)
    assert [results[i]["success"] for i in range(3)] == [True, False, True]
    assert results[1]["error_type"] == "engine_killed"
    assert "exit code -9" in results[1]["error_message"]


def test_task_over_the_time_limit_costs_itself_alone(xtb_spec, scratch_root):
    start = time.monotonic()
    results = dict(run([WATER_TASK, SLOW, WATER_TASK], xtb_spec, time_limit=2.0))
    assert [results[i]["success"] for i in range(3)] == [True, False, True]
    assert results[1]["error_type"] == "time_limit"
    assert results[1]["error_message"] == "no result within qm time limit 2 s"
    assert time.monotonic() - start < 20
    assert engine_processes() == []


def test_caller_that_stops_early_leaves_neither_process_nor_scratch(xtb_spec, scratch_root):
    running = run([WATER_TASK, SLOW], xtb_spec)
    next(running)
    assert len(engine_processes()) == 1
    running.close()
    assert engine_processes() == []
    assert list(scratch_root.iterdir()) == []


def test_finished_run_leaves_no_scratch(xtb_spec, scratch_root):
    list(run([WATER_TASK], xtb_spec))
    assert list(scratch_root.iterdir()) == []


def test_no_tasks_start_no_engine(xtb_spec, scratch_root, monkeypatch):
    monkeypatch.setattr(engines.subprocess, "Popen", None)
    assert list(run([], xtb_spec)) == []


def test_engine_does_not_inherit_our_python(xtb_spec, scratch_root, monkeypatch, tmp_path):
    """A numpy of ours on PYTHONPATH would break an engine that brings another Python."""
    (tmp_path / "tblite.py").write_text("raise SystemExit('this is not tblite')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    ((_, result),) = run([WATER_TASK], xtb_spec)
    assert result["success"]


# scratch


def test_folder_in_use_is_never_swept(scratch_root):
    with scratch_folder() as one, scratch_folder() as two:
        assert one != two
        assert one.exists() and two.exists()
        assert one.parent == scratch_root
    assert list(scratch_root.iterdir()) == []


def test_folder_of_a_dead_owner_is_swept_and_a_strangers_is_not(scratch_root):
    abandoned, stranger = scratch_root / f"{PREFIX}abandoned", scratch_root / "stranger"
    for folder in (abandoned, stranger):
        folder.mkdir()
        (folder / "lock").touch()
        (folder / "psi.123.32").write_bytes(bytes(1000))
    with scratch_folder():
        assert not abandoned.exists()
        assert stranger.exists()


# missing programs


@pytest.fixture
def fresh_psi4_version():
    engines.psi4_version.cache_clear()
    yield
    engines.psi4_version.cache_clear()


@pytest.mark.parametrize(
    "variables", [{"PATH": ""}, {"FORCELADDER_PSI4": "/nonexistent"}, {"PATH": "/nonexistent"}]
)
def test_missing_psi4_names_the_three_ways_out(monkeypatch, fresh_psi4_version, variables):
    monkeypatch.delenv("FORCELADDER_PSI4", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    process = engines.EngineProcess("psi4", threads=1)
    for ask in (engines.psi4_version, lambda: process.compute({}, 500, 10)):
        with pytest.raises(MissingProgramError) as caught:
            ask()
        for way in ("apt-get install psi4", "conda install -c conda-forge psi4", "gfn2-xtb"):
            assert way in str(caught.value)


@pytest.mark.parametrize(
    "script, reason", [("echo broken numpy >&2; exit 1", "broken numpy"), ("exit 0", "no output")]
)
def test_broken_psi4_is_named_with_its_last_words(
    monkeypatch, fresh_psi4_version, tmp_path, script, reason
):
    program = tmp_path / "psi4"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("FORCELADDER_PSI4", str(program))
    with pytest.raises(MissingProgramError, match=reason) as caught:
        engines.psi4_version()
    assert str(program) in str(caught.value)


def test_missing_tblite_names_the_package(monkeypatch):
    def not_found(name):
        raise engines.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(engines.importlib.metadata, "version", not_found)
    with pytest.raises(MissingProgramError, match="pip install tblite"):
        engines.xtb_version()
