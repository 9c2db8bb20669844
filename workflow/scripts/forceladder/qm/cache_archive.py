"""Caches in the hands of people: export to an archive, import, merge, check.

An archive is a plain tar of a cache's entries as they are, after `manifest.sha256`,
which holds the SHA-256 of each as the sha256sum program writes it. Without this library,

    tar xf ARCHIVE.tar && sha256sum --check manifest.sha256

makes a cache of it and checks every byte.
"""

import hashlib
import os
import re
import tarfile
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError, HouseError
from forceladder.job import Progress
from forceladder.qm.cache import NAME, Cache, entry_name, sweep, unpacked
from forceladder.tables import read_table

MANIFEST = "manifest.sha256"
LINE = re.compile(r"([0-9a-f]{64})  (.+)")
RECORD = 20 * tarfile.BLOCKSIZE  # a tar's length is a multiple of this
# What differs whenever a result is computed twice: how long it took, what was tried before.
NO_NUMBERS = ("wall_seconds", "cpu_seconds", "attempts")


@dataclass
class Export:
    """What went into an archive."""

    entries: int = 0
    failures: int = 0  # of the entries
    bytes: int = 0  # of the archive
    absent: list[str] = field(default_factory=list)  # addresses asked for that have no entry
    damaged: list[str] = field(default_factory=list)  # sentences


@dataclass
class Transfer:
    """What came from an archive or another cache into a cache."""

    stored: int = 0
    kept: int = 0  # was there before; of these:
    differing: int = 0  # the same task with other numbers
    largest_difference: float = 0.0  # of their energies, Hartree
    address_of_largest: str | None = None
    damaged: list[str] = field(default_factory=list)  # sentences on what was skipped


@dataclass
class Check:
    """What a cache holds."""

    results: int = 0
    failures: int = 0
    bytes: int = 0  # of both
    swept: int = 0  # leftovers of killed writers, now removed
    damaged: list[str] = field(default_factory=list)  # sentences


def export_cache(cache_folder, archive, addresses: Iterable[str] | None = None) -> Export:
    """Write the entries of all, or of some, addresses to an archive, whole or not at all.

    The same entries give the same bytes, whenever and wherever they are exported.
    """
    cache = existing_cache(cache_folder)
    export, names = Export(), cache.names()
    if addresses is not None:
        wanted, there = set(addresses), {_parts(name)[0] for name in names}
        export.absent = sorted(wanted - there)
        names = [name for name in names if _parts(name)[0] in wanted]
    with files.atomic_path(archive) as temporary:
        # An entry can be found damaged, or go, while it is read; what is left is written anew,
        # so that the bytes depend on nothing but the entries.
        while len(written := _write_tar(temporary, cache, names)) < len(names):
            names = written
        export.bytes = os.path.getsize(temporary)
    export.entries = len(names)
    export.failures = sum(_parts(name)[1] for name in names)
    export.damaged = cache.damaged
    return export


def _write_tar(path, cache: Cache, names: list[str]) -> list[str]:
    """Write an archive of those entries that can be read; their names."""
    progress, lines, written = Progress("export", len(names)), [], []
    with open(path, "wb") as file:
        # The manifest comes first, so that of a truncated archive it is known what is missing.
        # Its length is known before its content, so that each entry is read only once.
        file.write(_member(MANIFEST, bytes(sum(len(_line("0" * 64, name)) for name in names))))
        for done, name in enumerate(names, start=1):
            if found := cache.read(*_parts(name)):
                content = found[0]
                file.write(_member(name, content))
                lines.append(_line(hashlib.sha256(content).hexdigest(), name))
                written.append(name)
            progress.update(done)
        end = 2 * tarfile.BLOCKSIZE
        file.write(bytes(end + -(file.tell() + end) % RECORD))
        file.seek(0)
        file.write(_member(MANIFEST, b"".join(lines)))
    return written


def _line(sha256: str, name: str) -> bytes:
    return f"{sha256}  {name}\n".encode()


def _member(name: str, content: bytes) -> bytes:
    header = tarfile.TarInfo(name)  # no owner, no time, mode 644
    header.size = len(content)
    padding = bytes(-len(content) % tarfile.BLOCKSIZE)
    return header.tobuf(tarfile.USTAR_FORMAT) + content + padding


def import_archive(archive, cache_folder) -> Transfer:
    """Store the entries of an archive that the cache lacks; name and skip the damaged ones.

    Nothing is written but entries that are whole, under names made from their addresses.
    raises: CorruptFileError if the file is no such archive
    """
    cache, transfer = Cache(cache_folder), Transfer()
    with _opened(archive) as (tar, digests):
        progress = Progress("import", len(digests))
        for name, content in _members(tar):
            sha256 = digests.pop(name, None)
            if not NAME.fullmatch(name) or sha256 is None:
                wrong = "is not listed in the manifest, or no name of an entry"
            elif content is None:
                wrong = "is no file, or cut short"
            elif hashlib.sha256(content).hexdigest() != sha256:
                wrong = "does not have the SHA-256 that the manifest says"
            else:
                wrong = _take(cache, name, content, transfer)
            if wrong:
                transfer.damaged.append(f"{name} {wrong}; skipped.")
            progress.update(progress.total - len(digests))
    for name in digests:
        transfer.damaged.append(f"{name} is listed in the manifest and missing or unreadable.")
    return transfer


