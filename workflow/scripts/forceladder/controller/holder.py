"""Who holds a working directory: its process, the jobs it left, and what to tell others of it.

A holder is the dict that `myself` makes and the lock's file keeps. Standard library only:
the Snakefile imports this.
"""

import getpass
import os
import re
import shlex
import socket
import sys
import time
import uuid
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError

RUN = "FORCELADDER_RUN"  # in the environment of all that a run starts: its name


def myself(log_file) -> dict:
    """This process as a holder; log_file: where Snakemake writes what it says."""
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


def read_holder(path) -> dict | None:
    """The holder that a file tells of; None where there is none, or no whole one."""
    try:
        return files.read_json(path)
    except (FileNotFoundError, CorruptFileError):
        return None


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


def under_way(holder: dict | None) -> str:
    """The sentence for who finds a run at work; None: it has not said yet who it is."""
    is_here = holder and holder["host"] == socket.gethostname()
    if not holder or (is_here and not is_alive(holder)):  # the next has not said who it is yet
        return f"another run has just begun in {os.getcwd()}; wait for its end."
    here = "" if is_here else f" on {holder['host']}"
    return (
        f"a run is under way in {os.getcwd()}: {_who(holder)}; wait for its end, or stop it with "
        f"`kill -INT -{holder['group']}`{here}, or give this run a --directory of its own."
    )


def killed(holder: dict) -> str:
    """The sentence for who finds what a killed run left, with its orphans and the way on."""
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
