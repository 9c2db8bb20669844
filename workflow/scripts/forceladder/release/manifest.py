"""The manifest of a release, and checking a release against it. Standard library only.

manifest.json lists every file with its SHA-256; manifest.sha256 holds the manifest's
own, and SHA256SUMS that of all other files, in the format of the sha256sum program:
    sha256sum --check manifest.sha256 SHA256SUMS
"""

import json
from pathlib import Path

from forceladder.files import write_json, write_text
from forceladder.provenance import file_digest

MANIFEST, SEAL, SUMS = "manifest.json", "manifest.sha256", "SHA256SUMS"
MARK = ".snakemake_timestamp"  # put by Snakemake into every folder that is an output


def write_manifest(folder, content: dict):
    """Write manifest.json, `content` and the digests of all files there, and its seal."""
    folder = Path(folder)
    digests = {name: file_digest(folder / name) for name in _files(folder) if name != SUMS}
    sums = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    write_text(folder / SUMS, sums)
    digests[SUMS] = file_digest(folder / SUMS)
    write_json(folder / MANIFEST, content | {"files": digests})
    write_text(folder / SEAL, seal_of(folder))


def seal_of(folder: Path) -> str:
    """The line that `sha256sum manifest.json` prints."""
    return f"{file_digest(folder / MANIFEST)}  {MANIFEST}\n"


def verify(folder) -> list[str]:
    """Sentences on what is wrong with a release; empty if every byte is as it was released."""
    folder = Path(folder)
    for name in (MANIFEST, SEAL):
        if not (folder / name).is_file():
            return [f"{folder / name} is missing; {folder} is no complete release."]
    found = []
    if (folder / SEAL).read_bytes() != seal_of(folder).encode():
        found.append(f"{MANIFEST} does not agree with {SEAL}: one of the two was changed.")
    try:
        expected = json.loads((folder / MANIFEST).read_text())["files"]
    except (ValueError, KeyError, TypeError) as error:
        return [*found, f"{MANIFEST} cannot be read ({error})."]
    present = set(_files(folder))
    for name, digest in sorted(expected.items()):
        if name not in present:
            found.append(f"{name} is missing.")
        elif (actual := file_digest(folder / name)) != digest:
            found.append(f"{name} was changed: SHA-256 is {actual[:12]}…, was {digest[:12]}….")
    found += [f"{name} was added." for name in sorted(present - set(expected))]
    return found


def _files(folder: Path) -> list[str]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in (MANIFEST, SEAL, MARK))
