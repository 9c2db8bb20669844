"""An edit while jobs run: they keep the code that their run began with; the next takes it up."""

import os

import pytest

from checkout import XTB_SPEC, Checkout, wait_until

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
WITH_XTB = {"qm": {"reference": XTB_SPEC, "threads": 1, "cost_per_shard": 100, "memory_mb": 500}}
LISTED = "results/tiny/molecules.csv"


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path, TWO, **WITH_XTB)


def test_library_and_script_edited_in_mid_run_count_from_the_next_run_on(checkout):
    scripts = checkout.folder / "workflow/scripts"
    edited = [scripts / "forceladder/molecules/read.py", scripts / "list_molecules.py"]
    texts = [path.read_text() for path in edited]
    process = checkout.start("--cores", "1", LISTED)
    wait_until(lambda: (checkout.results / "molecules/c01-0000.json").exists())
    for path in edited:  # both are read by jobs that have not begun
        path.write_text("raise RuntimeError('edited in mid-run')\n")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output[-3000:]
    assert checkout.jobs_done(output)["list_molecules"] == 1
    # what they were made with is on record: undone, the edit costs nothing; kept, it reruns
    for path, text in zip(edited, texts, strict=True):
        path.write_text(text)
    assert not checkout.planned(LISTED)
    edited[1].write_text(texts[1] + "# another\n")
    assert checkout.planned(LISTED) == {"list_molecules": 1}
    answer = checkout.run(LISTED)
    assert checkout.jobs_done(answer.stdout) == {"list_molecules": 1}, answer.stdout[-3000:]
    assert not checkout.planned(LISTED)


def test_a_script_with_a_new_time_stamp_reruns_nothing(checkout):
    """As `git checkout` leaves them."""
    assert checkout.run(LISTED).returncode == 0
    for path in (checkout.folder / "workflow/scripts").rglob("*.py"):
        os.utime(path)
    assert not checkout.planned(LISTED)


def test_a_run_with_its_results_elsewhere_has_its_code_there(checkout, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("molecules.csv", "tiny.yaml"):
        (elsewhere / name).write_text((checkout.folder / name).read_text())
    snakefile = checkout.folder / "Snakefile"
    answer = checkout.run("--snakefile", snakefile, "--directory", elsewhere, LISTED)
    assert (elsewhere / LISTED).exists(), answer.stdout[-3000:]
    (copy,) = (elsewhere / ".snakemake/forceladder/code").iterdir()
    assert (copy / "list_molecules.py").exists()
    assert not (checkout.folder / ".snakemake/forceladder").exists()
