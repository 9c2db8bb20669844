"""Sizes and SHA-256 of what each job wrote, checked by the job that reads it.

Snakemake does not notice an output that was cut short after its job had succeeded, by a
loss of power for one; and a table cut at the end of a line still is a table. One place
for all files, whatever their format: `job.run` notes outputs and checks inputs.
"""

import os
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.provenance import file_digest

FOLDER = Path(".snakemake/forceladder/checksums")  # of the working directory, as Snakemake's notes


def note_file(path) -> Path:
    """Where the checksums of an output are kept."""
    absolute = os.path.relpath(path).startswith("..")
    place = os.path.abspath(path).lstrip(os.sep) if absolute else os.path.relpath(path)
    return FOLDER / f"{place}.json"


def checksums(path) -> dict[str, list]:
    """Name → [bytes, SHA-256] of a file, or of the files in a folder, but for Snakemake's stamp."""
    path = Path(path)
    if not path.is_dir():
        return {"": [path.stat().st_size, file_digest(path)]}
    return {
        file.relative_to(path).as_posix(): [file.stat().st_size, file_digest(file)]
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.startswith(".snakemake")
    }


def note(path, work: str):
    """Keep the checksums of an output, and a digest of the work that made it."""
    if os.path.exists(path):  # else Snakemake says that it is missing
        files.write_json(note_file(path), {"work": work, "files": checksums(path)})


def forget(path):
    """What was noted of an output that is about to be made anew."""
    note_file(path).unlink(missing_ok=True)


def noted(path) -> dict | None:
    """What was noted of a file; None of one that no job here made.

    raises: CorruptFileError
    """
    try:
        return files.read_json(note_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def check(path) -> dict[str, list]:
    """The checksums of an input; CorruptFileError if its job had left it otherwise."""
    found, note = checksums(path), noted(path)
    for name, (size, sha256) in (note["files"] if note else {}).items():
        if found.get(name) == [size, sha256]:
            continue
        if name not in found:
            what = "is gone"
        elif found[name][0] != size:
            what = f"has {found[name][0]} bytes where its job left {size}"
        else:
            what = "has other bytes than its job left"
        whole = f"the folder {path}" if name else "it"
        raise CorruptFileError(
            f"{Path(path, name)} {what}; delete {whole} and run again (or, if it was changed on "
            f"purpose, delete {note_file(path)})."
        )
    return found


def is_noted(path, work: str) -> bool:
    """Whether an output is there, whole, and made by the work with this digest."""
    note = noted(path)
    return bool(note) and note["work"] == work and os.path.exists(path) and bool(check(path))
