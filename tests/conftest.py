"""Fixtures that all rooms share."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))
os.environ["OMP_NUM_THREADS"] = "1"  # xTB's threads wait for each other on a busy machine

from hypothesis import HealthCheck, settings  # noqa: E402

from forceladder.errors import MissingProgramError  # noqa: E402
from forceladder.qm import engines  # noqa: E402

# The same examples in every run, and no deadline: the machine may be busy with other things.
settings.register_profile(
    "house", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("house")

B3LYP_D3BJ = {"s6": 1.0, "s8": 1.9889, "a1": 0.3981, "a2": 4.4211, "s9": 0.0}
HF_D3BJ = {"s6": 1.0, "s8": 0.9171, "a1": 0.3385, "a2": 2.8830, "s9": 0.0}


@pytest.fixture(scope="session")
def psi4_version() -> str:
    """Version of the installed Psi4. Without one a test is skipped, but fails in CI."""
    try:
        return engines.psi4_version()
    except MissingProgramError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test Psi4: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def b3lyp_spec() -> dict:
    """OpenFF's default level of theory, B3LYP-D3BJ/DZVP."""
    return {"engine": "psi4", "method": "b3lyp", "basis": "dzvp", "dispersion": B3LYP_D3BJ}


@pytest.fixture(scope="session")
def hf_spec() -> dict:
    """HF-D3BJ/6-31G*: a fast level without a DFT grid's error, for sharp finite differences."""
    return {"engine": "psi4", "method": "hf", "basis": "6-31g*", "dispersion": HF_D3BJ}


@pytest.fixture(scope="session")
def xtb_spec() -> dict:
    return {"engine": "gfn2-xtb", "method": "gfn2-xtb"}


@pytest.fixture(scope="session")
def xtb_set():
    """A small training set of GFN2-xTB records with potentials of its charges on a grid."""
    from small_set import make_small_set

    return make_small_set()


@pytest.fixture
def scratch_root(tmp_path, monkeypatch) -> Path:
    """A $TMPDIR of the test's own, so that it sees every scratch folder and no one else's."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def tiny_disk(tmp_path):
    """Function that mounts an empty file system of a size ('64k') at tmp_path / name.

    The test is skipped, saying why, where this machine lets nobody mount one.
    """
    mounted = []

    def mount(name: str, size: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            answer = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount program here to make a tiny disk with")
        if answer.returncode:
            pytest.skip(f"a tiny disk cannot be mounted here: {answer.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
