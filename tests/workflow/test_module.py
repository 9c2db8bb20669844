"""Another group's workflow uses this one as a module: its folder, config and rules are its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from checkout import PROJECT, XTB_SPEC, Checkout

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
# Only what differs from the defaults, as another group would write it
SETTINGS = {
    "run": "amines",
    "molecules": {"file": "molecules.csv"},
    "geometries": {
        "candidates_per_molecule": 2, "conformers_per_molecule": 1,
        "temperatures_kelvin": [300], "frames_per_temperature": 3, "frame_interval_fs": 20,
    },
    "qm": {"reference": XTB_SPEC, "procedures": {"spot_check_fraction": 0.0}},
}  # fmt: skip
MODULE = f"""\
module forceladder:
    snakefile: "{PROJECT}/Snakefile"
    config: config["forceladder"]
"""
# Wildcards and names that forceladder has, too, with other meanings
OWN = """\
configfile: "config/theirs.yaml"

RUN = ROWS = SEEDS = "theirs"

rule all:
    input: "counted.txt", "drawn/seed-77.txt"

rule draw:
    output: "drawn/seed-{seed}.txt"
    shell: "echo {RUN} {config[samples]} > {output}"

rule count:
    input: "results/amines/training_set.nc"
    output: "counted.txt"
    script: "scripts/count.py"
"""
USE = "use rule * from forceladder as forceladder_*\n"
COUNT = """\
from pathlib import Path
import xarray
with xarray.open_dataset(snakemake.input[0]) as dataset:
    Path(snakemake.output[0]).write_text(f"{dataset.sizes['conformer']} conformers")
"""


class Theirs:
    """The workflow of another group, in a folder of its own."""

    def __init__(self, folder: Path, snakefile: str, **variables):
        self.folder, self.variables = folder, variables
        (folder / "config").mkdir(parents=True)
        (folder / "scripts").mkdir()
        (folder / "Snakefile").write_text(snakefile)
        (folder / "molecules.csv").write_text(TWO)
        (folder / "scripts/count.py").write_text(COUNT)
        self.configure(samples=["a", "b"], forceladder=SETTINGS)

    def configure(self, **config):
        (self.folder / "config/theirs.yaml").write_text(yaml.safe_dump(config))

    def run(self, *arguments) -> subprocess.CompletedProcess:
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", "--scheduler", "greedy",
             *arguments],
            cwd=self.folder, env=kept | {"OMP_NUM_THREADS": "1"} | self.variables,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        )  # fmt: skip


def on_disk(folder: Path) -> tuple[str, dict]:
    return f'"{PROJECT}/Snakefile"', {}


def on_github(folder: Path) -> tuple[str, dict]:
    """A tag of a repository that git finds here where it would ask GitHub."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    work = folder / "work"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("workflow", "config", "envs"):
        shutil.copytree(PROJECT / name, work / name, ignore=ignored)
    shutil.copy(PROJECT / "Snakefile", work)
    named = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    named |= {"GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": os.devnull}
    for words in ("init -q", "add .", "commit -q -m a", "tag v1.0.0"):
        subprocess.run(["git", *words.split()], cwd=work, env=os.environ | named, check=True)
    bare = folder / "repositories/lab/forceladder"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    variables = {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": "https://github.com/",
        "GIT_CONFIG_KEY_0": f"url.file://{folder}/repositories/.insteadOf",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }  # fmt: skip
    return 'github("lab/forceladder", path="Snakefile", tag="v1.0.0")', variables


@pytest.mark.parametrize("place", [on_disk, on_github])
def test_their_rule_reads_our_training_set(tmp_path, place):
    """From the molecules to it, on the defaults of all that their config does not say."""
    snakefile, variables = place(tmp_path)
    module = MODULE.replace(f'"{PROJECT}/Snakefile"', snakefile)
    plans = "onstart:\n    forceladder.write_plans()\n"
    theirs = Theirs(tmp_path / "theirs", OWN + module + USE + plans, **variables)
    answer = theirs.run()
    assert answer.returncode == 0, answer.stdout[-3000:]
    assert (theirs.folder / "counted.txt").read_text() == "8 conformers"
    assert (theirs.folder / "drawn/seed-77.txt").read_text() == "theirs a b\n"
    results = theirs.folder / "results/amines"
    assert not (results / "models").exists(), "their default target is theirs"
    assert (results / f"qm/{XTB_SPEC}/progress/plan.json").exists()
    assert "Nothing to be done" in theirs.run().stdout
    report = theirs.run("--report", "report.html")
    assert report.returncode == 0, report.stdout[-3000:]


