"""`--sdm conda` and `--sdm apptainer`, with stand-ins for the two programs.

A stand-in makes "environments" of the tests' own Python, without what is installed there as
forceladder. So this shows which environment file each rule gets, that it is activated, and that
scripts find the library of their checkout in another Python. It does not show that a solver finds
the packages, nor that an image is built.
"""

import json
import os
import sys
import sysconfig
from pathlib import Path

import pytest

from checkout import XTB_SPEC, Checkout

pytestmark = pytest.mark.workflow

TWO = "id,smiles,split\nwater,O,train\nammonia,N,test\n"
WITH_XTB = {"qm": {"reference": XTB_SPEC, "threads": 1, "cost_per_shard": 100, "memory_mb": 500}}
TARGET = "results/tiny/models/class1/seed-0"

CONDA = """#!{python} -S
import json, shutil, subprocess, sys
from pathlib import Path
words = sys.argv[1:]
if words[:1] == ["info"]:
    print(json.dumps({{"conda_prefix": "{base}", "platform": "linux-64"}}))
elif words[:1] == ["--version"]:
    print("conda 25.1.0")
elif words[:1] == ["config"]:
    print(json.dumps({{"get": {{"channel_priority": "strict"}}}}))
elif words[:2] == ["env", "create"]:
    prefix, file = (words[words.index(word) + 1] for word in ("--prefix", "--file"))
    subprocess.run(["{python}", "-m", "venv", "--without-pip", prefix], check=True)
    shutil.copy(file, Path(prefix, "made_from.yaml"))
    (site,) = Path(prefix).glob("lib/python*/site-packages")
    # a folder named here is searched, but not its own .pth files: no installed forceladder
    (site / "others.pth").write_text("{packages}")
    (site / "sitecustomize.py").write_text(Path("{base}/sitecustomize.py").read_text())
elif words[:1] != ["clean"]:
    sys.exit(f"the stand-in has no {{words}}")
"""
ACTIVATE = 'export PATH="$1/bin:$PATH" CONDA_PREFIX="$1"\n'
# Every Python of an environment says at its end what it ran and which library it took
WITNESS = """
import atexit, json, os, sys
def witness():
    library = sys.modules.get("forceladder")
    if library and "snakemake" in sys.modules:
        row = [sys.argv[0], sys.prefix, library.__file__]
        with open("{seen}", "a") as file:
            file.write(json.dumps(row) + "\\n")
atexit.register(witness)
"""
# Runs the command where it is: no file system of an image
APPTAINER = """#!/bin/bash
if [ "$1" = --version ]; then echo "apptainer version 1.3.4"; exit; fi
echo "$@" >> {seen}
while [ "$1" != -c ]; do shift; done
exec bash -c "$2"
"""


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path.parent)


@pytest.fixture
def seen(tmp_path):
    return tmp_path / "seen"


def run_with(checkout: Checkout, programs: str, *arguments):
    path = os.pathsep.join([programs, os.environ["PATH"]])
    answer = checkout.run(*arguments, "--", TARGET, PATH=path)
    assert answer.returncode == 0, answer.stdout[-4000:]
    return answer.stdout


def test_conda_runs_each_script_in_its_environment_with_the_checkouts_library(tmp_path, seen):
    base = tmp_path / "conda"
    words = {"python": sys.executable, "base": base, "packages": sysconfig.get_path("purelib")}
    programs = program(base / "bin/conda", CONDA.format(**words))
    program(base / "bin/activate", ACTIVATE)
    (base / "sitecustomize.py").write_text(WITNESS.format(seen=seen))
    checkout = Checkout(tmp_path / "run", TWO, **WITH_XTB)
    run_with(checkout, programs, "--sdm", "conda")
    files = {path.read_text(): path.name for path in (checkout.folder / "envs").glob("*.yaml")}
    used = {}
    for script, prefix, library in map(json.loads, seen.read_text().splitlines()):
        assert library.startswith(str(checkout.folder)), library
        name = files[Path(prefix, "made_from.yaml").read_text()]
        used.setdefault(name, set()).add(Path(script).name.split(".", 1)[-1])
    assert used["fit.yaml"] == {"fit_rung.py"}
    assert {"read_molecules.py", "compute_qm.py", "build_training_set.py"} <= used["qm.yaml"]
    assert set(used) == {"qm.yaml", "fit.yaml"}


def test_apptainer_runs_every_script_in_the_image_of_the_config(tmp_path, seen):
    programs = program(tmp_path / "apptainer/apptainer", APPTAINER.format(seen=seen))
    checkout = Checkout(tmp_path / "run", TWO, **WITH_XTB, container="forceladder.sif")
    (checkout.folder / "forceladder.sif").touch()
    said = run_with(checkout, programs, "--sdm", "apptainer")
    commands = seen.read_text().splitlines()
    done = checkout.jobs_done(said)
    assert len([c for c in commands if "forceladder.sif" in c]) == sum(done.values()) >= 8


def test_without_either_both_are_ignored(tmp_path):
    checkout = Checkout(tmp_path, TWO, **WITH_XTB, container="there-is-none.sif")
    wanted = "results/tiny/molecules/c01-0000.json"
    assert checkout.run("--", wanted).returncode == 0
    assert (checkout.folder / wanted).exists()
