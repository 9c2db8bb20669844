"""How far a campaign is: written by every shard, summed up for whoever asks.

results/{run}/qm/{spec}/progress/plan.json      cost of one gradient of each molecule, by shard
results/{run}/qm/{spec}/progress/{shard}.json   what one shard has done, by its own job
results/{run}/qm/{spec}/progress.json           the sum, rewritten twice a minute by the jobs

Cost is counted in units of one gradient of a molecule with a single heavy atom, as in
molecules/listing.py; core-hours that are left follow from the rate so far.
"""

import time
from contextlib import suppress
from pathlib import Path

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.job import log
from forceladder.molecules.listing import COST_EXPONENT

WRITE_EVERY = 5.0  # s
SUM_EVERY = 30.0  # s
LOG_EVERY = 60.0  # s
COUNTS = ("computed", "cached", "failed", "retries", "cost_total", "cost_done", "core_seconds",
          "rate_cost", "rate_core_seconds")  # fmt: skip

# Gradients that a procedure takes, by experience with B3LYP/DZVP from GFN2-xTB geometries
GRADIENTS_PER_RELAXATION = 6
GRADIENTS_PER_WAVEFRONT_POINT = 20


def unit_cost(symbols) -> float:
    """Relative cost of one gradient: (heavy atoms)^2.4."""
    return float(max(sum(symbol != "H" for symbol in symbols), 1)) ** COST_EXPONENT


def expected_cost(kind: str, molecules: list[dict], procedures: dict) -> float:
    """Relative cost of one entry of a dataset, see `unit_cost`."""
    gradients = len(molecules)
    if kind == "minima":
        hessians = min(procedures["hessians_per_molecule"], len(molecules))
        gradients *= GRADIENTS_PER_RELAXATION
        gradients += hessians * 6 * len(molecules[0]["symbols"])
    elif kind == "torsion_scans":
        wavefront = procedures["torsion_scans"] == "wavefront"
        gradients *= GRADIENTS_PER_RELAXATION + wavefront * GRADIENTS_PER_WAVEFRONT_POINT
    return gradients * unit_cost(molecules[0]["symbols"])


class ShardProgress:
    """The account of one shard's job. A context: the last word is written at its end."""

    def __init__(self, path, cost_total: float):
        """path: {shard}.json, or None to write no file"""
        self.path = path and Path(path)
        self.counts = dict.fromkeys(COUNTS, 0) | {"cost_total": cost_total}
        self.entry_cost, self.written, self.logged = 0.0, 0.0, time.monotonic()

    def __enter__(self) -> "ShardProgress":
        self._write()
        return self

    def __exit__(self, *_):
        self._write(last=True)

    def add(self, task: dict, result: dict, computed: bool):
        """Count one result; `computed`: now, not taken from the cache."""
        counts, cost = self.counts, unit_cost(task["symbols"])
        counts["computed" if computed else "cached"] += 1
        counts["failed"] += not result["success"]
        attempts = result.get("attempts", [])
        seconds = result["cpu_seconds"] + sum(a["cpu_seconds"] for a in attempts)
        counts["retries"] += len(attempts) * computed
        counts["rate_cost"] += cost
        counts["rate_core_seconds"] += seconds
        counts["core_seconds"] += seconds * computed
        self.entry_cost += cost
        now = time.monotonic()
        if now - self.written > WRITE_EVERY:
            self._write()
        if now - self.logged > LOG_EVERY:
            self.logged = now
            log.info("%s", self.sentence())

    def finish(self, cost: float):
        """One entry is done, whatever the number of gradients that it took."""
        self.counts["cost_done"] += cost
        self.entry_cost = 0.0

    def sentence(self) -> str:
        return sentence_of(self._snapshot())

    def _snapshot(self) -> dict:
        left = self.counts["cost_total"] - self.counts["cost_done"]
        done = self.counts["cost_done"] + min(self.entry_cost, left)
        return self.counts | {"cost_done": done}

    def _write(self, last: bool = False):
        self.written = time.monotonic()
        if self.path is None:
            return
        with suppress(OSError):  # a full disk stops the job where it matters, not here
            files.write_json(self.path, self._snapshot())
            summed = self.path.parents[1] / "progress.json"
            if last or not summed.exists() or time.time() - summed.stat().st_mtime > SUM_EVERY:
                files.write_json(summed, campaign_progress(self.path.parent))


def campaign_progress(folder) -> dict:
    """The sum over all shards of a level of theory, with what is left by the rate so far.

    folder: results/{run}/qm/{spec}/progress
    """
    total, begun, plan = dict.fromkeys(COUNTS, 0), set(), None
    with suppress(CorruptFileError, FileNotFoundError):
        plan = files.read_json(Path(folder, "plan.json"))
    for path in sorted(Path(folder).glob("*.json")):
        if path.name == "plan.json" or (plan is not None and path.stem not in plan):
            continue  # a shard of an earlier plan
        with suppress(CorruptFileError, FileNotFoundError, AttributeError, TypeError):
            counts = files.read_json(path)
            total = {key: total[key] + counts.get(key, 0) for key in COUNTS}
            begun.add(path.stem)
    if plan is not None:
        total["shards"], total["shards_begun"] = len(plan), len(begun)
        # shards that have not begun: as many gradients a molecule as those that have
        known = sum(plan[shard] for shard in begun)
        if known:
            total["cost_total"] *= sum(plan.values()) / known
    return total | {
        "core_hours": total["core_seconds"] / 3600,
        "core_hours_left": core_hours_left(total),
    }


def core_hours_left(counts: dict) -> float | None:
    """What is left, by the rate so far; None where nothing has been done."""
    if not counts["rate_cost"]:
        return None
    rate = counts["rate_core_seconds"] / counts["rate_cost"]
    return rate * (counts["cost_total"] - counts["cost_done"]) / 3600


def progress_of_run(run_folder) -> dict[str, dict]:
    """The sum of every level of theory of a run, by its spec's name.

    run_folder: results/{run}
    """
    folders = sorted(Path(run_folder).glob("qm/*/progress"))
    return {folder.parent.name: campaign_progress(folder) for folder in folders}


def sentence_of(progress: dict) -> str:
    """One line for people: done, failed, left, core-hours spent and still to come."""
    done = progress["computed"] + progress["cached"]
    share = progress["cost_done"] / max(progress["cost_total"], 1e-300)
    left = core_hours_left(progress) or 0.0
    shards = ""
    if "shards" in progress:
        shards = f"{progress['shards_begun']} of {progress['shards']} shards begun, "
    return (
        f"{share:.0%}: {shards}{done} calculations done ({progress['cached']} from the cache), "
        f"{progress['failed']} failed, {progress['retries']} retries; "
        f"{progress['core_seconds'] / 3600:.2f} core-hours spent, about {left:.2f} left"
    )
