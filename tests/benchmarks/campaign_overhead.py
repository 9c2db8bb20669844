"""What the workflow adds to a campaign's QM: the same campaign, with every result in the cache.

    python tests/benchmarks/campaign_overhead.py [--config config/campaign.yaml] [--cache qm_cache]

Writes results/bench/campaign_overhead.json. The campaign must have been computed before. It is
run again, from nothing but the cache, up to verdicts and ledger; what that takes is all that is
not QM. CPU seconds of all processes are counted, so that a busy machine does not matter, and
held against the core-seconds of QM in the ledger. Geometries (GFN2-xTB sampling and scans) are
work, not overhead, and are named apart.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import yaml  # noqa: E402

from forceladder import files  # noqa: E402
from forceladder.provenance import code_commit, machine  # noqa: E402
from forceladder.qm.ledger import total_ledger  # noqa: E402


def settled(config: str, cache: str) -> dict:
    """The configuration with absolute paths."""
    settings = yaml.safe_load(Path(config).read_text())
    settings["run"] = "overhead"
    settings["molecules"]["file"] = str(Path(settings["molecules"]["file"]).resolve())
    settings["qm"]["cache"] = str(Path(cache).resolve())
    return settings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="config/campaign.yaml")
    parser.add_argument("--cache", default="qm_cache")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = settled(options.config, options.cache)
        Path(folder, "config.json").write_text(json.dumps(settings))
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--configfile", "config.json", "--cores", "2", "--quiet", "all",
            "--until", "write_ledger", "judge_qm",
        ]  # fmt: skip
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)
        wall = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = Path(folder, "results", "overhead")
        rows = total_ledger(run.glob("qm/*/records/*/tasks.csv"))
        (progress,) = run.glob("qm/*/progress.json")
        computed = files.read_json(progress)["computed"]
        if computed:
            sys.exit(f"{computed} results were not in the cache; run the campaign first.")
        geometries = 0.0
        for path in run.glob("benchmarks/generate_geometries/*.tsv"):
            with open(path, newline="") as table:
                geometries += sum(
                    float(r["cpu_time"]) for r in csv.DictReader(table, delimiter="\t")
                )
        shards = len(list(run.glob("qm/*/records/*")))
    qm = sum(row["core_seconds"] + row["retry_core_seconds"] for row in rows)
    workflow = usage.ru_utime + usage.ru_stime - geometries
    result = {
        "value": workflow / qm,
        "unit": "CPU seconds of workflow per core-second of QM",
        "limit": 0.02,
        "config": options.config,
        "qm_core_seconds": qm,
        "qm_calculations": sum(row["calculations"] for row in rows),
        "workflow_cpu_seconds": workflow,
        "geometries_cpu_seconds": geometries,
        "wall_seconds_on_two_cores": wall,
        "shards": shards,
        "workflow_cpu_seconds_per_shard": workflow / shards,
        **code_commit(),
        "hardware": machine(),
    }
    files.write_json(ROOT / "results" / "bench" / "campaign_overhead.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
