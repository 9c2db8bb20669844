"""The ledger charges every calculation once, to whom it served first."""

import pytest

from forceladder.qm.ledger import COLUMNS, Ledger, total_ledger
from forceladder.tables import read_table

SPEC = {"engine": "gfn2-xtb", "method": "gfn2-xtb"}


def task(name):
    return {"digest": name}


def result(seconds, success=True, attempts=()):
    outcome = {"success": success, "cpu_seconds": seconds, "error_type": "time_limit"}
    return outcome | ({"attempts": [{"cpu_seconds": s} for s in attempts]} if attempts else {})


@pytest.fixture
def shard(tmp_path):
    ledger = Ledger(SPEC)
    ledger.molecule, ledger.kind = "water", "gradients"
    ledger.add(task("a"), result(2.0))
    ledger.add(task("b"), result(3.0, attempts=[1.0, 4.0]))
    ledger.kind = "minima"
    ledger.add(task("a"), result(2.0))  # the first step of a relaxation is a gradient we had
    ledger.add(task("c"), result(5.0, success=False))
    ledger.write(tmp_path / "one" / "tasks.csv")
    return tmp_path


def test_every_calculation_has_one_row_with_its_address(shard):
    rows = read_table(shard / "one" / "tasks.csv")
    assert [(r["digest"], r["kind"], r["outcome"]) for r in rows] == [
        ("a", "gradients", "success"), ("b", "gradients", "success"), ("c", "minima", "time_limit")
    ]  # fmt: skip
    assert {row["level_of_theory"] for row in rows} == {"GFN2-xTB"}


def test_total_is_summed_by_molecule_kind_and_outcome_the_dearest_first(shard):
    rows = total_ledger([shard / "one" / "tasks.csv"])
    assert [tuple(row[column] for column in COLUMNS[1:]) for row in rows] == [
        ("water", "gradients", "success", 2, 5.0, 2, 5.0),
        ("water", "minima", "time_limit", 1, 5.0, 0, 0.0),
    ]


def test_shards_add_up(shard):
    ledger = Ledger(SPEC)
    ledger.molecule, ledger.kind = "ammonia", "gradients"
    ledger.add(task("d"), result(7.0))
    ledger.write(shard / "two" / "tasks.csv")
    rows = total_ledger(sorted(shard.glob("*/tasks.csv")))
    assert sum(row["core_seconds"] for row in rows) == pytest.approx(17.0)
    assert sum(row["calculations"] for row in rows) == 4


def test_empty_ledger_is_a_table_without_rows(tmp_path):
    Ledger(SPEC).write(tmp_path / "tasks.csv")
    assert total_ledger([tmp_path / "tasks.csv"]) == []
