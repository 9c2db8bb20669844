"""The workflow on a real Slurm: jobs are cancelled, outgrow their memory, lose their controller.

Nothing here stands in for anything: slurmctld, slurmd and munged run, jobs are submitted by
sbatch, and the profile is the project's own with a site's partitions beside it.
"""

import re
import signal

import pytest
import yaml

from checkout import XTB_SPEC, Checkout
from cluster import ClusterRun

pytestmark = pytest.mark.workflow

MOLECULES = "id,smiles,split\nwater,O,train\nmethanol,CO,train\nformaldehyde,C=O,test\n"
WITH_XTB = {"qm": {"reference": XTB_SPEC, "threads": 1, "cost_per_shard": 1, "memory_mb": 500}}
VERDICTS = f"results/tiny/qm/{XTB_SPEC}/verdicts.csv"


@pytest.fixture
def checkout(tmp_path):
    """The tiny run with fewer methods: each is seven jobs, of 5 s at least."""
    made = Checkout(tmp_path, MOLECULES, **WITH_XTB)
    path = made.folder / "tiny.yaml"
    settings = yaml.safe_load(path.read_text())
    del settings["rungs"]["bespoke"]
    settings["waivers"] = [w for w in settings["waivers"] if w["rung"] != "bespoke"]
    settings["validation"]["baselines"] = ["MMFF94"]
    path.write_text(yaml.safe_dump(settings))
    return made


def test_a_run_outlives_a_cancelled_job_too_little_memory_and_a_restarted_controller(
    slurm, checkout
):
    run = ClusterRun(
        slurm, checkout,
        "--config", "max_mem_mb=16000", "max_runtime_minutes=2880", "gpus=1",
        "--set-resources", "predict_method:mem_mb=200 * 4 ** (attempt - 1)",
    )  # fmt: skip
    # one of the shards, as its calculations come in
    victim = run.wait_for(lambda: checkout.cached() and run.running("shard"))[0]
    slurm.call("scancel", str(victim.number))
    computed = stamps(checkout)
    run.wait_for(lambda: run.running("fit_rung"))
    slurm.restart_controller(45)
    assert run.end() == 0, run.output[-5000:]
    assert "will be asked about again" in run.output

    submitted = run.submissions()
    of = lambda what: [s for s in submitted if what in s.what]  # noqa: E731
    assert next(s for s in submitted if s.number == victim.number).state == "CANCELLED"
    # all steps of a shard are one submission, and one was made again
    shards = len(list((checkout.results / "molecules").glob("c*.json")))
    assert len(of("shard")) == shards + 1
    assert [s.state for s in of("shard")].count("COMPLETED") == shards
    # each rung was killed for its memory (a baseline needs none of torch), and asked for more:
    # 200 MB do not hold what a job imports, so that it is over them for seconds, and seen to be
    predicted = [s for s in of("predict_method") if "MMFF94" not in s.what]
    enough = [s for s in predicted if s.state == "COMPLETED"]
    killed = [s for s in predicted if s.state != "COMPLETED"]
    assert len(enough) == 4 and len(killed) >= 4
    assert {s.memory for s in killed} <= {"200M", "800M"}
    assert min(megabytes(s) for s in enough) > 200
    assert {s.partition for s in of("fit_rung")} == {"gpu"}
    assert {s.partition for s in submitted if "fit_rung" not in s.what} == {"cpu"}
    # nothing lost, and nothing computed twice
    assert computed.items() <= stamps(checkout).items()
    logs = (checkout.results / "logs/compute_qm").rglob("*.log")
    said = [re.search(r"(\d+) calculations done", path.read_text()) for path in logs]
    assert sum(int(found.group(1)) for found in said) == len(checkout.cached())
    assert checkout.release.is_dir()
    assert checkout.forceladder("verify", checkout.release).returncode == 0
    assert not list((checkout.folder / ".snakemake/incomplete").iterdir())


def stamps(checkout) -> dict:
    """When each result in the cache was written."""
    return {path: path.stat().st_mtime_ns for path in (checkout.folder / "qm_cache").rglob("*.xz")}


def megabytes(submission) -> int:
    size, unit = re.fullmatch(r"(\d+)([MG])", submission.memory).groups()
    return int(size) * {"M": 1, "G": 1024}[unit]


def test_jobs_of_a_killed_snakemake_go_on_and_the_next_one_takes_what_they_did(slurm, checkout):
    run = ClusterRun(slurm, checkout, "--", VERDICTS)
    run.wait_for(lambda: checkout.cached() and run.running("shard"))
    run.process.kill()
    run.process.wait()
    name = run.name

    def ended():
        left = slurm.submissions("--name", name)
        return all(s.state in ("COMPLETED", "FAILED", "CANCELLED") for s in left)

    again = ClusterRun(slurm, checkout, "--", VERDICTS)
    assert again.end(120) != 0
    assert "--unlock" in again.output
    while not ended():
        pass
    unlock = ClusterRun(slurm, checkout, "--unlock")
    assert unlock.end(120) == 0, unlock.output
    computed = stamps(checkout)
    again = ClusterRun(slurm, checkout, "--", VERDICTS)
    assert again.end() == 0, again.output[-3000:]
    assert computed.items() <= stamps(checkout).items()


def test_an_interrupt_cancels_what_was_submitted(slurm, checkout):
    run = ClusterRun(slurm, checkout, "--", VERDICTS)
    run.wait_for(lambda: run.running(""))
    run.process.send_signal(signal.SIGINT)
    assert run.end(120) != 0
    assert {s.state for s in run.submissions()} <= {"CANCELLED", "COMPLETED", "COMPLETING"}


def test_a_request_that_no_node_can_meet_ends_the_run_with_slurms_own_words(slurm, checkout):
    huge = ("--retries", "0", "--set-resources", "find_engine:mem_mb=999999999")
    run = ClusterRun(slurm, checkout, *huge, "--", f"results/tiny/qm/{XTB_SPEC}/engine.json")
    assert run.end(120) != 0
    assert "sbatch" in run.output and "configuration is not available" in run.output
