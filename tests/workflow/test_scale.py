"""A campaign on a stand-in scheduler with a stand-in engine: kills and failures lose nothing.

The engine waits and returns recorded results (tests/benchmarks/scale); all else is the workflow's
own. tests/benchmarks/scale.py does the same with ten thousand molecules.
"""

import pytest

from library import record_library
from simulation import simulate

pytestmark = pytest.mark.workflow

MOLECULES, GEOMETRIES, SLOTS = 60, 3, 2


@pytest.fixture(scope="module", params=["machines", "controller"])
def campaign(request, tmp_path_factory) -> dict:
    """What is measured of a campaign whose machines, or whose controller, were killed half-way."""
    folder = tmp_path_factory.mktemp("scale")
    record_library(folder / "library.db", MOLECULES, GEOMETRIES)
    return simulate(
        folder / "checkout", folder / "library.db", MOLECULES, GEOMETRIES, SLOTS,
        dies=request.param, wait_seconds=0.05, crash_fraction=0.05, failure_fraction=0.03,
        cost_per_shard=10_000, check_every_seconds=1,
    )  # fmt: skip


def test_the_kill_came_while_the_campaign_ran(campaign):
    assert 0 < campaign["calculations_before_kill"] < 0.9 * campaign["calculations"]


def test_no_record_is_lost_and_none_is_there_twice(campaign):
    assert campaign["records"] == campaign["tasks"] == campaign["cached"] == MOLECULES * GEOMETRIES


def test_a_kill_costs_at_most_the_calculations_in_flight(campaign):
    assert campaign["computed_again"] <= SLOTS


def test_every_crash_is_tried_once_more_and_told_in_the_ledger(campaign):
    assert campaign["crashes"] > 0
    # what was in flight when it was killed may have been an attempt after a crash
    assert campaign["crashes"] - SLOTS <= campaign["retries"] <= campaign["crashes"]


def test_failures_for_good_are_records_with_a_verdict_and_all_others_are_accepted(campaign):
    assert campaign["failed_for_good"] > 0
    assert campaign["accepted"] + campaign["failed_for_good"] == campaign["records"]


def test_a_shard_is_one_submission(campaign):
    """Beside the shards: the engine, the list of molecules, verdicts, ledger, training set."""
    again = campaign["submissions_before_kill"]
    assert campaign["jobs"] == 4 * campaign["shards"] + 5
    assert campaign["shards"] + 5 <= campaign["submissions"] <= campaign["shards"] + 5 + again


def test_a_rerun_does_nothing(campaign):
    assert campaign["did_nothing"]
