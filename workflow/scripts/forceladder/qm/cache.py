"""The content-addressed store of QM results, outside `results/`.

One file per task, named by the digest of all that fixes its numbers:

    ab/abcd….json.xz              a successful result
    ab/abcd….failed.json.xz       the last failure, and the effort that it exhausted
    ab/abcd….json.damaged         what could not be trusted, set aside for whoever asks why
    ab/.abcd….json.xz.k2j4x9q0    being written, or left by a writer that was killed

Files appear whole or not at all, so any number of writers may share a store; what is
read is checked, and what is damaged is set aside and computed again. A store that
cannot be written to can still be read.
"""

import hashlib
import json
import lzma
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.job import log
from forceladder.provenance import digest

# Of an entry below the cache's folder, and in archives; an address is a SHA-256.
NAME = re.compile(r"([0-9a-f]{2})/(?P<address>\1[0-9a-f]{62})(?P<failed>\.failed)?\.json\.xz")
LEFTOVER = re.compile(r"\.[0-9a-f]{64}(\.failed)?\.json\.xz\..+")

# Writing a few kB never lasts so long. Asking instead whether the owner is gone would take a
# lock in every writer, which not every network file system honours between its clients, and
# a process number means nothing on another node.
LEFTOVER_AGE_S = 86_400


class Cache:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.damaged = []  # sentences on the entries that this object could not trust
        self._has_swept = False

    def path(self, address: str) -> Path:
        """Where the result of a task is, or would be."""
        return self.folder / entry_name(address)

    def failure_path(self, address: str) -> Path:
        """Where the failure of a task is, or would be."""
        return self.folder / entry_name(address, failed=True)

    def get(self, address: str) -> dict | None:
        """The result stored under `address`, None if there is none that can be trusted."""
        found = self.read(address)
        return found and found[1]

    def put(self, address: str, result: dict):
        """Store a successful result, and forget a failure; `put_failure` stores failures."""
        if not result["success"]:
            raise ValueError("only successful results answer for a task")
        self.store(address, packed(address, result))

    def get_failure(self, address: str, effort: str) -> dict | None:
        """The failed result stored under `address` if `effort` is what it exhausted, else None.

        None also where a success is stored: that is the answer then.
        """
        if self.path(address).exists():
            return None
        found = self.read(address, failed=True)
        return found[1]["failure"] if found and found[1]["effort"] == effort else None

    def put_failure(self, address: str, effort: str, result: dict):
        """Store a failed result in place of an earlier one, unless a success is stored.

        effort: digest of all that was tried and of the limits (time, memory): a run that
            would try no more than this takes the failure as known, any other tries again
        """
        if result["success"]:
            raise ValueError("a success is no failure")
        if not self.path(address).exists():
            content = packed(address, {"effort": effort, "failure": result})
            self.store(address, content, failed=True)

    # for archives and merging

    def names(self) -> list[str]:
        """Names of all entries below the folder, sorted; failures only where no success is."""
        found = {
            f"{folder.name}/{name}"
            for folder in self.folder.glob("[0-9a-f][0-9a-f]")
            for name in os.listdir(folder)
        }
        matches = (match for name in found if (match := NAME.fullmatch(name)))
        return sorted(
            match[0]
            for match in matches
            if not (match["failed"] and entry_name(match["address"]) in found)
        )

    def read(self, address: str, failed: bool = False) -> tuple[bytes, dict] | None:
        """An entry's bytes and what `unpacked` finds in them; None if missing or set aside."""
        path = self.folder / entry_name(address, failed)
        try:
            with open(path, "rb") as file:
                content = file.read()
                try:
                    return content, unpacked(content, address, failed)
                except CorruptFileError as error:
                    # with the file still open, so that no other can get its inode number
                    self._set_aside(path, os.fstat(file.fileno()), f"{path} {error}")
        except FileNotFoundError:
            pass
        return None

    def store(self, address: str, content: bytes, failed: bool = False):
        """Store an entry's bytes, as `packed` made them or as they came from another cache."""
        path = self.folder / entry_name(address, failed)
        is_first = not path.parent.is_dir()
        files.write_bytes(path, content)
        if is_first:
            files.sync(self.folder)  # or the entry is lost with its folder's name
        if not failed:
            self.failure_path(address).unlink(missing_ok=True)
        if not self._has_swept:  # one folder for each writer: in a campaign that is all of them
            self._has_swept = True
            sweep(path.parent)

    def _set_aside(self, path: Path, seen: os.stat_result, sentence: str):
        self.damaged.append(sentence)
        outcome = "set aside and computed again"
        try:
            if os.path.samestat(seen, path.stat()):  # else another job has stored it anew
                path.replace(path.with_suffix(".damaged"))
        except FileNotFoundError:
            pass  # another job was faster
        except OSError as error:
            outcome = f"left there ({error.strerror}) and computed again"
        log.warning("cache: %s; %s.", sentence, outcome)


def entry_name(address: str, failed: bool = False) -> str:
    """Path of an entry below the cache's folder."""
    return f"{address[:2]}/{address}{'.failed' if failed else ''}.json.xz"


def packed(address: str, value: dict) -> bytes:
    """The bytes of an entry.

    value: a successful result, or {effort, failure: a failed result}; ValueError for NaN
    """
    # The text that `digest` hashes is also the text to store: it is made once, not twice.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    head = f'"address": {json.dumps(address)}, "checksum": "{checksum}"'
    return lzma.compress(f'{{{head}, "result": {text}}}\n'.encode(), preset=1)


def unpacked(content: bytes, address: str, failed: bool = False) -> dict:
    """What `packed` was given, if all of it is there and belongs to `address`.

    raises: CorruptFileError, whose message lacks the name of the file
    """
    try:
        text = lzma.decompress(content).decode()
        entry = json.loads(text)
        value = entry["result"]
        if failed:
            is_kind = value["failure"]["success"] is False and isinstance(value["effort"], str)
        else:
            is_kind = value["success"] is True
        if entry["address"] == address and is_kind and _agrees(entry["checksum"], text, value):
            return value
    except (lzma.LZMAError, EOFError) as error:
        raise CorruptFileError(f"is damaged ({error})") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # not JSON, or JSON that is not ours
    raise CorruptFileError("does not hold what its name says")


def _agrees(checksum: str, text: str, value: dict) -> bool:
    # As the text stands it is canonical where `packed` made it, and hashed in no time; entries
    # of earlier versions have spaces in it and must be written anew.
    stored = text.partition('"result": ')[2].removesuffix("}\n")
    return checksum == hashlib.sha256(stored.encode()).hexdigest() or checksum == digest(value)


def sweep(folder) -> int:
    """Remove what killed writers left in one folder more than a day ago; how many that were."""
    swept = 0
    with suppress(OSError):  # read-only, full, or gone: no reason to fail a calculation
        leftovers = [path for path in Path(folder).iterdir() if LEFTOVER.fullmatch(path.name)]
        if leftovers:
            # The file system's own clock, whose marks the files bear; a node's may be wrong.
            with tempfile.TemporaryFile(dir=folder) as file:
                now = os.fstat(file.fileno()).st_mtime
        for path in leftovers:
            with suppress(FileNotFoundError):  # renamed by its owner, or swept by another
                if now - path.stat().st_mtime > LEFTOVER_AGE_S:
                    path.unlink()
                    swept += 1
    return swept
