"""What is measured of a simulated campaign, from its plan to a rerun with nothing to do."""

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np

from campaign import GROUPED, Campaign, files_below
from checkout import PSI4_SPEC
from forceladder.tables import read_table
from stand_in_cluster import Cluster

# rules that see all molecules or records in one job
WHOLE = ("list_molecules", "judge_qm", "write_ledger", "build_training_set")


def simulate(
    folder: Path, library: Path, molecules: int, geometries: int, slots=2, dies="machines",
    check_every_seconds=10, **settings,
) -> dict:  # fmt: skip
    """Plan, run, kill by -9 half-way, run on, and run with nothing to do.

    slots: jobs that run at a time      settings: as Campaign takes them
    check_every_seconds: how long Snakemake waits between two looks at its jobs; 10 is its default
    dies: 'machines', controller and jobs; 'controller' alone, whose jobs go on beside those of
        its successor; or None
    """
    campaign = Campaign(folder, library, molecules, geometries, **settings)
    plan = campaign.measured("--dry-run", "--quiet", "rules", "--", *campaign.targets())
    row = {
        "molecules": molecules,
        "calculations": molecules * geometries,
        "plan_seconds": plan["seconds"],
        "plan_mb": plan["peak_mb"],
        "jobs": int(re.findall(r"^total +(\d+)", plan["output"], re.M)[-1]),
    }
    with Cluster(folder / "queue", slots, campaign.environment(), check_every_seconds) as cluster:
        groups = [f"{rule}=shard" for rule in GROUPED]
        command = [*cluster.arguments(), "--groups", *groups, "--", *campaign.targets()]
        runs = []
        if dies:
            half = molecules * geometries // 2
            runs.append(campaign.measured(*command, kill_when=lambda: campaign.begun() >= half))
            if dies == "machines":
                cluster.power_cut()
            row["submissions_before_kill"] = cluster.submissions
            row["calculations_before_kill"] = len(campaign.calls())
            unlocked = campaign.run("--unlock", *campaign.targets())
            if unlocked.returncode:
                raise RuntimeError(f"unlocking failed: {unlocked.stdout[-3000:]}")
        runs.append(campaign.measured(*command))
        if runs[-1]["code"]:
            raise RuntimeError(f"the campaign failed: {runs[-1]['output'][-3000:]}")
        row |= load(campaign, cluster, runs)
    row |= account(campaign)
    again = campaign.measured(*campaign.targets())
    row |= {"nothing_to_do_seconds": again["seconds"], "nothing_to_do_mb": again["peak_mb"]}
    row["did_nothing"] = "Nothing to be done" in again["output"]
    return row | sizes(campaign)


def load(campaign: Campaign, cluster: Cluster, runs: list[dict]) -> dict:
    """What controller and scheduler bear, and what jobs take beside the engine's own time."""
    ended = cluster.ended
    shards = [job for job in ended if job["name"] == "shard" and not job["code"]]
    sizes = [len(read_table(tasks)) for job in shards for tasks in tables_of(campaign, job)]
    whole = [job["cpu_seconds"] for job in shards]
    # a job's CPU seconds = those of a submission + calculations × those of one
    design = np.stack([np.ones(len(sizes)), sizes], axis=1)
    each, slope = np.linalg.lstsq(design, np.array(whole), rcond=None)[0]
    peaks = {name: [job["peak_mb"] for job in ended if job["name"] == name]
             for name in ("shard", *WHOLE)}  # fmt: skip
    return {
        "shards": len(list(campaign.results.glob("qm/*/records/*"))),
        "submissions": cluster.submissions,
        "status_queries": cluster.status_queries,
        "status_queries_per_second": cluster.status_queries / sum(run["seconds"] for run in runs),
        "run_seconds": sum(run["seconds"] for run in runs),
        "controller_cpu_seconds": sum(run["cpu_seconds"] for run in runs),
        "controller_mb": max(run["peak_mb"] for run in runs),
        "jobs_cpu_seconds": sum(job["cpu_seconds"] for job in ended),
        "engine_cpu_seconds": campaign.engine_cpu_seconds(),
        "cpu_seconds_per_submission": float(each),
        "cpu_ms_per_calculation": float(slope) * 1000,
        **{f"{name}_mb": max(values) for name, values in peaks.items()},
    }


def tables_of(campaign: Campaign, job: dict) -> list[Path]:
    folders = [path for path in job["output"] if "/records/" in path]
    return [campaign.folder / path / "tasks.csv" for path in folders]


def account(campaign: Campaign) -> dict:
    """Whether all is there once: records, failures, retries, calculations."""
    qm = campaign.results / "qm" / PSI4_SPEC
    verdicts = Counter(row["verdict"] for row in read_table(qm / "verdicts.csv"))
    tasks = [row for path in qm.glob("records/*/tasks.csv") for row in read_table(path)]
    calls = campaign.calls()
    return {
        "records": sum(verdicts.values()),
        "accepted": verdicts["accepted"],
        "failed_for_good": sum(n for v, n in verdicts.items() if v.startswith("failed_")),
        "other_verdicts": {v: n for v, n in verdicts.items()
                           if v != "accepted" and not v.startswith("failed_")},
        "tasks": len(tasks),
        "retries": sum(int(row["retries"]) for row in tasks),
        "crashes": campaign.crashes(),
        "begun": len(calls),
        "computed_again": campaign.computed_again(),
        "cached": len(campaign.cached()),
        "left_out": len(list(csv.reader(open(campaign.results / "left_out.csv")))) - 1,
    }  # fmt: skip


def sizes(campaign: Campaign) -> dict:
    """Files and bytes that a campaign leaves."""
    row = {}
    for name, folder in {
        "results": campaign.results, "cache": campaign.folder / "qm_cache",
        "logs": campaign.results / "logs", "snakemake": campaign.folder / ".snakemake",
    }.items():  # fmt: skip
        row[f"{name}_files"], size = files_below(folder)
        row[f"{name}_mb"] = size / 1e6
    return row
