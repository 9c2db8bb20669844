"""Engines: programs that turn tasks into results, each in a child process of its own.

A new engine is one runner file and one entry in ENGINES.
"""

import ctypes
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from forceladder.errors import MissingProgramError
from forceladder.qm.scratch import scratch_folder

RUNNERS = Path(__file__).parent / "runners"
POLL = 0.05  # s between two looks for a new result

# Set for our own Python, and wrong for an engine that brings another.
FOREIGN_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class Engine(NamedTuple):
    command: callable  # threads, scratch folder → list of words
    version: callable  # → str


def clean_environment() -> dict[str, str]:
    """Our environment without what would lead an engine's own Python astray."""
    return {k: v for k, v in os.environ.items() if k not in FOREIGN_VARIABLES}


def psi4_program() -> str:
    """Path of the psi4 program: $FORCELADDER_PSI4, else the first on PATH."""
    program = shutil.which(os.environ.get("FORCELADDER_PSI4") or "psi4")
    if program is None:
        raise MissingProgramError(
            "Psi4 was not found on PATH nor by $FORCELADDER_PSI4; install it with "
            "'apt-get install psi4' (Debian, root), or with 'conda install -c conda-forge psi4', "
            "or set the engine of the reference spec to gfn2-xtb in the config."
        )
    return program


def psi4_command(threads: int, scratch: Path) -> list[str]:
    return [
        psi4_program(), "-k", "-n", str(threads), "-s", str(scratch),
        "-o", str(scratch / "psi4.out"), "-i", str(RUNNERS / "psi4_runner.py"),
    ]  # fmt: skip


@lru_cache
def psi4_version() -> str:
    """What `psi4 --version` says; MissingProgramError if it says nothing."""
    with scratch_folder() as scratch:  # Psi4 leaves a timer.dat wherever it is called
        answer = subprocess.run(
            [psi4_program(), "--version"],
            capture_output=True, text=True, timeout=300, env=clean_environment(), cwd=scratch,
        )  # fmt: skip
    lines = answer.stdout.split()
    if answer.returncode or not lines:
        raise MissingProgramError(
            f"{psi4_program()} --version failed ({(answer.stderr.strip() or 'no output')[-300:]}); "
            "reinstall Psi4 or name another one by $FORCELADDER_PSI4."
        )
    return lines[-1]


def xtb_version() -> str:
    """Version of tblite, which brings GFN2-xTB; MissingProgramError without it."""
    try:
        return "tblite " + importlib.metadata.version("tblite")
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingProgramError(
            "engine gfn2-xtb needs the Python package tblite; pip install tblite."
        ) from error


ENGINES = {
    "psi4": Engine(psi4_command, psi4_version),
    "gfn2-xtb": Engine(
        lambda threads, scratch: [sys.executable, str(RUNNERS / "xtb_runner.py")], xtb_version
    ),
}


def run_tasks(engine: str, tasks: list[dict], threads: int, memory_mb: int, time_limit: float):
    """Yield (index, result) for every task, each as soon as it is there.

    The tasks run one after another in one child process. When it dies or is silent
    for `time_limit` seconds, the task at fault gets a failed result and a new process
    goes on with the next: one bad task costs itself alone.

    result: see runners/protocol.py; where the engine could not say, error_type is
        'engine_killed' (from outside: says nothing of the task), 'engine_died' or 'time_limit'
    """
    first = 0
    while first < len(tasks):
        with scratch_folder() as scratch:
            for index, result in _run_process(
                engine, tasks[first:], threads, memory_mb, time_limit, scratch
            ):
                yield first + index, result
            first += index + 1


def _run_process(engine, tasks, threads, memory_mb, time_limit, scratch):
    """As `run_tasks`, for one process; the last result yielded may be its failure."""
    (scratch / "results").mkdir()
    (scratch / "tasks.json").write_text(json.dumps(tasks))
    environment = clean_environment() | {
        "FORCELADDER_TASKS": str(scratch / "tasks.json"),
        "FORCELADDER_RESULTS": str(scratch / "results"),
        "FORCELADDER_RUNNERS": str(RUNNERS),
        "FORCELADDER_MEMORY": str(memory_mb * 1024**2),
        "HOME": str(scratch),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",  # Psi4 threads by itself; two layers cost 2.8 × the CPU time
        "MKL_NUM_THREADS": str(threads),
    }
    with open(scratch / "output", "wb") as output:
        process = subprocess.Popen(
            ENGINES[engine].command(threads, scratch),
            cwd=scratch, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
    start = time.monotonic()
    try:
        index = 0
        while index < len(tasks):
            path = scratch / "results" / f"{index}.json"
            ended = process.poll() is not None  # asked before looking, so no result is missed
            if path.exists():
                yield index, json.loads(path.read_text())
                index, start = index + 1, time.monotonic()
            elif ended:
                killed = process.returncode in (-signal.SIGKILL, -signal.SIGTERM)
                error_type = "engine_killed" if killed else "engine_died"
                yield index, _failure(error_type, _last_words(engine, process, scratch))
                return
            elif time.monotonic() - start > time_limit:
                sentence = f"no result within qm time limit {time_limit:g} s"
                yield index, _failure("time_limit", sentence, wall_seconds=time_limit)
                return
            else:
                time.sleep(POLL)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            pass  # all results are there; a program that cannot end is ended below
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _die_with_parent():
    """Ask Linux to kill this child when its parent dies, even by kill -9."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _failure(error_type: str, message: str, wall_seconds: float = 0.0) -> dict:
    return {
        "success": False, "error_type": error_type, "error_message": message,
        "wall_seconds": wall_seconds, "cpu_seconds": 0.0,
    }  # fmt: skip


def _last_words(engine, process, scratch) -> str:
    text = (scratch / "output").read_text(errors="replace").strip()
    return f"{engine} ended with exit code {process.returncode}: {text[-1000:] or 'no output'}"
