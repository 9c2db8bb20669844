"""What the calculations of a campaign have cost: core-hours by molecule, kind and outcome."""

from collections import defaultdict

from forceladder.qm.tasks import level_of_theory
from forceladder.tables import number, read_table, write_table

TASK_COLUMNS = [
    "digest", "level_of_theory", "molecule", "kind", "outcome", "core_seconds", "retries",
    "retry_core_seconds",
]  # fmt: skip
COLUMNS = [
    "level_of_theory", "molecule", "kind", "outcome", "calculations", "core_seconds",
    "retries", "retry_core_seconds",
]  # fmt: skip
NUMBERS = COLUMNS[5:]


class Ledger:
    """Every calculation of one shard; `molecule` and `kind` say what the next results are for.

    A result that came from the cache is charged what it cost when it was computed, so the
    ledger says what a campaign costs, not what its last run did. A calculation that serves
    two kinds (a gradient that is also the first step of a relaxation) is charged once.
    """

    def __init__(self, spec: dict):
        self.level, self.molecule, self.kind = level_of_theory(spec), "", ""
        self.rows = {}

    def add(self, task: dict, result: dict):
        attempts = result.get("attempts", [])
        values = (
            task["digest"], self.level, self.molecule, self.kind,
            "success" if result["success"] else result["error_type"],
            round(result["cpu_seconds"], 3), len(attempts),
            round(sum(attempt["cpu_seconds"] for attempt in attempts), 3),
        )  # fmt: skip
        self.rows.setdefault(task["digest"], dict(zip(TASK_COLUMNS, values, strict=True)))

    def write(self, path):
        """Write tasks.csv: one row per calculation."""
        write_table(path, list(self.rows.values()), TASK_COLUMNS)


def total_ledger(paths) -> list[dict]:
    """The rows of tasks.csv files summed by COLUMNS[:4], numbers as numbers, the dearest first."""
    accounts = defaultdict(lambda: dict.fromkeys(["calculations", *NUMBERS], 0))
    for path in paths:
        for row in read_table(path):
            account = accounts[tuple(row[key] for key in COLUMNS[:4])]
            account["calculations"] += 1
            for key in NUMBERS:
                account[key] += number(row[key])
    rows = [dict(zip(COLUMNS[:4], key, strict=True)) | sums for key, sums in accounts.items()]
    return sorted(rows, key=lambda row: -(row["core_seconds"] + row["retry_core_seconds"]))
