"""Jobs on other machines parse the workflow again: they keep to what their run began with.

The plugin `cluster-generic` with a submit command that begins the job in the background,
as a batch system would.
"""

import signal

import psutil
import pytest

from checkout import Checkout, wait_until

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
LISTED = "results/tiny/molecules.csv"
SUBMIT = '#!/bin/sh\nnohup sh "$1" > job-$$.out 2>&1 &\necho $!\n'


class Cluster(Checkout):
    def command(self, *arguments):
        submit = self.folder / "submit.sh"
        submit.write_text(SUBMIT)
        submit.chmod(0o755)
        return super().command(
            "--executor", "cluster-generic", "--cluster-generic-submit-cmd", submit, "--jobs", "2",
            "--latency-wait", "20", "--seconds-between-status-checks", "1", *arguments,
        )  # fmt: skip


@pytest.fixture
def cluster(tmp_path):
    yield Cluster(tmp_path, TWO)
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] == str(tmp_path):
            process.kill()


def begun(cluster, *arguments):
    """A run whose first job is done and whose controller stands still."""
    process = cluster.start(*arguments)
    wait_until(lambda: (cluster.results / "molecules/c01-0000.json").exists())
    process.send_signal(signal.SIGSTOP)
    return process


def test_remote_jobs_keep_the_code_and_are_no_second_run(cluster):
    process = begun(cluster, LISTED)
    script = cluster.folder / "workflow/scripts/list_molecules.py"
    text = script.read_text()
    script.write_text("raise RuntimeError('edited in mid-run')\n")
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output[-3000:]
    assert len(list((cluster.folder / ".snakemake/forceladder/code").iterdir())) == 1
    script.write_text(text)  # what the output was made with is on record
    assert not cluster.planned(LISTED)


@pytest.mark.parametrize("what", ["config", "rules"])
def test_remote_job_refuses_an_edit_of_what_the_run_was_planned_from(cluster, what):
    process = begun(cluster, LISTED)
    if what == "config":
        named = "geometries.conformers_per_molecule"
        cluster.configure(geometries={"conformers_per_molecule": 2})
    else:
        named = "workflow/rules/fit.smk"
        with open(cluster.folder / named, "a") as file:
            file.write("# another\n")
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=200)
    assert process.returncode != 0
    said = "".join(path.read_text() for path in cluster.folder.glob("job-*.out"))
    assert f"{named} changed since this run began; undo that" in said, said[-3000:]
    assert "Traceback" not in said
    assert not (cluster.folder / LISTED).exists()
