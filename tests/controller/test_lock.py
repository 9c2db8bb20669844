"""Who may run in a working directory, and the sentence that everybody else reads."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from conftest import SCRIPTS
from forceladder import locks
from forceladder.controller import lock
from forceladder.controller.holder import jobs_of
from forceladder.errors import LockedError

HOLD = f"""
import subprocess, sys, time; sys.path.insert(0, {str(SCRIPTS)!r})
from forceladder.controller.lock import only_run
with only_run(".snakemake", "snakemake.log"):
    open(".snakemake/locks/0.output.lock", "w").write("a\\n")
    subprocess.Popen([sys.executable, "job.py"], stdout=subprocess.DEVNULL)
    print("running", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory, with what a job of it runs: seconds of nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / "job.py").write_text("import time; time.sleep(60)\n")
    return tmp_path


@pytest.fixture
def holder(folder):
    """A process that runs there, and its one job; both are gone after the test."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "running\n"
    run = said()["run"]
    yield process
    process.kill()
    process.communicate()
    for pid in jobs_of(run):
        os.kill(pid, signal.SIGKILL)


def said() -> dict:
    with open(".snakemake/forceladder/run.json") as file:
        return json.load(file)


def refusal() -> str:
    with pytest.raises(LockedError) as error, lock.only_run(".snakemake"):
        pass
    return str(error.value)


def kill(process):
    process.kill()
    process.wait()


def test_a_run_that_ended_leaves_nothing_to_explain(folder):
    for _ in range(2):
        with lock.only_run(".snakemake"):
            assert said()["pid"] == os.getpid()
        assert not (folder / ".snakemake/forceladder/run.json").exists()


def test_a_run_that_failed_leaves_nothing_to_explain(folder):
    with pytest.raises(ZeroDivisionError), lock.only_run(".snakemake"):
        raise ZeroDivisionError
    with lock.only_run(".snakemake"):
        pass


def test_a_second_run_is_told_who_runs_and_how_to_stop_it(holder):
    sentence = refusal()
    assert f"a run is under way in {os.getcwd()}: process {holder.pid} of" in sentence
    assert f"`kill -INT -{os.getpgid(holder.pid)}`" in sentence and said()["since"] in sentence
    assert "--unlock" not in sentence
    assert said()["pid"] == holder.pid


def test_after_a_kill_orphans_are_named_and_the_way_on(holder, folder):
    kill(holder)
    ((orphan, name),) = jobs_of(said()["run"]).items()
    sentence = refusal()
    assert "still locked by a run that was killed: process" in sentence
    assert f"still work: {name} (process {orphan})" in sentence
    assert f"`kill {orphan}`" in sentence and "`snakemake --unlock`" in sentence
    os.kill(orphan, signal.SIGKILL)
    while jobs_of(said()["run"]):
        time.sleep(0.01)
    assert "No job of it works on this machine any more" in refusal()
    (folder / ".snakemake/locks/0.output.lock").unlink()  # as --unlock does
    with lock.only_run(".snakemake"):
        assert said()["pid"] == os.getpid()


def test_jobs_in_slurm_are_found_by_the_name_of_the_run(holder, folder):
    kill(holder)
    (folder / "snakemake.log").write_text("Building DAG\nSLURM run ID: 1b2c-3d\nmore\n")
    assert "`squeue --name 1b2c-3d`" in refusal() and "`scancel --name 1b2c-3d`" in refusal()


def test_a_run_on_another_machine_is_not_called_dead(holder, folder):
    kill(holder)
    (folder / ".snakemake/forceladder/run.json").write_text(
        json.dumps(said() | {"host": "login2.elsewhere"})
    )
    sentence = refusal()
    assert "from here it cannot be seen whether it still runs" in sentence
    assert f"look on login2.elsewhere with `ps -p {holder.pid}`" in sentence


def test_a_process_of_the_same_number_is_not_the_one_that_was_killed(holder, folder):
    kill(holder)
    path = folder / ".snakemake/forceladder/run.json"
    path.write_text(json.dumps(said() | {"pid": os.getpid()}))
    assert "by a run that was killed" in refusal()


def test_where_the_file_system_has_no_locks_the_process_itself_is_looked_for(holder, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    assert "a run is under way" in refusal()
    kill(holder)
    assert "by a run that was killed" in refusal()
