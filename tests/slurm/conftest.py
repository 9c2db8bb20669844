"""A throw-away Slurm of one node, brought up for these tests and taken down after them."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from cluster import Cluster

HERE = Path(__file__).parent
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "srun")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """The Cluster. Where there can be none the test is skipped, saying why."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: apt-get install slurm-wlm munge")
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install -r envs/slurm.txt")
    folder = tmp_path_factory.mktemp("slurm")
    ports = {f"SLURM_CI_{name}_PORT": str(free_port()) for name in ("CTLD", "NODE")}
    answer = subprocess.run(
        [HERE / "up.sh", folder],
        env=os.environ | ports,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if answer.returncode:
        pytest.skip(f"Slurm does not start here: {answer.stderr[-2000:]}")
    yield Cluster(folder)
    subprocess.run([HERE / "down.sh", folder], check=True, timeout=60)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