def test_a_resource_is_overridden_by_use_rule_with(tmp_path):
    changed = (
        "use rule fit_rung from forceladder as forceladder_fit_rung with:\n"
        "    resources: mem_mb=1234, runtime=7\n"
    )
    theirs = Theirs(tmp_path / "theirs", OWN + MODULE + USE + changed)
    said = theirs.run("--dry-run", "results/amines/models/class1/seed-0").stdout
    job = said.split("rule forceladder_fit_rung:")[1].split("\n\n")[0]
    assert "mem_mb=1234" in job and "runtime=7" in job


def test_rules_keep_their_names_where_none_is_given(tmp_path):
    theirs = Theirs(tmp_path / "theirs", OWN + MODULE + "use rule * from forceladder exclude all\n")
    said = theirs.run("--dry-run").stdout
    assert "rule build_training_set:" in said and "rule fit_rung:" not in said


def test_two_modules_are_two_runs(tmp_path):
    text = 'configfile: "config/theirs.yaml"\n'
    for name in ("one", "two"):
        text += (
            f'module {name}:\n    snakefile: "{PROJECT}/Snakefile"\n    config: config["{name}"]\n'
            f"use rule * from {name} as {name}_*\n"
        )
    theirs = Theirs(tmp_path / "theirs", text)
    theirs.configure(one=SETTINGS | {"run": "one"}, two=SETTINGS | {"run": "two"})
    targets = [f"results/{run}/training_set.nc" for run in ("one", "two")]
    said = theirs.run("--dry-run", *targets).stdout
    assert "rule one_build_training_set:" in said and "rule two_build_training_set:" in said


def test_their_rule_makes_the_molecules_in_a_run_before(tmp_path):
    """The table is read when the workflow is planned, so there is none to plan with at first."""
    guarded = "from pathlib import Path\nif Path('molecules.csv').exists():\n"
    guarded += "".join(f"    {line}\n" for line in (MODULE + USE).splitlines())
    make = 'rule make:\n    output: "molecules.csv"\n    shell: "cp listed.csv {output}"\n'
    theirs = Theirs(tmp_path / "theirs", OWN + make + guarded)
    (theirs.folder / "molecules.csv").rename(theirs.folder / "listed.csv")
    first = theirs.run("molecules.csv")
    assert first.returncode == 0, first.stdout[-3000:]
    assert "rule forceladder_build_training_set:" in theirs.run("--dry-run").stdout


def sentence_of(theirs: Theirs) -> str:
    answer = theirs.run("--dry-run")
    assert answer.returncode != 0
    return answer.stdout


def test_a_missing_molecule_file_is_named(tmp_path):
    theirs = Theirs(tmp_path / "theirs", OWN + MODULE + USE)
    (theirs.folder / "molecules.csv").unlink()
    assert "molecules.file molecules.csv cannot be read" in sentence_of(theirs)


def test_a_misspelt_key_of_their_config_is_named(tmp_path):
    theirs = Theirs(tmp_path / "theirs", OWN + MODULE + USE)
    theirs.configure(samples=[], forceladder=SETTINGS | {"md": {"nve_picoseconds": 1}})
    assert "unknown key md.nve_picoseconds" in sentence_of(theirs)


def test_a_prefix_is_refused_with_the_way_that_works(tmp_path):
    theirs = Theirs(tmp_path / "theirs", OWN + MODULE + '    prefix: "elsewhere"\n' + USE)
    said = sentence_of(theirs)
    assert "forceladder works without prefix:" in said and "results/{run}/" in said


def test_the_snakefile_of_the_catalog_is_the_same_workflow(tmp_path):
    checkout = Checkout(tmp_path, TWO)
    planned = checkout.planned()
    assert planned["assemble_release"] == 1
    assert checkout.planned("--snakefile", "workflow/Snakefile") == planned
