"""Progress adds up, estimates what is left by the rate so far, and never stops a job."""

import pytest

from forceladder import files
from forceladder.qm.progress import (
    ShardProgress,
    campaign_progress,
    expected_cost,
    progress_of_run,
    sentence_of,
    unit_cost,
)

PROCEDURES = {"hessians_per_molecule": 1, "torsion_scans": "relaxed"}
METHANOL = {"symbols": ["C", "O", "H", "H", "H", "H"]}
RESULT = {"success": True, "cpu_seconds": 3.0}


def folder_of(tmp_path):
    return tmp_path / "results" / "run" / "qm" / "spec" / "progress"


def finished_shard(tmp_path, name, tasks, result=RESULT, computed=True):
    cost = tasks * unit_cost(METHANOL["symbols"])
    with ShardProgress(folder_of(tmp_path) / f"{name}.json", cost) as progress:
        for _ in range(tasks):
            progress.add(METHANOL, result, computed)
        progress.finish(cost)
    return progress


def test_finished_shard_is_at_a_hundred_percent(tmp_path):
    progress = finished_shard(tmp_path, "a", 4)
    assert progress.sentence().startswith("100%: 4 calculations done (0 from the cache), 0 failed")
    summed = files.read_json(folder_of(tmp_path).parent / "progress.json")
    assert summed["cost_done"] == pytest.approx(summed["cost_total"])
    assert summed["core_hours"] == pytest.approx(4 * 3.0 / 3600)
    assert summed["core_hours_left"] == pytest.approx(0.0)


def test_shards_that_have_not_begun_are_expected_to_be_like_those_that_have(tmp_path):
    finished_shard(tmp_path, "a", 4)
    files.write_json(folder_of(tmp_path) / "plan.json", {"a": 10.0, "b": 30.0})
    summed = campaign_progress(folder_of(tmp_path))
    assert (summed["shards"], summed["shards_begun"]) == (2, 1)
    assert summed["cost_done"] == pytest.approx(summed["cost_total"] / 4)
    assert summed["core_hours_left"] == pytest.approx(3 * summed["core_hours"])
    assert "25%: 1 of 2 shards begun" in sentence_of(summed)


def test_what_came_from_the_cache_costs_nothing_and_tells_the_rate(tmp_path):
    finished_shard(tmp_path, "a", 4, computed=False)
    files.write_json(folder_of(tmp_path) / "plan.json", {"a": 10.0, "b": 10.0})
    summed = campaign_progress(folder_of(tmp_path))
    assert (summed["computed"], summed["cached"], summed["core_hours"]) == (0, 4, 0.0)
    assert summed["core_hours_left"] == pytest.approx(4 * 3.0 / 3600)


def test_failures_and_retries_are_counted_with_their_cost(tmp_path):
    attempts = [{"cpu_seconds": 2.0}, {"cpu_seconds": 5.0}]
    failed = {"success": False, "cpu_seconds": 1.0, "attempts": attempts}
    counts = finished_shard(tmp_path, "a", 1, failed).counts
    assert (counts["failed"], counts["retries"], counts["core_seconds"]) == (1, 2, 8.0)


def test_an_entry_under_way_counts_at_most_what_is_expected_of_it(tmp_path):
    progress = ShardProgress(None, cost_total=2 * unit_cost(METHANOL["symbols"]))
    for _ in range(5):
        progress.add(METHANOL, RESULT, computed=True)
    assert progress.sentence().startswith("100%")
    assert progress.counts["cost_done"] == 0.0


def test_run_has_the_progress_of_every_level_of_theory(tmp_path):
    finished_shard(tmp_path, "a", 1)
    assert set(progress_of_run(tmp_path / "results" / "run")) == {"spec"}
    assert progress_of_run(tmp_path / "results" / "other") == {}


