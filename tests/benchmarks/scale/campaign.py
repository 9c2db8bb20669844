"""One simulated campaign: a checkout of the project whose engine and sampling are stand-ins."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil

from checkout import PSI4_SPEC, Checkout
from library import molecule_table

HERE = Path(__file__).parent
LINE_BYTES = 48  # about, of a line in `calls`
GROUPED = ("read_molecules", "generate_geometries", "build_datasets", "compute_qm")
TARGETS = ("training_set.nc", f"qm/{PSI4_SPEC}/ledger.csv")


class Campaign(Checkout):
    """A checkout with `molecules` × `geometries` recorded results to compute."""

    def __init__(
        self, folder: Path, library: Path, molecules: int, geometries: int, wait_seconds=0.0,
        crash_fraction=0.01, failure_fraction=0.001, seed=0, esp=False, **qm,
    ):  # fmt: skip
        """qm: settings of the section, such as cost_per_shard"""
        self.molecules, self.geometries = molecules, geometries
        spec = {"esp": None} if not esp else {}
        super().__init__(
            folder, molecule_table(library, molecules),
            qm={"threads": 1, "memory_mb": 500, "procedures": {"spot_check_fraction": 0.0},
                "specs": {PSI4_SPEC: spec}, **qm},
        )  # fmt: skip
        script = folder / "workflow" / "scripts" / "generate_geometries.py"
        shutil.copy(HERE / "recorded_geometries.py", script)
        (folder / "simulation" / "crashed").mkdir(parents=True)
        self.settings = folder / "simulation" / "settings.json"
        self.settings.write_text(json.dumps({
            "library": str(library), "folder": str(folder / "simulation"), "scale": str(HERE),
            "geometries": geometries, "wait_seconds": wait_seconds, "seed": seed,
            "crash_fraction": crash_fraction, "failure_fraction": failure_fraction,
        }))  # fmt: skip
        self.engine = folder / "simulation" / "psi4"
        self.engine.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE}/recorded_psi4.py "$@"\n')
        self.engine.chmod(0o755)

    def environment(self, **variables) -> dict:
        known = {"FORCELADDER_PSI4": str(self.engine), "FORCELADDER_SCALE": str(self.settings)}
        return super().environment(**known, **variables)

    def targets(self) -> list[str]:
        return [str((self.results / target).relative_to(self.folder)) for target in TARGETS]

    def calls(self) -> list[list[str]]:
        """Key, process and its CPU seconds so far, of every calculation that began."""
        path = self.folder / "simulation" / "calls"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def engine_cpu_seconds(self) -> float:
        """Of all engines, as far as their last calculation."""
        return sum({pid: float(seconds) for _, pid, seconds in self.calls()}.values())

    def computed_again(self) -> int:
        """Calculations that began more often than their crashes explain."""
        crashed = {path.name for path in (self.folder / "simulation" / "crashed").iterdir()}
        counts = Counter(key for key, _, _ in self.calls())
        return sum(count - 1 - (key in crashed) for key, count in counts.items())

    def crashes(self) -> int:
        """Tasks whose first attempt ends in a crash, of those that began."""
        return len(list((self.folder / "simulation" / "crashed").iterdir()))

    def begun(self) -> int:
        """Calculations that began, nearly; cheap enough to ask ten times a second."""
        path = self.folder / "simulation" / "calls"
        return path.stat().st_size // LINE_BYTES if path.exists() else 0

    def measured(self, *arguments, kill_when=None) -> dict:
        """Run Snakemake to its end, or until `kill_when()` is true: then it is killed by -9.

        returns: code, seconds, cpu_seconds and peak_mb of Snakemake itself, output
        """
        log, seen = self.folder / "simulation" / "output", {"cpu_seconds": 0.0, "peak_mb": 0.0}
        start = time.perf_counter()
        with open(log, "wb") as output:
            process = psutil.Popen(
                self.command(*arguments), cwd=self.folder, env=self.environment(),
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        while process.poll() is None:
            seen |= usage_of(process)
            if kill_when is not None and kill_when():
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(0.1)
        return {
            "code": process.returncode, "seconds": time.perf_counter() - start, **seen,
            "output": log.read_text(errors="replace"),
        }  # fmt: skip


def usage_of(process: psutil.Process) -> dict:
    """CPU seconds and largest resident memory of a process so far; nothing of one that ended."""
    try:
        times = process.cpu_times()
        text = Path(f"/proc/{process.pid}/status").read_text()
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return {}
    if "VmHWM:" not in text:
        return {}
    peak = int(text.split("VmHWM:")[1].split()[0]) / 1024
    return {"cpu_seconds": times.user + times.system, "peak_mb": peak}


def files_below(folder: Path) -> tuple[int, int]:
    """Number of files and folders below a folder, and their bytes on disk."""
    count = size = 0
    for place, folders, names in os.walk(folder):
        count += len(folders) + len(names)
        size += sum(os.lstat(os.path.join(place, name)).st_blocks * 512 for name in names)
    return count, size
