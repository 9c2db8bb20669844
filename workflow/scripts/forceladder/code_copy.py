"""The code of a run: a copy that its jobs keep to, whatever happens to the checkout meanwhile.

A job that imports from the checkout runs whatever was saved there last, while Snakemake
notes the digest of the code that the run was planned with. Standard library only, and
nothing of the house: the Snakefile runs this file before any other.
"""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

COMMIT = "commit.json"  # in a copy: what `commit_of` said of the original
UNUSED_DAYS = 90  # a copy is small, and a job may wait in a queue for long
# Snakemake compares the time stamp of a script with its outputs'; what counts here is the digest
# in `params`, so that neither `touch` nor `git checkout` makes anything run again
TIME_STAMP = 946_684_800  # the year 2000


def keep_code(scripts, folder) -> Path:
    """A copy of `scripts` below `folder`, named by a digest of the files and their commit.

    Where the file system is read-only nothing can run, and `scripts` itself is returned.
    """
    scripts, folder = Path(scripts).resolve(), Path(folder).resolve()
    content = _content(scripts) | {COMMIT: json.dumps(commit_of(scripts)).encode()}
    copy = folder / _address(content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not copy.is_dir() or _content(copy) != content:  # damaged ones are replaced
            _write(copy, content)
        os.utime(copy)
        _remove_unused(folder)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        return scripts
    return copy


def commit_of(folder) -> dict:
    """Commit of the checkout that holds a folder, and whether it had uncommitted changes."""

    def git(*arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True, text=True, timeout=30, env=environment, check=True,
        ).stdout.strip()  # fmt: skip

    try:
        return {"commit": git("rev-parse", "HEAD"), "modified": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "modified": None}


def _content(folder: Path) -> dict[str, bytes]:
    """Name → bytes of all files of the code; not what Python and pip make of it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(
            part == "__pycache__" or part.startswith(".") or part.endswith(".egg-info")
            for part in path.relative_to(folder).parts
        )
    }


def _address(content: dict[str, bytes]) -> str:
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()[:16]


def _write(copy: Path, content: dict[str, bytes]):
    """Put the files there, all or none of them; two runs may do so at once."""
    temporary = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".new."))
    try:
        for name, data in content.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (TIME_STAMP, TIME_STAMP))
        temporary.chmod(0o755)
        if copy.exists() and _content(copy) != content:
            os.replace(copy, temporary / ".damaged")
        try:
            os.replace(temporary, copy)
        except OSError:
            if not copy.is_dir():  # else another run was faster, with the same files
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_unused(folder: Path):
    for copy in folder.iterdir():
        with suppress(FileNotFoundError):
            if copy.stat().st_mtime < time.time() - UNUSED_DAYS * 86400:
                shutil.rmtree(copy, ignore_errors=True)
