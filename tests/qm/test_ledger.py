"""The ledger charges every calculation once, to whom it served first."""

import numpy as np
import pytest

from examples import WATER, read
from forceladder import files
from forceladder.molecules.geometries import generate_geometries
from forceladder.qm.cache import NAME, Cache
from forceladder.qm.campaign import compute_shard
from forceladder.qm.datasets import build_datasets
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


# a whole campaign of GFN2-xTB


GEOMETRIES = {
    "conformers_per_molecule": 1, "candidates_per_molecule": 5, "prune_rmsd_angstrom": 0.3,
    "seed": 1, "temperatures_kelvin": [], "frames_per_temperature": 0,
    "normal_mode_frames_per_temperature": 0, "frame_interval_fs": 10, "timestep_fs": 1.0,
    "friction_per_ps": 10.0, "torsion_scans": {
        "by_rule": True, "named": {}, "methyl_rotors": False, "max_scans_per_molecule": 1,
        "max_2d_scans_per_molecule": 0, "spacing_degrees": 120, "spacing_2d_degrees": 60,
        "max_steps": 100,
    },
}  # fmt: skip
LIMITS = {"memory_mb": 500, "time_limit_s": 300, "retries": {
    "scf": 1, "died": 1, "time_factors": [3], "memory_factors": [1.5],
}}  # fmt: skip
PROCEDURES = {
    "minima_per_molecule": 1, "hessians_per_molecule": 1, "hessian_step_angstrom": 0.005,
    "saddle_wavenumber_per_cm": 30, "torsion_scans": "wavefront", "convergence": "GAU",
    "max_steps": 100, "spot_check_fraction": 1.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """HOOH by every procedure, and water with two atoms in one place, which fails; every SCF
    needs its helper: one retry for each."""
    folder = tmp_path_factory.mktemp("campaign")
    spec = SPEC | {"keywords": {"max-iter": 4}}
    peroxide, water = {**read("OO"), "id": "peroxide"}, {**read("O"), "id": "water"}
    torn = {"positions": WATER[[0, 1, 1]], "kind": "sampled", "temperature": 300.0}
    work = [(peroxide, generate_geometries(peroxide, GEOMETRIES)), (water, [torn])]
    with files.atomic_directory(folder / "datasets", listed=True) as datasets:
        for molecule, members in work:
            made = build_datasets(molecule, members, "spec", spec, PROCEDURES)
            for kind, dataset in made.items():
                files.write_json(datasets / f"{molecule['id']}.{kind}.json.xz", dataset)
    compute_shard(
        folder / "datasets", folder / "records", spec, folder / "cache", 1, LIMITS, PROCEDURES,
        progress_file=folder / "progress" / "shard.json",
    )  # fmt: skip
    return folder


def stored_results(folder) -> dict[str, dict]:
    """Everything in the cache by its address, failures too."""
    cache = Cache(folder / "cache")
    found = {}
    for name in cache.names():
        match = NAME.fullmatch(name)
        value = cache.read(match["address"], failed=bool(match["failed"]))[1]
        found[match["address"]] = value.get("failure", value)
    return found


def test_ledger_of_a_campaign_holds_all_of_the_cache_once(campaign):
    stored, rows = stored_results(campaign), read_table(campaign / "records" / "tasks.csv")
    assert sorted(row["digest"] for row in rows) == sorted(stored)
    assert {row["kind"] for row in rows} == {"gradients", "minima", "torsion_scans"}
    assert {row["outcome"] for row in rows} == {"success", "TBLiteRuntimeError"}
    for row in rows:
        result = stored[row["digest"]]
        attempts = result.get("attempts", [])
        assert float(row["core_seconds"]) == pytest.approx(result["cpu_seconds"], abs=6e-4)
        assert int(row["retries"]) == len(attempts)
        lost = sum(attempt["cpu_seconds"] for attempt in attempts)
        assert float(row["retry_core_seconds"]) == pytest.approx(lost, abs=6e-4)


def test_total_of_a_campaign_is_the_sum_over_the_cache(campaign):
    stored = stored_results(campaign).values()
    rows = total_ledger([campaign / "records" / "tasks.csv"])
    assert sum(row["calculations"] for row in rows) == len(stored)
    spent = sum(row["core_seconds"] for row in rows)
    assert spent == pytest.approx(sum(r["cpu_seconds"] for r in stored), abs=6e-4 * len(stored))
    assert sum(row["retries"] for row in rows) == sum(len(r.get("attempts", [])) for r in stored)
    costs = [row["core_seconds"] + row["retry_core_seconds"] for row in rows]
    assert costs == sorted(costs, reverse=True)


def test_progress_of_a_campaign_says_what_the_ledger_says(campaign):
    counts = files.read_json(campaign / "progress" / "shard.json")
    rows = total_ledger([campaign / "records" / "tasks.csv"])
    assert counts["computed"] == sum(row["calculations"] for row in rows)
    assert counts["retries"] == sum(row["retries"] for row in rows) > 0
    assert counts["cost_done"] == pytest.approx(counts["cost_total"])
    costs = [row["core_seconds"] + row["retry_core_seconds"] for row in rows]
    assert counts["core_seconds"] == pytest.approx(np.sum(costs), abs=1.2e-3 * counts["computed"])


def test_rerun_from_the_cache_writes_the_same_ledger_and_records(campaign):
    before = {path.name: path.read_bytes() for path in (campaign / "records").iterdir()}
    spec = SPEC | {"keywords": {"max-iter": 4}}
    compute_shard(
        campaign / "datasets", campaign / "again", spec, campaign / "cache", 1, LIMITS, PROCEDURES,
        progress_file=campaign / "progress" / "again.json",
    )  # fmt: skip
    assert {path.name: path.read_bytes() for path in (campaign / "again").iterdir()} == before
    assert files.read_json(campaign / "progress" / "again.json")["computed"] == 0
