"""Running one shard of QM work over the cache."""

from pathlib import Path

from qcelemental import periodictable

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.job import Progress, log
from forceladder.qm.cache import Cache
from forceladder.qm.engines import ENGINES, run_tasks
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task


def compute_shard(datasets, records, spec: dict, cache_folder, threads: int, limits: dict):
    """Compute what the cache lacks of all dataset files in a folder; write their records.

    datasets: folder of {molecule}.json.xz       records: folder of {molecule}.jsonl.xz
    limits: memory_mb for the engine, time_limit_s for one task
    Each result goes to the cache the moment it is there: a job that is killed has lost
    the calculation under way, no other.
    """
    work = [
        (path.name.removesuffix(".json.xz"), molecule)
        for path in sorted(Path(datasets).glob("*.json.xz"))
        for molecule in dataset_molecules(path)
    ]
    version = ENGINES[spec["engine"]].version() if work else None
    tasks = [make_task(molecule, spec, version) for _, molecule in work]
    cache = Cache(cache_folder)
    results = {task["digest"]: cache.get(task["digest"]) for task in tasks}
    named = {task["digest"]: name for (name, _), task in zip(work, tasks, strict=True)}
    missing = [
        {**task, "atomic_numbers": [periodictable.to_Z(symbol) for symbol in task["symbols"]]}
        for task in {task["digest"]: task for task in tasks}.values()
        if results[task["digest"]] is None
    ]
    log.info("%d tasks, %d of them in the cache", len(tasks), len(tasks) - len(missing))
    progress = Progress("QM", len(missing))
    failed = 0
    running = run_tasks(
        spec["engine"], missing, threads, limits["memory_mb"], limits["time_limit_s"]
    )
    for done, (index, result) in enumerate(running, start=1):
        address = missing[index]["digest"]
        results[address] = result
        if result["success"]:
            cache.put(address, result)
        else:
            failed += 1
            message = result["error_message"][-300:]
            log.warning("%s: %s: %s", named[address], result["error_type"], message)
        progress.update(done, f"({failed} failed)")
    with files.atomic_directory(records) as folder:
        lines = {name: [] for name, _ in work}
        for (name, molecule), task in zip(work, tasks, strict=True):
            lines[name].append(make_record(task, molecule, results[task["digest"]]))
        for name, values in lines.items():
            files.write_json_lines(folder / f"{name}.jsonl.xz", values)


def dataset_molecules(path) -> list[dict]:
    """The qcschema molecules of a dataset file, in order."""
    try:
        entries = files.read_json(path)["dataset"].values()
        return [molecule for entry in entries for molecule in entry["initial_molecules"]]
    except KeyError as error:
        raise CorruptFileError(f"{path} has no {error}; delete it and run again.") from error