@contextmanager
def _opened(archive):
    """Yield an open archive and the content of its manifest, name → SHA-256."""
    try:
        # Errors in what follows are found by the manifest, and must not end the reading.
        with tarfile.open(archive, "r:") as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST or not first.isreg():
                raise CorruptFileError(
                    f"{archive} does not begin with {MANIFEST}, as the archive of a cache does; "
                    "export it again."
                )
            text = tar.extractfile(first).read().decode(errors="replace")
            lines = [LINE.fullmatch(line) for line in text.split("\n")]
            tar.ignore_zeros = True  # in the words of tarfile: get as many members as possible
            yield tar, {line[2]: line[1] for line in lines if line}
    except tarfile.TarError as error:
        raise CorruptFileError(
            f"{archive} cannot be read as an uncompressed tar ({error}); export it again."
        ) from error


def _members(tar):
    """Name and content of each member that follows; the content is None if it has none."""
    while True:
        try:
            member = tar.next()
        except tarfile.TarError:
            return  # cut short
        if member is None:
            return
        tar.members.clear()  # it would remember a million
        try:
            yield member.name, tar.extractfile(member).read() if member.isreg() else None
        except tarfile.TarError:
            yield member.name, None


def merge_caches(source_folder, cache_folder) -> Transfer:
    """Store the entries of one cache that another lacks."""
    source, cache, transfer = existing_cache(source_folder), Cache(cache_folder), Transfer()
    names = source.names()
    progress = Progress("merge", len(names))
    for done, name in enumerate(names, start=1):
        if found := source.read(*_parts(name)):
            _take(cache, name, found[0], transfer)
        progress.update(done)
    transfer.damaged = source.damaged
    return transfer


def _take(cache: Cache, name: str, content: bytes, transfer: Transfer) -> str | None:
    """Store an entry unless the cache has one; why not, if it is not whole."""
    address, failed = _parts(name)
    try:
        value = unpacked(content, address, failed)
    except CorruptFileError as error:
        return str(error)
    here = cache.get(address)
    if here is None and not (failed and cache.read(address, failed)):
        cache.store(address, content, failed)
        transfer.stored += 1
        return None
    transfer.kept += 1
    if not failed and _numbers(here) != _numbers(value):
        transfer.differing += 1
        difference = abs(here.get("energy", 0.0) - value.get("energy", 0.0))
        if difference >= transfer.largest_difference:
            transfer.largest_difference, transfer.address_of_largest = difference, address
    return None


def _numbers(result: dict) -> dict:
    return {key: value for key, value in result.items() if key not in NO_NUMBERS}


def check_cache(cache_folder) -> Check:
    """Read all entries, set the damaged ones aside, remove what killed writers left."""
    cache, check = existing_cache(cache_folder), Check()
    names = cache.names()
    progress = Progress("check", len(names))
    for done, name in enumerate(names, start=1):
        address, failed = _parts(name)
        if found := cache.read(address, failed):
            check.bytes += len(found[0])
            check.failures += failed
            check.results += not failed
        progress.update(done)
    check.swept = sum(sweep(folder) for folder in cache.folder.glob("[0-9a-f][0-9a-f]"))
    check.damaged = cache.damaged
    return check


def addresses_in_file(path) -> list[str]:
    """The addresses in a text file, one a line; empty lines do not count.

    raises: HouseError for a line that is no address
    """
    addresses = []
    for number, line in enumerate(Path(path).read_text().splitlines(), start=1):
        if address := line.strip():
            if not NAME.fullmatch(entry_name(address)):
                raise HouseError(
                    f"line {number} of {path} is {address[:80]!r}, no address (64 digits 0-9, a-f)."
                )
            addresses.append(address)
    return addresses


def addresses_of_run(run_folder) -> dict[str, bool]:
    """Address of every calculation of a run, steps of relaxations and Hessians among them, and
    whether it succeeded.

    raises: HouseError if there are none; CorruptFileError
    """
    paths = sorted(Path(run_folder).glob("qm/*/records/*/tasks.csv"))
    if not paths:
        raise HouseError(
            f"{run_folder} has no calculations (qm/*/records/*/tasks.csv); name the results of a "
            "run."
        )
    try:
        rows = [row for path in paths for row in read_table(path)]
        return {row["digest"]: row["outcome"] == "success" for row in rows}
    except KeyError as error:
        raise CorruptFileError(
            f"{run_folder} has a tasks.csv without {error}; delete its folder and run again."
        ) from error


def existing_cache(folder) -> Cache:
    """The cache in a folder; HouseError if there is no such folder."""
    if not Path(folder).is_dir():
        raise HouseError(f"{folder} is no folder; name that of a QM cache (qm.cache).")
    return Cache(folder)


def _parts(name: str) -> tuple[str, bool]:
    match = NAME.fullmatch(name)
    return match["address"], bool(match["failed"])
