"""Ten thousand molecules × 20 geometries, with an engine that only waits: all but the QM is real.

    python tests/benchmarks/scale.py [--molecules 10000] [--geometries 20] [--wait-seconds 0]

Writes results/bench/scale.json: a hundredth and a tenth of the molecules first, so that growth
shows. An engine returns recorded results, a scheduler takes each shard as one submission and runs
two at a time; 1 % of the calculations crash at first, 0.1 % fail for good; half-way controller and
jobs are killed by -9. The library of recorded results is made once, below results/bench/data.

It took 51 minutes on two busy cores. They are but two, so shards are larger than on a cluster
(--cost-per-shard): what a submission costs is measured apart from what a calculation costs. How
many there would be with the default configuration is planned as well.
"""

import argparse
import csv
import io
import os
import sys
import tempfile
from pathlib import Path

from bench import ROOT, entry, growth_exponent, write_results

sys.path[:0] = [str(ROOT / "tests" / "benchmarks" / "scale"), str(ROOT / "tests" / "workflow")]

from checkout import DEFAULTS  # noqa: E402
from forceladder.molecules.listing import estimated_cost, plan_shards  # noqa: E402
from library import molecule_table, record_library  # noqa: E402
from simulation import simulate  # noqa: E402

SEED = 0
CORE_SECONDS_PER_COST = 0.3  # of B3LYP-D3BJ/DZVP with ESP, from the ledger of the example campaign
# what is written of a campaign → its unit, and what it is held against
MEASURES = {
    "plan_seconds": ("s", "a dry run"),
    "plan_mb": ("MB", "a dry run"),
    "controller_mb": ("MB", "Snakemake itself, while the campaign runs"),
    "controller_cpu_seconds": ("s", "Snakemake itself, both runs"),
    "submissions": ("submissions", "those before the kill are made again as far as they had to be"),
    "status_queries": ("queries", "a job's each 10 s, at most 5/s; on Slurm one asks for all"),
    "cpu_seconds_per_submission": ("s", "Snakemake in the job, four scripts, start of an engine"),
    "cpu_ms_per_calculation": ("ms", "cache, records, geometries, datasets, engine's own included"),
    "judge_qm_mb": ("MB", "with Snakemake in the job, 210 MB"),
    "write_ledger_mb": ("MB", "with Snakemake in the job, 210 MB"),
    "build_training_set_mb": ("MB", "with Snakemake in the job, 210 MB; without ESP"),
    "shard_mb": ("MB", "with Snakemake in the job, 210 MB"),
    "retries": ("retries", "as many as crashes, but for those in flight at the kill"),
    "computed_again": ("calculations", "at most 2, which were in flight at the kill"),
    "nothing_to_do_seconds": ("s", "a rerun"),
    "results_files": ("files", "files and folders below results/"),
    "cache_files": ("files", "one for each calculation"),
    "results_mb": ("MB", "on disk"),
    "cache_mb": ("MB", "on disk"),
    "logs_mb": ("MB", "on disk"),
}  # fmt: skip


def planned_shards(library: Path, molecules: int, geometries: int) -> dict:
    """Shards of the default configuration, and what each would take of a real QM program."""
    table = csv.DictReader(io.StringIO(molecule_table(library, molecules)))
    rows = [{"id": row["id"], "source": row["smiles"], "format": "smiles"} for row in table]
    shards = plan_shards(rows, DEFAULTS["qm"]["cost_per_shard"], DEFAULTS["qm"]["max_shards"])
    hours = [
        sum(map(estimated_cost, members)) * geometries * CORE_SECONDS_PER_COST / 3600
        for members in shards.values()
    ]
    return {
        "molecules": molecules, "shards": len(shards), "submissions": len(shards) + 5,
        "core_hours": sum(hours), "core_hours_per_shard": sum(hours) / len(hours),
        "largest_shard_core_hours": max(hours),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--molecules", type=int, default=10_000)
    parser.add_argument("--geometries", type=int, default=20)
    parser.add_argument("--wait-seconds", type=float, default=0.0)
    parser.add_argument("--cost-per-shard", type=float, default=40_000)
    options = parser.parse_args()
    most, geometries = options.molecules, options.geometries
    library = ROOT / "results" / "bench" / "data" / f"recorded-{most}x{geometries}.db"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        record_library(new := library.with_suffix(".new"), most, geometries)
        os.replace(new, library)
    rows, plans = [], []
    for molecules in sorted({most // 100, most // 10, most} - {0}):
        with tempfile.TemporaryDirectory() as folder:
            asked = (Path(folder, "checkout"), library, molecules, geometries)
            settings = {"wait_seconds": options.wait_seconds, "seed": SEED}
            rows.append(simulate(*asked, cost_per_shard=options.cost_per_shard, **settings))
        plans.append(planned_shards(library, molecules, geometries))
        print(rows[-1], plans[-1], flush=True)
    write_report(rows, plans, vars(options))


def write_report(rows: list[dict], plans: list[dict], settings: dict):
    """results/bench/scale.json; a measure's exponent p is of measure ∝ moleculesᵖ."""
    counts = [row["molecules"] for row in rows]
    entries = {}
    for name, (unit, reference) in MEASURES.items():
        values = [row[name] for row in rows]
        grows = len(values) > 1 and min(values) > 0
        entries[name] = entry(
            values[-1], unit, reference, values=dict(zip(counts, values, strict=True)),
            exponent=growth_exponent(counts, values) if grows else None,
        )  # fmt: skip
    entries["shards"] = entry(
        plans[-1]["shards"], "shards", "with the default configuration", plans=plans
    )
    write_results("scale", entries, SEED, **settings, rows=rows)


if __name__ == "__main__":
    main()
