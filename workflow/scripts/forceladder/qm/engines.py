"""Engines: programs that turn tasks into results, in a child process.

A new engine is one runner file and one entry in ENGINES.
"""

import contextlib
import ctypes
import importlib.metadata
import json
import os
import select
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

# Set for our own Python, and wrong for an engine that brings another.
FOREIGN_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class Engine(NamedTuple):
    command: callable  # threads, scratch folder → list of words
    version: callable  # → str
    method_name: callable  # method of a spec → as the field writes it
    creator: str  # what records call it
    program: str  # what QCEngine and QCSubmit call it
    scf_properties: list  # what QCSubmit is to ask for beside the gradient
    scf_helpers: list  # keywords to try, one set after another, where an SCF does not converge


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
    "psi4": Engine(
        psi4_command,
        psi4_version,
        method_name=str.upper,
        creator="Psi4",
        program="psi4",
        scf_properties=["dipole", "quadrupole", "wiberg_lowdin_indices"],
        scf_helpers=[
            {"maxiter": 300},
            {"maxiter": 300, "soscf": True, "guess": "sad"},
            {"maxiter": 500, "damping_percentage": 50, "basis_guess": "3-21g"},
        ],
    ),
    "gfn2-xtb": Engine(
        lambda threads, scratch: [sys.executable, str(RUNNERS / "xtb_runner.py")],
        xtb_version,
        method_name=lambda method: "GFN2-xTB",
        creator="tblite",
        program="xtb",
        scf_properties=["dipole"],
        scf_helpers=[{"max-iter": 1000, "mixer-damping": 0.1}],
    ),
}


class EngineProcess:
    """A running engine that takes one task after another, and is started anew when it died.

    Tasks and results are files in a private scratch folder; a pipe says when a result is
    whole, so nobody polls, and the end of either side is seen by the other at once.
    """

    def __init__(self, engine: str, threads: int):
        self.engine, self.threads = engine, threads
        self.stack, self.process, self.count = None, None, 0

    def __enter__(self) -> "EngineProcess":
        return self

    def __exit__(self, *_):
        self.close()

    def compute(self, task: dict, memory_mb: int, time_limit: float) -> dict:
        """The result of a task, see runners/protocol.py; where the engine could not say,
        error_type is 'engine_killed' (from outside: says nothing of the task), 'engine_died'
        or 'time_limit' (seconds)."""
        if self.process is None:
            self._start()
        number, self.count = str(self.count), self.count + 1
        asked = {**task, "memory_bytes": memory_mb * 1024**2}
        (self.scratch / f"{number}.task.json").write_text(json.dumps(asked))
        start = time.monotonic()
        try:
            self.process.stdin.write(f"{number}\n".encode())
            self.process.stdin.flush()
            answered, _, _ = select.select([self.answers], [], [], time_limit)
        except BrokenPipeError:
            answered = [self.answers]
        if answered and os.read(self.answers, 100):
            path = self.scratch / f"{number}.result.json"
            result = json.loads(path.read_text())
            path.unlink()
            return result
        seconds = time.monotonic() - start
        if answered:
            self.process.wait()
            killed = self.process.returncode in (-signal.SIGKILL, -signal.SIGTERM)
            result = failure(
                "engine_killed" if killed else "engine_died", self._last_words(), seconds
            )
        else:
            sentence = f"no result within qm time limit {time_limit:g} s"
            result = failure("time_limit", sentence, seconds)
        self.close()
        return result

    def close(self):
        """End the process, if there is one, and remove its scratch."""
        if self.stack is not None:
            self.stack.close()
        self.stack = self.process = None

    def _start(self):
        command = ENGINES[self.engine].command
        with contextlib.ExitStack() as stack:
            self.scratch = stack.enter_context(scratch_folder())
            self.answers, answering = os.pipe()
            stack.callback(os.close, self.answers)
            environment = clean_environment() | {
                "FORCELADDER_FOLDER": str(self.scratch),
                "FORCELADDER_ANSWERS": str(answering),
                "FORCELADDER_RUNNERS": str(RUNNERS),
                "HOME": str(self.scratch),
                "OMP_NUM_THREADS": str(self.threads),
                # Psi4 threads by itself; two layers cost 2.8 × the CPU time
                "OPENBLAS_NUM_THREADS": "1",
                "MKL_NUM_THREADS": str(self.threads),
            }
            try:
                with open(self.scratch / "output", "wb") as output:
                    self.process = subprocess.Popen(
                        command(self.threads, self.scratch), cwd=self.scratch, env=environment,
                        stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                        start_new_session=True, pass_fds=[answering], preexec_fn=_die_with_parent,
                    )  # fmt: skip
            finally:
                os.close(answering)  # the engine's own copy is now the only one: its end is ours
            stack.callback(self._end)
            self.stack, self.count = stack.pop_all(), 0

    def _end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _last_words(self) -> str:
        text = (self.scratch / "output").read_text(errors="replace").strip()
        code = self.process.returncode
        return f"{self.engine} ended with exit code {code}: {text[-1000:] or 'no output'}"


def failure(error_type: str, message: str, wall_seconds: float = 0.0) -> dict:
    """A failed result, as a runner would give it."""
    return {
        "success": False, "error_type": error_type, "error_message": message,
        "wall_seconds": wall_seconds, "cpu_seconds": wall_seconds,
    }  # fmt: skip


def _die_with_parent():
    """Ask Linux to kill this child when its parent dies, even by kill -9."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
