"""One run per working directory; what only looks is let in, who is not is told why."""

import re
import signal
import subprocess

import pytest

from checkout import Checkout, wait_until

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
FIRST, DISJOINT = "results/tiny/molecules.csv", "results/tiny/qm/gfn2-xtb/engine.json"


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path, TWO)


@pytest.fixture
def paused(checkout):
    """A run under way whose controller stands still until the test lets it go on."""
    process = checkout.start("--cores", "1", FIRST)
    wait_until(lambda: list((checkout.folder / ".snakemake/locks").glob("*.lock")))
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("target", [FIRST, DISJOINT])
def test_second_run_is_refused_with_a_sentence_and_the_first_ends_well(checkout, paused, target):
    locks = {path.name for path in (checkout.folder / ".snakemake/locks").iterdir()}
    answer = checkout.run(target)
    assert answer.returncode != 0
    assert f"a run is under way in {checkout.folder}: process {paused.pid} of" in answer.stdout
    assert "wait for its end, or stop it" in answer.stdout and "Traceback" not in answer.stdout
    assert {path.name for path in (checkout.folder / ".snakemake/locks").iterdir()} == locks
    paused.send_signal(signal.SIGCONT)
    output, _ = paused.communicate(timeout=120)
    assert paused.returncode == 0, output[-3000:]
    assert checkout.run(target).returncode == 0


def test_what_only_looks_is_let_in_beside_a_run(checkout, paused):
    for looking in ("--dry-run", "--summary"):
        answer = checkout.run(looking, FIRST)
        assert answer.returncode == 0, answer.stdout[-3000:]
        assert "under way" not in answer.stdout


def test_the_command_that_the_sentence_names_stops_the_run_and_its_jobs(tmp_path):
    checkout = Checkout(tmp_path, TWO, geometries={"frames_per_temperature": 20_000})
    geometries = "results/tiny/geometries/c01-0000"
    command = ["env", "--default-signal=INT", *checkout.command("--cores", "1", "--", geometries)]
    run = subprocess.Popen(
        command, cwd=checkout.folder, env=checkout.environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    job = checkout.job("generate_geometries")
    said = checkout.run(FIRST).stdout
    subprocess.run(re.search("`(kill -INT [^`]+)`", said).group(1), shell=True, check=True)
    run.communicate(timeout=60)
    assert run.returncode != 0 and not job.is_running()
    assert not list((checkout.folder / ".snakemake/locks").glob("*.lock"))
    assert checkout.run("--", DISJOINT).returncode == 0
