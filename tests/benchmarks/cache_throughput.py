"""How fast the QM cache is, beside the least that the same bytes cost on the same disk.

    python tests/benchmarks/cache_throughput.py [--folder FOLDER] [--entries 100] [--rounds 15]

Writes results/bench/cache_throughput.json. Results are as B3LYP gives them: 20 atoms,
gradient of 60 numbers, ESP at 1000 points. Each round takes all measures in turn, the lower
limits among them, so that a busy machine slows both; a value is the median of the rounds. The
CPU time counts only this process's work, whatever else runs. Name a FOLDER on the file system
that a campaign will use: its fsync decides.
"""

import argparse
import hashlib
import json
import lzma
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from forceladder import files  # noqa: E402
from forceladder.provenance import code_commit, digest, machine  # noqa: E402
from forceladder.qm.cache import Cache, entry_name, packed  # noqa: E402
from forceladder.qm.cache_archive import export_cache, import_archive  # noqa: E402

SEED = 1
ATOMS, ESP_POINTS = 20, 1000

# measure → the lower limit that it is a multiple of
LIMITS = {
    "put": "write, fsync, rename", "get": "plain read", "get of an absent entry": "failed open",
    "export": "copy into one file", "import": "write, fsync, rename",
}  # fmt: skip
# what the time of put and get goes into
PARTS = ("render JSON", "compress", "SHA-256", "decompress", "parse JSON")


def realistic_result(numbers: random.Random) -> dict:
    """Full doubles, but for the ESP, of which Psi4 writes ten decimals."""
    return {
        "energy": -numbers.uniform(100, 1000),
        "gradient": [numbers.gauss(0, 0.02) for _ in range(3 * ATOMS)],
        "dipole": [numbers.gauss(0, 1) for _ in range(3)],
        "esp": [round(numbers.gauss(0, 0.03), 10) for _ in range(ESP_POINTS)],
        "success": True,
        "wall_seconds": numbers.uniform(1, 100),
        "cpu_seconds": numbers.uniform(1, 100),
    }


def seconds(action, arguments) -> tuple[float, float]:
    """Time that a function takes for all arguments, on the clock and of the CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    for argument in arguments:
        action(argument)
    return time.perf_counter() - clock, time.process_time() - cpu


def write_sync_rename(path: str, content: bytes):
    with open(f"{path}.new", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)
    files.sync(os.path.dirname(path))


def open_in_vain(path: str):
    try:
        os.close(os.open(path, os.O_RDONLY))
    except FileNotFoundError:
        pass


def copy_into_one(paths: list[str], target: str):
    with open(target, "wb") as file:
        for path in paths:
            file.write(Path(path).read_bytes())
        file.flush()
        os.fsync(file.fileno())


def one_round(folder: Path, results: dict) -> dict[str, tuple[float, float]]:
    """Seconds of every measure, clock and CPU, for all results, address → result."""
    cache, names = Cache(folder / "cache"), [entry_name(address) for address in results]
    content = {address: packed(address, result) for address, result in results.items()}
    texts = [lzma.decompress(packet).decode() for packet in content.values()]
    absent = [digest([address]) for address in results]
    paths = [str(folder / "raw" / name) for name in names]
    for path in paths:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        cache.folder.joinpath(Path(path).parent.name).mkdir(parents=True, exist_ok=True)
    os.sync()
    found = {
        "put": seconds(lambda item: cache.put(*item), results.items()),
        "write, fsync, rename": seconds(
            lambda item: write_sync_rename(*item), zip(paths, content.values(), strict=True)
        ),
        "get": seconds(cache.get, results),
        "plain read": seconds(lambda path: Path(path).read_bytes(), paths),
        "get of an absent entry": seconds(cache.get, absent),
        "failed open": seconds(open_in_vain, [str(cache.path(address)) for address in absent]),
        "export": seconds(lambda path: export_cache(cache.folder, path), [folder / "a.tar"]),
        "copy into one file": seconds(lambda path: copy_into_one(paths, path), [folder / "a.raw"]),
        "import": seconds(lambda path: import_archive(path, folder / "new"), [folder / "a.tar"]),
    }
    parts = (
        lambda result: json.dumps(result, sort_keys=True, separators=(",", ":")),
        lambda text: lzma.compress(text.encode(), preset=1),
        lambda text: hashlib.sha256(text.encode()).hexdigest(),
        lzma.decompress,
        json.loads,
    )
    arguments = (results.values(), texts, texts, content.values(), texts)
    timed = zip(PARTS, parts, arguments, strict=True)
    return found | {name: seconds(part, values) for name, part, values in timed}


def measures(rounds: list[dict], entries: int, size: int) -> dict:
    """Measure → value, unit and the spread of the rounds; see LIMITS and PARTS."""

    def measure(per_round: list[float], unit: str) -> dict:
        value, low, high = statistics.median(per_round), min(per_round), max(per_round)
        return {"value": value, "unit": unit, "lowest": low, "highest": high}

    limits, found = dict.fromkeys(LIMITS.values()), {}
    for name in (*LIMITS, *limits):
        clock = [r[name][0] for r in rounds]
        found[f"{name}, rate"] = measure([entries / t for t in clock], "entries/s")
        if name not in ("get of an absent entry", "failed open"):
            found[f"{name}, bytes"] = measure([size / t / 1e6 for t in clock], "MB/s")
    for name, limit in LIMITS.items():
        ratio = [r[name][0] / r[limit][0] for r in rounds]
        found[f"{name} / {limit}"] = measure(ratio, "ratio of times")
    for name in (*LIMITS, *limits, *PARTS):
        found[f"{name}, CPU"] = measure([1e3 * r[name][1] / entries for r in rounds], "ms/entry")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", default=ROOT / "results" / "bench", type=Path)
    parser.add_argument("--entries", default=100, type=int)
    parser.add_argument("--rounds", default=15, type=int)
    options = parser.parse_args()
    numbers = random.Random(SEED)
    results = {digest([SEED, i]): realistic_result(numbers) for i in range(options.entries)}
    size = sum(len(packed(address, result)) for address, result in results.items())
    options.folder.mkdir(parents=True, exist_ok=True)
    rounds = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="cache-") as folder:
            rounds.append(one_round(Path(folder), results))
    found = measures(rounds, options.entries, size)
    report = {
        "seed": SEED, **code_commit(), "hardware": machine(),
        "entries": options.entries, "rounds": options.rounds,
        "bytes_per_entry": size / options.entries, "measures": found,
    }  # fmt: skip
    files.write_json(ROOT / "results" / "bench" / "cache_throughput.json", report)
    for name, measure in found.items():
        low, high = measure["lowest"], measure["highest"]
        print(f"{name:40s}{measure['value']:12.4g} {measure['unit']:16s}{low:.4g} to {high:.4g}")


if __name__ == "__main__":
    main()
