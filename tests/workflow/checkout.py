"""A copy of the project in a folder of its own, and Snakemake run in it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import yaml

PROJECT = Path(__file__).parents[2]
DEFAULTS = yaml.safe_load((PROJECT / "config/config.yaml").read_text())
PSI4_SPEC, XTB_SPEC = "b3lyp-d3bj_dzvp", "gfn2-xtb"

# Of more rungs than one, a few steps of MD show that it runs.
SHORT_MD = {
    "nve_ps": 0.01, "nve_frames": 5, "nvt_ps": 0.01, "nvt_frames": 5,
    "nvt_temperatures_kelvin": [300], "nve_equilibration_ps": 0.01,
}  # fmt: skip
CORRECTED = {
    "md": SHORT_MD,
    "correction": {
        "layers": 1, "channels": 4, "densities": 4, "transported": 2, "hidden": 8, "max_degree": 1,
        "correlation": 2,
    },
    "training": {"epochs": 4, "evaluate_every": 2, "checkpoint_every": 2},
}  # fmt: skip
BESPOKE = {  # class2, refined for the molecules of the training split
    "base": "class2",
    "terms": DEFAULTS["rungs"]["class2"]["terms"],
    "bespoke": {"rounds": 1, "iterations_per_round": 10, "prior": 1.0e-3},
    "md": SHORT_MD,
}

# As small as every stage can be. Gates that so short a fit cannot keep are opened wide.
SETTINGS = {
    "run": "tiny",
    "molecules": {"file": "molecules.csv"},
    "geometries": {
        "candidates_per_molecule": 3, "conformers_per_molecule": 1,
        "temperatures_kelvin": [300], "frames_per_temperature": 3, "frame_interval_fs": 50,
    },
    "qm": {
        "threads": 1, "memory_mb": 500, "cost_per_shard": 100,
        "procedures": {"spot_check_fraction": 0.0},  # so that calculations can be counted
    },
    "fit": {
        "threads": 1,
        "network": {"width": 16, "layers": 1},
        "training": {"epochs": 40, "evaluate_every": 10, "checkpoint_every": 10},
    },
    "rungs": {"delta": CORRECTED, "mlff": CORRECTED | {"released": True}, "bespoke": BESPOKE},
    "md": {"nve_ps": 1, "nve_frames": 20, "nvt_ps": 1, "nvt_frames": 20, "nvt_replicas": 1},
    "validation": {
        "md": dict.fromkeys(("MMFF94", "UFF", "GFN2-xTB"), SHORT_MD),
        "cost_molecules": 2, "cost_rounds": 3,
        "probes": {
            "stretch_points": 11, "clash_contacts": [0.6], "clash_orientations": 1,
            "clash_minimization_steps": 10, "clash_md_steps": 10,
        },
    },
    "gates": {
        "max_test_force_rmse_kcal_per_angstrom": 1000, "max_test_energy_rmse_kcal": 1000,
        "max_nve_drift_kt_per_ns_per_dof": 1e9, "min_nvt_survival_fraction": 0,
        "max_test_frequency_rmse_per_cm": 1e6, "max_test_minimum_rmsd_angstrom": 100,
        "min_probes_passed_fraction": 0, "max_test_failed_relaxations_fraction": 1,
    },
    "waivers": [
        {"rung": rung, "gate": "max_nve_drift_kt_per_ns_per_dof",
         "reason": "A few epochs on three molecules: what broke has no drift."}
        for rung in ("class2", "delta", "mlff", "bespoke")
    ],
    "release": {"name": "tiny", "version": "0.0.1"},
}  # fmt: skip


class Checkout:
    """One copy of the project: its workflow, its configuration, its results."""

    def __init__(self, folder: Path, table: str, /, **changes):
        """table: the molecules as CSV; changes: sections to merge over those of SETTINGS."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for name in ("workflow", "config", "envs"):
            shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
        shutil.copy(PROJECT / "Snakefile", folder)
        (folder / "molecules.csv").write_text(table)
        self.configure(**changes)

    def configure(self, **changes):
        settings = {
            key: {**value, **changes.get(key, {})}
            if isinstance(value, dict)
            else changes.get(key, value)
            for key, value in SETTINGS.items()
        }
        settings |= {key: value for key, value in changes.items() if key not in settings}
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(settings))

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"

    @property
    def release(self) -> Path:
        return self.results / "releases" / "tiny-0.0.1"

    def cached(self, root="qm_cache") -> set[str]:
        """Addresses of the finished calculations in the cache."""
        return {path.name.split(".")[0] for path in (self.folder / root).glob("*/*.json.xz")}

    def command(self, *arguments) -> list[str]:
        return [
            sys.executable, "-m", "snakemake", "--configfile", "tiny.yaml", "--cores", "2",
            "--scheduler", "greedy", "--keep-going", "--rerun-incomplete", *map(str, arguments),
        ]  # fmt: skip

    def environment(self, **variables) -> dict:
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        return kept | {"OMP_NUM_THREADS": "1"} | variables

    def run(self, *arguments, timeout=600, **variables) -> subprocess.CompletedProcess:
        """Run Snakemake to its end; its output, both streams, is in `stdout`."""
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment(**variables),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
        )  # fmt: skip

    def forceladder(self, *arguments) -> subprocess.CompletedProcess:
        """Run the command-line program in the checkout."""
        return subprocess.run(
            [sys.executable, "-m", "forceladder", *map(str, arguments)], cwd=self.folder,
            env=self.environment(PYTHONPATH=str(self.folder / "workflow" / "scripts")),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
        )  # fmt: skip

    def start(self, *arguments) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def job(self, script: str, timeout=120) -> psutil.Process:
        """The running process of a script of this checkout; waits until there is one."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for process in psutil.process_iter(["cmdline", "cwd"]):
                words = process.info["cmdline"] or []
                here = process.info["cwd"] == str(self.folder)
                if here and any(word.endswith(f"{script}.py") for word in words[1:3]):
                    return process
            time.sleep(0.05)
        raise AssertionError(f"{script} did not start within {timeout} s")

    def planned(self, *arguments) -> dict[str, int]:
        """Rule → number of jobs that a dry run would start."""
        output = self.run("--dry-run", *arguments).stdout
        table = output.split("Job stats:")[1].split("total")[0] if "Job stats:" in output else ""
        rows = [line.split() for line in table.splitlines()]
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    def jobs_done(self, output: str) -> dict[str, int]:
        """Rule → number of jobs that Snakemake says it finished."""
        finished = [
            line.split("(Rule: ")[1].rstrip(")")
            for line in output.splitlines()
            if "(Rule: " in line and line.startswith("Finished jobid")
        ]
        return {rule: finished.count(rule) for rule in set(finished)}


def wait_until(condition, timeout=120):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"did not come true within {timeout} s")
        time.sleep(0.05)
