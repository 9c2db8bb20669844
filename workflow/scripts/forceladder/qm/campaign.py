"""Running one shard of QM work over the cache."""

import fcntl
from contextlib import contextmanager
from pathlib import Path

from qcelemental import periodictable

from forceladder import files
from forceladder.errors import CorruptFileError, KilledError, VersionError
from forceladder.job import Progress, log
from forceladder.provenance import digest
from forceladder.qm.cache import Cache
from forceladder.qm.engines import ENGINES, run_tasks
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task


def compute_shard(
    datasets, records, spec: dict, cache_folder, threads: int, limits: dict, engine_version=None
):
    """Compute what the cache lacks of all dataset files in a folder; write their records.

    datasets: folder of {molecule}.json.xz       records: folder of {molecule}.jsonl.xz
    limits: memory_mb for the engine, time_limit_s for one task
    engine_version: the version that the run began with, None for whatever is there
    Each result goes to the cache the moment it is there: a job that is killed has lost
    the calculation under way, no other.
    raises: VersionError; KilledError where the engine was killed twice; records are
        then not written, and a rerun computes what is missing
    """
    work = [
        (path.name.removesuffix(".json.xz"), molecule)
        for path in sorted(Path(datasets).glob("*.json.xz"))
        for molecule in dataset_molecules(path)
    ]
    version = checked_version(spec["engine"], engine_version) if work else None
    tasks = [make_task(molecule, spec, version) for _, molecule in work]
    names = {task["digest"]: name for (name, _), task in zip(work, tasks, strict=True)}
    cache = Cache(cache_folder)
    with one_at_a_time(cache_folder, sorted(names)):
        results = {address: cache.get(address) for address in names}
        missing = {t["digest"]: t for t in tasks if results[t["digest"]] is None}
        log.info("%d tasks, %d of them in the cache", len(names), len(names) - len(missing))
        results |= compute_tasks(missing, names, spec["engine"], cache, threads, limits)
        killed = {a: t for a, t in missing.items() if was_killed(results[a])}
        if killed:
            log.warning("%d tasks whose engine was killed are tried once more", len(killed))
            results |= compute_tasks(killed, names, spec["engine"], cache, threads, limits)
    for address in killed:
        if was_killed(results[address]):
            raise KilledError(
                f"{spec['engine']} was killed twice while it computed {names[address]}, most "
                f"likely for want of memory (qm.memory_mb is {limits['memory_mb']}); give the job "
                "more memory or the engine less, and run again: finished calculations are kept."
            )
    with files.atomic_directory(records) as folder:
        lines = {name: [] for name, _ in work}
        for (name, molecule), task in zip(work, tasks, strict=True):
            lines[name].append(make_record(task, molecule, results[task["digest"]]))
        for name, values in lines.items():
            files.write_json_lines(folder / f"{name}.jsonl.xz", values)


def compute_tasks(tasks: dict, names: dict, engine: str, cache: Cache, threads, limits) -> dict:
    """Results of tasks, both by address; successes are in the cache as soon as they are known.

    names: address → molecule, for messages
    """
    prepared = [
        {**task, "atomic_numbers": [periodictable.to_Z(symbol) for symbol in task["symbols"]]}
        for task in tasks.values()
    ]
    progress, results, failed = Progress("QM", len(prepared)), {}, 0
    running = run_tasks(engine, prepared, threads, limits["memory_mb"], limits["time_limit_s"])
    for done, (index, result) in enumerate(running, start=1):
        address = prepared[index]["digest"]
        results[address] = result
        if result["success"]:
            cache.put(address, result)
        else:
            failed += 1
            message = result["error_message"][-300:]
            log.warning("%s: %s: %s", names[address], result["error_type"], message)
        progress.update(done, f"({failed} failed)")
    return results


def was_killed(result: dict) -> bool:
    """Whether the engine was ended from outside, which says nothing of the task."""
    return not result["success"] and result["error_type"] == "engine_killed"


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
def one_at_a_time(cache_folder, addresses: list[str]):
    """Hold a lock on a set of tasks, so that an orphan of a killed run and its successor do
    not compute the same twice. The system drops the lock when its holder dies."""
    folder = Path(cache_folder, "locks")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / digest(addresses)[:16], "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another process computes these tasks; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def dataset_molecules(path) -> list[dict]:
    """The qcschema molecules of a dataset file, in order."""
    try:
        entries = files.read_json(path)["dataset"].values()
        return [molecule for entry in entries for molecule in entry["initial_molecules"]]
    except KeyError as error:
        raise CorruptFileError(f"{path} has no {error}; delete it and run again.") from error
