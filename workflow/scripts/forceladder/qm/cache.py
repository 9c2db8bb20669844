"""The content-addressed store of QM results, outside `results/`.

One file per task, named by the digest of all that fixes its numbers. Files appear
whole or not at all, so any number of writers may share a store; what is read is
checked, and what is damaged is set aside and computed again.
"""

from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.job import log
from forceladder.provenance import digest


class Cache:
    def __init__(self, folder):
        self.folder = Path(folder)

    def path(self, address: str) -> Path:
        """Where the result of a task is, or would be."""
        return self.folder / address[:2] / f"{address}.json.xz"

    def get(self, address: str) -> dict | None:
        """The result stored under `address`, None if there is none that can be trusted."""
        path = self.path(address)
        try:
            entry = files.read_json(path)
        except FileNotFoundError:
            return None
        except CorruptFileError as error:
            return self._set_aside(path, str(error))
        try:
            if entry["address"] == address and entry["checksum"] == digest(entry["result"]):
                return entry["result"]
        except (KeyError, TypeError):
            pass  # JSON, but not ours
        return self._set_aside(path, f"{path} does not hold what its name says")

    def put(self, address: str, result: dict):
        """Store a successful result; failures are not stored, so that a rerun tries again."""
        if not result["success"]:
            raise ValueError("only successful results belong into the cache")
        entry = {"address": address, "checksum": digest(result), "result": result}
        files.write_json(self.path(address), entry)

    def _set_aside(self, path: Path, reason: str):
        log.warning("cache: %s; set aside and computed again.", reason.rstrip("."))
        try:
            path.replace(path.with_suffix(".damaged"))
        except FileNotFoundError:
            pass  # another job was faster
