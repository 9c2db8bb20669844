"""Digests and versions: what a number was made from.

Standard library only: the Snakefile imports this module each time it is parsed.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
from functools import lru_cache
from pathlib import Path

from forceladder.code_copy import COMMIT, commit_of

HOUSE = Path(__file__).parent
VOCABULARY = ("units.py", "fields.py")  # the part of the vocabulary that can change a number
PACKAGES = (
    "ase dftd3 dgl geometric matplotlib numpy openff-qcsubmit openff-toolkit openmm qcelemental "
    "rdkit scipy snakemake tblite torch torsiondrive xarray"
).split()


def digest(value) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, shortest exact floats)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def path_digest(path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of all files in a folder."""
    path = Path(path)
    if not path.is_dir():
        return file_digest(path)
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    return digest({file.relative_to(path).as_posix(): file_digest(file) for file in inside})


@lru_cache
def code_digest(*rooms: str) -> str:
    """SHA-256 over the source of the named rooms, units.py and fields.py, shortened.

    Snakemake does not notice an edited library; a rule that carries this digest in
    `params` reruns when a room that it uses has changed, and only then. A room is a
    folder (`"energy"`), a module (`"figures.py"`), a folder further down
    (`"qm/runners"`) or the rule's own script, which lies outside (`"../fit_rung.py"`).
    """
    content = hashlib.sha256()
    for room in (*VOCABULARY, *rooms):
        path = HOUSE / room
        if not path.exists():
            raise FileNotFoundError(f"no room {room!r} in {HOUSE}")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                content.update(os.path.relpath(file, HOUSE).encode())
                content.update(file.read_bytes())
    return content.hexdigest()[:16]


def package_versions() -> dict:
    """Installed version of every package that can change a number; None where absent."""
    installed = {package: _installed_version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **installed}


@lru_cache  # reading it takes longer than the rest of a molecule's dataset
def _installed_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def code_commit() -> dict:
    """Commit of this code, and whether its checkout had uncommitted changes; None where unknown."""
    noted = HOUSE.parent / COMMIT
    return json.loads(noted.read_text()) if noted.exists() else commit_of(HOUSE)


def machine() -> dict:
    """Kind of machine, without its name."""
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}
