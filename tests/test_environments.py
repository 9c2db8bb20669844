"""The environment files hold what the code imports, at the versions that pip installs."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
HOUSE = PROJECT / "workflow/scripts/forceladder"
CONDA_NAMES = {  # import name → conda-forge name, where they differ
    "tblite": "tblite-python", "dftd3": "dftd3-python", "torch": "pytorch",
    "matplotlib": "matplotlib-base", "openff": "openff-toolkit",
    "markupsafe": "jinja2",  # comes with it
}  # fmt: skip
# Imported only if there (dgl, mace, openmmml), by Psi4's own Python, or by the Snakefile alone
OPTIONAL = {"dgl", "mace", "e3nn", "openmmml", "psi4", "protocol", "jsonschema"}
CONDA_ONLY = {"openff", "qcportal"}  # envs/openff.yaml; all else runs without them
ROOMS = {
    "qm.yaml": ["molecules", "qm", "training_set"],
    "fit.yaml": ["energy", "model", "fit", "training_set/dataset.py"],
    "md.yaml": [
        "energy",
        "model",
        "export",
        "md",
        "validate",
        "release",
        "training_set/dataset.py",
        "molecules/relaxation.py",
        "qm/hessians.py",
    ],
    "openff.yaml": [
        "openff",
        "molecules",
        "qm/datasets.py",
        "export/class1.py",
        "export/offxml.py",
        "export/openmm/evaluation.py",
        "validate/baselines.py",
        "validate/predictions.py",
        "validate/relaxations.py",
    ],
}


def imported(path: Path) -> set[str]:
    """Top-level packages that a file or the files of a folder import from outside."""
    files = path.rglob("*.py") if path.is_dir() else [path]
    names = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"forceladder"} - OPTIONAL


def conda(name: str) -> dict[str, str]:
    """Package → version of an environment file."""
    listed = yaml.safe_load((PROJECT / "envs" / name).read_text())["dependencies"]
    return {re.split("[=<>]", item)[0]: item.partition("=")[2] for item in listed}


def pinned() -> dict[str, str]:
    lines = (PROJECT / "envs/requirements.txt").read_text().splitlines()
    plain = (line.partition("#")[0].strip() for line in lines)
    pairs = (line.split("==") for line in plain if line)
    return {name: version for name, version in pairs}  # noqa: C416 - raises on an unpinned line


@pytest.mark.parametrize("name", ROOMS)
def test_environment_holds_what_its_rooms_import(name):
    needed = set().union(*(imported(HOUSE / room) for room in ROOMS[name]))
    missing = {CONDA_NAMES.get(n, n) for n in needed} - set(conda(name))
    assert not missing


def test_openff_environment_holds_every_openff_package_that_is_imported():
    """openff.toolkit, openff.qcsubmit, … are packages of their own."""
    found = set()
    for file in (HOUSE / "openff").glob("*.py"):
        found |= set(re.findall(r"^\s*from (openff\.\w+)", file.read_text(), re.MULTILINE))
    assert found >= {"openff.toolkit", "openff.qcsubmit", "openff.interchange"}
    shipped = {"openff.nagl_models": "openff.nagl"}  # comes with it
    packages = {shipped.get(name, name).replace(".", "-") for name in found}
    assert packages <= set(conda("openff.yaml"))


def test_everything_that_the_project_imports_is_pinned_for_pip():
    needed = imported(HOUSE) | imported(PROJECT / "workflow/scripts") | imported(PROJECT / "tests")
    local = {path.stem for path in (PROJECT / "tests").rglob("*.py")}
    names = {"yaml": "snakemake", "markupsafe": "jinja2"}  # come with these
    assert {names.get(n, n) for n in needed} - local - set(pinned()) - CONDA_ONLY == set()


@pytest.mark.parametrize("name", [*ROOMS, "driver.yaml"])
def test_conda_and_pip_agree_on_versions(name):
    pip = {CONDA_NAMES.get(k, k): v for k, v in pinned().items()}
    for package, version in conda(name).items():
        if package in pip and version:
            plain = [re.sub(r"^0+(?=\d)", "", part) for part in version.split(".")]
            assert pip[package].split(".")[: len(plain)] == plain, package


def test_environment_of_mace_is_that_of_fits_and_of_md_with_one_package_more():
    listed = yaml.safe_load((PROJECT / "envs/mace.yaml").read_text())["dependencies"]
    (pip,) = (item["pip"] for item in listed if isinstance(item, dict))
    plain = {item for item in listed if isinstance(item, str)} - {"pip"}
    others = (yaml.safe_load((PROJECT / f"envs/{name}.yaml").read_text()) for name in ("fit", "md"))
    assert plain == set().union(*(set(other["dependencies"]) for other in others))
    assert pip == [f"mace-torch=={pinned()['mace-torch']}"]


def test_every_rules_environment_file_exists():
    rules = "".join(path.read_text() for path in (PROJECT / "workflow/rules").glob("*.smk"))
    for name in set(re.findall(r"\.\./\.\./envs/(\S+\.yaml)", rules)):
        assert (PROJECT / "envs" / name).exists()
