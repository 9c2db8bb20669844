"""What the calculations of a campaign have cost: core-hours by molecule, kind and outcome."""

from collections import defaultdict

from forceladder.qm.tasks import level_of_theory
from forceladder.tables import number, read_table, write_table

COLUMNS = [
    "level_of_theory", "molecule", "kind", "outcome", "calculations", "core_seconds",
    "retries", "retry_core_seconds",
]  # fmt: skip


class Ledger:
    """The account of one shard; `molecule` and `kind` say what the next results are for.

    A result that came from the cache is charged what it cost when it was computed, so the
    ledger says what a campaign costs, not what its last run did. A calculation that serves
    two kinds (a gradient that is also the first step of a relaxation) is charged once.
    """

    def __init__(self, spec: dict):
        self.level = level_of_theory(spec)
        self.molecule, self.kind = "", ""
        self.seen, self.accounts = set(), defaultdict(lambda: [0, 0.0, 0, 0.0])

    def add(self, task: dict, result: dict):
        if task["digest"] in self.seen:
            return
        self.seen.add(task["digest"])
        outcome = "success" if result["success"] else result["error_type"]
        attempts = result.get("attempts", [])
        account = self.accounts[self.molecule, self.kind, outcome]
        account[0] += 1
        account[1] += result["cpu_seconds"]
        account[2] += len(attempts)
        account[3] += sum(attempt["cpu_seconds"] for attempt in attempts)

    def write(self, path):
        rows = [
            dict(
                zip(
                    COLUMNS,
                    (self.level, *key, n, round(cpu, 3), retries, round(lost, 3)),
                    strict=True,
                )
            )
            for key, (n, cpu, retries, lost) in sorted(self.accounts.items())
        ]
        write_table(path, rows, COLUMNS)


def total_ledger(paths) -> list[dict]:
    """Rows of all ledgers, numbers as numbers, the dearest first."""
    rows = []
    for path in paths:
        for row in read_table(path):
            rows.append(row | {key: number(row[key]) for key in COLUMNS[4:]})
    return sorted(rows, key=lambda row: -(row["core_seconds"] + row["retry_core_seconds"]))
