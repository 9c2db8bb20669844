"""One run per working directory: who runs here, and what to do about one that was killed.

Snakemake's own lock compares lists of files: two runs without a file in common are let
in, and the first to end removes the lock of the other. A run of this workflow holds a
lock of the operating system besides, which goes with its process however that ends, and
a file that says who holds it. Standard library only: the Snakefile imports this.
"""

import errno
import fcntl
import getpass
import os
import re
import shlex
import socket
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError, LockedError

RUN = "FORCELADDER_RUN"  # in the environment of all that a run starts: its name
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)  # of this file system


@contextmanager
def only_run(folder, log_file=None):
    """Be the only run that executes jobs in a working directory, while the block lasts.

    folder: its `.snakemake`
    log_file: where Snakemake writes what it says
    raises: LockedError, a sentence on who holds it and what to do
    """
    folder = Path(folder)
    holder_file = folder / "forceladder/run.json"
    holder_file.parent.mkdir(parents=True, exist_ok=True)
    with open(folder / "forceladder/run.lock", "a") as lock:
        free = taken(lock)
        holder = _read(holder_file)
        if not free or (holder and is_alive(holder)):
            raise LockedError(_under_way(holder))
        if holder and any((folder / "locks").glob("*.lock")):
            raise LockedError(_killed(holder))
        me = _myself(log_file)
        os.environ[RUN] = me["run"]
        files.write_json(holder_file, me)
        try:
            yield
        finally:
            holder_file.unlink(missing_ok=True)


def alone(workflow, error_class, begin):
    """Snakemake's `workflow.execute`, but refused where another run is under way or was killed.

    What executes nothing (--lint, --unlock, --report …) never comes here. The function
    lies here because Snakemake takes the rules' own files for the place of every error
    that passes through them.

    error_class: what to raise so that Snakemake prints the sentence without a traceback
    begin: called once this is the only run
    """
    execute = workflow.execute

    def execute_alone(executor_plugin, **settings):
        looks_only = executor_plugin.common_settings.dryrun_exec
        if looks_only or not workflow.execution_settings.lock:  # --nolock
            return execute(executor_plugin, **settings)
        log_files = workflow.logger_manager.get_logfile()
        try:
            with only_run(".snakemake", log_files[0] if log_files else None):
                begin()
                return execute(executor_plugin, **settings)
        except LockedError as error:
            raise error_class(str(error)) from None

    return execute_alone


def taken(lock) -> bool:
    """Whether an open file could be locked; True as well where the file system has no locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def is_alive(holder: dict) -> bool:
    """Whether the process of a holder runs on this machine; a later one of the same number is
    not taken for it. False, too, of another machine, of which nothing is known here."""
    return holder["host"] == socket.gethostname() and start_of(holder["pid"]) == holder["start"]


def start_of(pid: int) -> str | None:
    """When a process began, in ticks since which start of the system; None if there is none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *values = stat.rpartition(")")[2].split()  # the name before may hold anything
    return None if state == "Z" else f"{values[18]} {boot}"


def jobs_of(run: str) -> dict[int, str]:
    """Process id → name of the jobs of a run that still work on this machine."""
    found, parents = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{RUN}={run}".encode() not in (process / "environ").read_bytes().split(b"\0"):
                continue
            stat = (process / "stat").read_text().rpartition(")")[2].split()
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if stat[0] != "Z":
            found[int(process.name)], parents[int(process.name)] = words, int(stat[1])
    return {pid: _name(words) for pid, words in sorted(found.items()) if parents[pid] not in found}


def _name(words: list[str]) -> str:
    """The rule of a script's process, `compute_qm` of `tmp1234.compute_qm.py`; else the program."""
    scripts = [word for word in words if word.endswith(".py")]
    return Path(scripts[0]).stem.rpartition(".")[2] if scripts else Path(words[0]).name


def _myself(log_file) -> dict:
    return {
        "run": uuid.uuid4().hex,
        "pid": os.getpid(),
        "group": os.getpgid(0),  # with its jobs, as Ctrl-C reaches them
        "start": start_of(os.getpid()),
        "host": socket.gethostname(),
        "user": getpass.getuser(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": shlex.join(["snakemake", *sys.argv[1:]]),
        "log": str(log_file) if log_file else None,
    }


def _read(path) -> dict | None:
    try:
        return files.read_json(path)
    except (FileNotFoundError, CorruptFileError):
        return None


def _under_way(holder: dict | None) -> str:
    is_here = holder and holder["host"] == socket.gethostname()
    if not holder or (is_here and not is_alive(holder)):  # the next has not said who it is yet
        return f"another run has just begun in {os.getcwd()}; wait for its end."
    here = "" if is_here else f" on {holder['host']}"
    return (
        f"a run is under way in {os.getcwd()}: {_who(holder)}; wait for its end, or stop it with "
        f"`kill -INT -{holder['group']}`{here}, or give this run a --directory of its own."
    )


def _killed(holder: dict) -> str:
    slurm = _slurm_name(holder["log"])
    queued = (
        f" Jobs of it may be in Slurm (`squeue --name {slurm}`): let them end, or cancel them "
        f"with `scancel --name {slurm}`."
    )
    if holder["host"] != socket.gethostname():
        said = (
            f"{os.getcwd()} is locked by {_who(holder)}; from here it cannot be seen whether it "
            f"still runs: look on {holder['host']} with `ps -p {holder['pid']}`. If it has ended, "
            "so that its jobs have, too, run `snakemake --unlock` and start again."
        )
        return said + (queued if slurm else "")
    jobs = jobs_of(holder["run"])
    named = ", ".join(f"{name} (process {pid})" for pid, name in jobs.items())
    orphans = (
        f" Jobs of it still work: {named}; let them end, or end them with "
        f"`kill {' '.join(map(str, jobs))}`."
    )
    return (
        f"{os.getcwd()} is still locked by a run that was killed: {_who(holder)}."
        f"{orphans if jobs else ' No job of it works on this machine any more.'}"
        f"{queued if slurm else ''} Then run `snakemake --unlock` and start again: nothing "
        "finished is lost."
    )


def _who(holder: dict) -> str:
    return (
        f"process {holder['pid']} of {holder['user']} on {holder['host']}, since "
        f"{holder['since']} ({holder['command']})"
    )


def _slurm_name(log_file: str | None) -> str | None:
    """The name that all Slurm jobs of a run have, as the plugin wrote it into Snakemake's log."""
    try:
        found = re.search(r"SLURM run ID: (\S+)", Path(log_file or "").read_text())
    except OSError:
        return None
    return found[1] if found else None
