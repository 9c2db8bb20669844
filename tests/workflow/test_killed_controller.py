"""kill -9 of Snakemake itself: its jobs go on as orphans, and the next run does not meddle."""

import signal

import psutil
import pytest

from checkout import PSI4_SPEC, Checkout, wait_until

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
# Psi4 takes a second a calculation; a job of xtb's, of milliseconds, is over before it is killed
SETTINGS = {
    "qm": {"reference": PSI4_SPEC, "threads": 1, "cost_per_shard": 100, "memory_mb": 1000},
    "rungs": {
        "class1": {
            "network": {"width": 16, "layers": 1, "torsion_orders": 2},
            "training": {"epochs": 300, "evaluate_every": 10, "checkpoint_every": 10},
        }
    },
}
# what is killed in the midst of: script, target, a sign that it is in the midst
QM = ("compute_qm", f"results/tiny/qm/{PSI4_SPEC}/verdicts.csv", "qm_cache/*/*.json.xz")
FIT = (
    "fit_rung", "results/tiny/models/class1/seed-0", "results/tiny/checkpoints/class1/seed-0.pt"
)  # fmt: skip


@pytest.fixture
def checkout(tmp_path):
    yield Checkout(tmp_path, TWO, **SETTINGS)
    for process in psutil.process_iter(["cwd"]):  # where a test failed with one standing still
        if process.info["cwd"] == str(tmp_path):
            process.kill()


def orphan_of(checkout, script, target, sign) -> psutil.Process:
    """Start a run, kill its controller with a job half done; the job stands still."""
    process = checkout.start("--cores", "1", target)
    wait_until(lambda: list(checkout.folder.glob(sign)))
    orphan = checkout.job(script)
    orphan.suspend()
    process.kill()
    process.wait()
    assert orphan.status() == psutil.STATUS_STOPPED
    return orphan


@pytest.mark.parametrize("script, target, sign", [QM, FIT], ids=["QM", "fit"])
def test_the_next_run_waits_for_the_orphan_and_takes_what_it_made(checkout, script, target, sign):
    orphan = orphan_of(checkout, script, target, sign)
    refused = checkout.run(target)
    assert refused.returncode != 0
    assert "is still locked by a run that was killed" in refused.stdout
    assert f"{script} (process {orphan.pid})" in refused.stdout
    assert "snakemake --unlock" in refused.stdout and "Traceback" not in refused.stdout

    checkout.run("--unlock")
    twin = checkout.start("--cores", "1", target)
    waiting = f"waiting for process {orphan.pid}"
    lines = iter(twin.stdout.readline, "")
    assert any(waiting in line for line in lines), "the twin did not wait"
    orphan.resume()
    output, _ = twin.communicate(timeout=180)
    assert twin.returncode == 0, output[-3000:]
    assert "the process that was waited for has done this very work" in output
    assert not checkout.planned(target)


def test_an_orphan_that_dies_too_is_carried_on_from_where_it_was(checkout):
    _, target, _ = QM
    orphan = orphan_of(checkout, *QM)
    stamps = {path: path.stat().st_mtime_ns for path in checkout.folder.glob("qm_cache/*/*.xz")}
    checkout.run("--unlock")
    twin = checkout.start("--cores", "1", target)
    lines = iter(twin.stdout.readline, "")
    assert any("waiting for process" in line for line in lines)
    orphan.send_signal(signal.SIGKILL)
    output, _ = twin.communicate(timeout=180)
    assert twin.returncode == 0, output[-3000:]
    log = checkout.results / f"logs/compute_qm/{PSI4_SPEC}/c01-0000.log"
    assert f"({len(stamps)} from the cache)" in log.read_text()
    # what was computed before was not computed again
    assert stamps and all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
