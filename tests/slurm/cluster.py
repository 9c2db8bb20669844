"""A running Slurm, and the workflow run through it with the project's own profile."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from checkout import Checkout

HERE = Path(__file__).parent
# as a site writes it, step 2 of docs/on_your_cluster.md; the same node is in both
PARTITIONS = """\
partitions:
  cpu: {max_runtime: 2880, max_mem_mb: 16000}
  gpu: {max_runtime: 2880, max_mem_mb: 16000, max_gpu: 1}
"""
FASTER = [  # than a profile for large clusters: what waits for other people's machines
    "--slurm-init-seconds-before-status-checks", "2", "--max-status-checks-per-second", "1",
    "--latency-wait", "10",
]  # fmt: skip


class Submission(NamedTuple):
    """number: Slurm's; what: the rule or group; memory: as asked for, '300M'"""

    number: int
    what: str
    state: str
    memory: str
    partition: str


class Cluster:
    """What up.sh brought up in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.variables = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        }

    def call(self, *command) -> str:
        return subprocess.run(
            command, env=os.environ | self.variables, capture_output=True, text=True, check=True,
            timeout=120,
        ).stdout  # fmt: skip

    def submissions(self, *options) -> list[Submission]:
        """All that was ever submitted, oldest first."""
        text = self.call("squeue", "-h", "--states=all", "--format=%i|%k|%T|%m|%P", *options)
        rows = (line.strip().split("|") for line in text.splitlines())
        return sorted(Submission(int(number), *rest) for number, *rest in rows)

    def restart_controller(self, seconds: int):
        subprocess.run([HERE / "restart.sh", self.folder, str(seconds)], check=True, timeout=120)


class ClusterRun:
    """One Snakemake that submits the jobs of a checkout."""

    def __init__(self, cluster: Cluster, checkout: Checkout, *arguments: str, **variables):
        self.cluster, self.checkout = cluster, checkout
        self.log = checkout.folder / "snakemake.log"
        (checkout.folder / "config/profiles/slurm/partitions.yaml").write_text(PARTITIONS)
        command = [
            sys.executable, "-m", "snakemake", "--profile", "config/profiles/slurm", *FASTER,
            "--configfile", "tiny.yaml", *arguments,
        ]  # fmt: skip
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command, cwd=checkout.folder, stdout=log, stderr=subprocess.STDOUT,
                env=checkout.environment(**cluster.variables, **variables),
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def name(self) -> str:
        """Snakemake's name of the run, which all its jobs bear in Slurm."""
        return re.search(r"SLURM run ID: (\S+)", self.output).group(1)

    def submissions(self) -> list[Submission]:
        if "SLURM run ID" not in self.output:
            return []
        return self.cluster.submissions("--name", self.name)

    def running(self, what: str) -> list[Submission]:
        """Those on a node now of a rule or group."""
        return [s for s in self.submissions() if what in s.what and s.state == "RUNNING"]

    def wait_for(self, condition, seconds=240):
        """What `condition()` returns once that is true; fails if the run ends before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            assert self.process.poll() is None, f"the run has ended:\n{self.output[-3000:]}"
            time.sleep(0.3)
        pytest.fail(f"not within {seconds} s:\n{self.output[-3000:]}")

    def end(self, seconds=900) -> int:
        """Exit code; a run that hangs is killed and fails the test."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"the run hung for {seconds} s:\n{self.output[-3000:]}")