def test_nothing_begun_has_no_estimate(tmp_path):
    files.write_json(folder_of(tmp_path) / "plan.json", {"a": 10.0})
    summed = campaign_progress(folder_of(tmp_path))
    assert summed["core_hours_left"] is None
    assert "0%: 0 of 1 shards begun" in sentence_of(summed)


def test_damaged_file_of_a_shard_is_left_out(tmp_path):
    finished_shard(tmp_path, "a", 2)
    (folder_of(tmp_path) / "b.json").write_text('{"computed": 3')
    assert campaign_progress(folder_of(tmp_path))["computed"] == 2


def test_damaged_plan_is_left_out(tmp_path):
    finished_shard(tmp_path, "a", 2)
    (folder_of(tmp_path) / "plan.json").write_text('{"a": 1')
    summed = campaign_progress(folder_of(tmp_path))
    assert summed["computed"] == 2
    assert "shards" not in summed
    finished_shard(tmp_path, "b", 2)  # nor does it stop a job


def test_file_of_an_older_version_lacks_a_count_and_stops_nothing(tmp_path):
    finished_shard(tmp_path, "a", 2)
    files.write_json(folder_of(tmp_path) / "b.json", {"computed": 3, "cost_total": 1.0})
    assert campaign_progress(folder_of(tmp_path))["computed"] == 5


def test_shards_add_up_to_a_hundred_percent_whatever_was_planned(tmp_path):
    plan = {}
    for name, tasks in (("a", 1), ("b", 7), ("c", 3)):
        plan[name] = float(tasks)
        files.write_json(folder_of(tmp_path) / "plan.json", {"a": 1.0, "b": 7.0, "c": 3.0})
        finished_shard(tmp_path, name, tasks)
        share = sum(plan.values()) / 11.0
        summed = campaign_progress(folder_of(tmp_path))
        assert summed["cost_done"] == pytest.approx(share * summed["cost_total"])
        assert sentence_of(summed).startswith(f"{share:.0%}: {len(plan)} of 3 shards begun")
    assert summed["core_hours_left"] == pytest.approx(0.0, abs=1e-12)


def test_place_that_cannot_be_written_does_not_stop_the_work(tmp_path):
    """As on a read-only disk: here, a folder that is a file."""
    (tmp_path / "qm").write_text("no folder")
    with ShardProgress(tmp_path / "qm" / "progress" / "a.json", 1.0) as progress:
        progress.add(METHANOL, RESULT, computed=True)
    assert progress.counts["computed"] == 1


def test_job_that_fails_leaves_what_it_has_done(tmp_path):
    path = folder_of(tmp_path) / "a.json"
    with pytest.raises(KeyboardInterrupt), ShardProgress(path, 10.0) as progress:
        progress.add(METHANOL, RESULT, computed=True)
        raise KeyboardInterrupt
    assert files.read_json(path)["computed"] == 1


def test_full_disk_does_not_stop_the_work(tmp_path, tiny_disk):
    disk = tiny_disk("disk", "16k")
    with ShardProgress(disk / "progress" / "a.json", 1.0) as progress:
        with pytest.raises(OSError, match="No space left"):
            (disk / "filler").write_bytes(bytes(16_000))
        progress.written = float("-inf")
        progress.add(METHANOL, RESULT, computed=True)
    assert progress.counts["computed"] == 1
    assert files.read_json(disk / "progress" / "a.json")["computed"] == 0  # whole, but older


@pytest.mark.parametrize(
    "kind, changes, gradients",
    [
        ("gradients", {}, 3),
        ("minima", {"hessians_per_molecule": 0}, 3 * 6),
        ("minima", {"hessians_per_molecule": 1}, 3 * 6 + 36),
        ("torsion_scans", {}, 3 * 6),
        ("torsion_scans", {"torsion_scans": "wavefront"}, 3 * 26),
    ],
)
def test_expected_cost_counts_gradients_of_the_molecule(kind, changes, gradients):
    cost = expected_cost(kind, [METHANOL] * 3, PROCEDURES | changes)
    assert cost == pytest.approx(gradients * 2**2.4)
