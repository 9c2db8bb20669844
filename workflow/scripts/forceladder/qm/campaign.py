"""Running one shard of QM work over the cache."""

import errno
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError, VersionError
from forceladder.job import log
from forceladder.locks import taken, wait_for
from forceladder.provenance import digest
from forceladder.qm.calculator import Calculator
from forceladder.qm.engines import ENGINES
from forceladder.qm.ledger import Ledger
from forceladder.qm.procedures import gradient_records, minimum_records, scan_records
from forceladder.qm.progress import ShardProgress, expected_cost
from forceladder.qm.scratch import scratch_folder

# Kind of dataset → what makes records of the molecules of one of its entries
PROCEDURES = {
    "gradients": gradient_records, "minima": minimum_records, "torsion_scans": scan_records,
}  # fmt: skip


def compute_shard(
    datasets, records, spec: dict, cache_folder, threads: int, limits: dict, procedures: dict,
    engine_version=None, progress_file=None,
):  # fmt: skip
    """Compute what the cache lacks of all dataset files in a folder; write their records.

    datasets: folder of {molecule}.{kind}.json.xz
    records: folder of {molecule}.jsonl.xz, and tasks.csv, every calculation and its cost
    limits: memory_mb for the engine, time_limit_s for one task, retries
    procedures: the config's `qm.procedures`
    engine_version: the version that the run began with, None for whatever is there
    progress_file: where to say how far it is, see qm/progress.py
    raises: VersionError; KilledError where the engine was killed twice; records are
        then not written, and a rerun computes what is missing
    """
    # all kinds of a molecule, in their order
    work = sorted(shard_entries(datasets), key=itemgetter(0))
    version = checked_version(spec["engine"], engine_version) if work else None
    ledger = Ledger(spec)
    total = sum(expected_cost(kind, molecules, procedures) for _, kind, molecules in work)
    progress = ShardProgress(progress_file, total)

    def note(task, result, computed):
        ledger.add(task, result)
        progress.add(task, result, computed)

    calculator = Calculator(spec, version, cache_folder, threads, limits, note)
    work_digest = digest([spec, version, [molecules for _, _, molecules in work]])
    # Written as they come: with ESP the records of a shard of small molecules take a gigabyte
    with scratch_folder() as written:
        with one_at_a_time(cache_folder, work_digest), calculator, progress:
            for name, entries in groupby(work, itemgetter(0)):
                lines = []
                for _, kind, molecules in entries:
                    ledger.molecule, ledger.kind = name, kind
                    lines += PROCEDURES[kind](calculator, molecules, procedures)
                    progress.finish(expected_cost(kind, molecules, procedures))
                files.write_json_lines(written / f"{name}.jsonl.xz", lines)
        log.info("%s", progress.sentence())
        with files.atomic_directory(records, listed=True) as folder:
            for path in written.glob("*.jsonl.xz"):
                files.write_bytes(folder / path.name, path.read_bytes())
            ledger.write(folder / "tasks.csv")


def shard_entries(datasets):
    """(molecule's id, kind, qcschema molecules) of every entry of the dataset files in a folder."""
    for path in files.members(datasets, "*.json.xz"):
        name, _, kind = path.name.removesuffix(".json.xz").rpartition(".")
        for molecules in dataset_entries(path):
            yield name, kind, molecules


def dataset_entries(path) -> list[list[dict]]:
    """The qcschema molecules of each entry of a dataset file, in order."""
    try:
        return [entry["initial_molecules"] for entry in files.read_json(path)["dataset"].values()]
    except KeyError as error:
        raise CorruptFileError(f"{path} has no {error}; delete it and run again.") from error


def checked_version(engine: str, expected: str | None) -> str:
    """Version of the installed engine; VersionError if it is not the expected one."""
    version = ENGINES[engine].version()
    if expected not in (None, version):
        raise VersionError(
            f"{engine} is now {version}, but this run began with {expected}; bring that one back, "
            "or delete engine.json of this run's spec to compute all of it with the new one."
        )
    return version


@contextmanager
def one_at_a_time(cache_folder, work: str):
    """Hold a lock on a piece of work, named by a digest, so that two runs that share a cache
    do not compute the same twice. The system drops it when its holder dies."""
    path = Path(cache_folder, "locks", work[:16])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        log.info("%s cannot be written to; what it holds is used without a lock", cache_folder)
        yield
        return
    with open(path, "w") as lock:
        if not taken(lock):
            log.info("another process computes these tasks; waiting for it")
            wait_for(lock)
        yield
