"""The environment files hold what the code imports, at the versions that pip installs."""

import ast
import re
import subprocess
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
    ours = [*(PROJECT / "tests").rglob("*.py"), *(PROJECT / "workflow/scripts").glob("*.py")]
    local = {path.stem for path in ours}
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


def test_channels_are_the_same_everywhere():
    """bioconda has Snakemake; nothing comes from Anaconda's own channel."""
    for path in (PROJECT / "envs").glob("*.yaml"):
        bioconda = ["bioconda"] if path.name == "driver.yaml" else []
        channels = yaml.safe_load(path.read_text())["channels"]
        assert channels == ["conda-forge", *bioconda, "nodefaults"], path.name


def test_one_package_has_one_version_in_all_environments():
    """What openff.yaml leaves open is the OpenFF packages' to choose."""
    found = {}
    for name in (*ROOMS, "driver.yaml"):
        for package, version in conda(name).items():
            found.setdefault(package, set()).add(version)
    # 3.11 is a series and 3.11.2 one of it
    for package, versions in found.items():
        longest = max(versions, key=len)
        assert all(longest.startswith(version) for version in versions), (package, versions)


def rules_of_the_workflow() -> dict[str, str]:
    """Rule → its text."""
    text = "\n".join(path.read_text() for path in (PROJECT / "workflow/rules").glob("*.smk"))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def at_import(path: Path) -> set[str]:
    """Packages from outside that importing a file brings, with all files of the house behind it."""
    outside, todo, seen = set(), [path], set()
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                if name.split(".")[0] == "forceladder":
                    todo += house_files(name)
                else:
                    outside.add(name.split(".")[0])
    return outside - set(sys.stdlib_module_names) - OPTIONAL


def house_files(name: str) -> list[Path]:
    """The files that `import name` runs: packages on the way and the module, not its attribute."""
    parts, found = name.split(".")[1:], [HOUSE / "__init__.py"]
    for n in range(1, len(parts) + 1):
        place = HOUSE.joinpath(*parts[:n])
        found += [
            file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()
        ]
    return found


@pytest.mark.parametrize("rule", rules_of_the_workflow())
def test_every_rule_has_an_environment_that_its_script_starts_in(rule):
    """Methods of which each has its own environment (methods.smk) start in all of them."""
    (conda_of_rule,) = re.findall(
        r"^    conda:\n((?: {8}.*\n)+)", rules_of_the_workflow()[rule], re.M
    )
    names = re.findall(r"envs/(\w+\.yaml)", conda_of_rule)
    if not names:
        assert re.search(r"method_env|all_methods_env", conda_of_rule)
        names = ["md.yaml", "openff.yaml"]
    needed = {CONDA_NAMES.get(n, n) for n in at_import(PROJECT / f"workflow/scripts/{rule}.py")}
    needed -= {"yaml", "snakemake"}
    for name in set(names) - {"mace.yaml"}:  # fit.yaml, md.yaml and a package more
        assert needed <= set(conda(name)), name


def test_the_snakefile_is_parsed_with_what_the_drivers_environment_brings():
    """All else is hidden: Snakemake's own needs, and no more than those, are there."""
    hidden = sorted({CONDA_PACKAGE.get(n, n) for n in conda_only_for_jobs()})
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({hidden!r}))\n"
        "from snakemake.cli import main\n"
        "main(['--dry-run', '--quiet', 'all', '--configfile', 'config/quickstart.yaml'])\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr[-2000:]


CONDA_PACKAGE = {conda_name: name for name, conda_name in CONDA_NAMES.items()}


def conda_only_for_jobs() -> set[str]:
    """What jobs' environments name; the Slurm plugin brings numpy, and any environment Python."""
    of_jobs = set().union(*(conda(name) for name in ("qm.yaml", "fit.yaml", "md.yaml")))
    return of_jobs - set(conda("driver.yaml")) - {"numpy", "jinja2"}  # Snakemake's own


def test_the_image_holds_what_make_setup_installs_and_no_list_of_its_own():
    text = (PROJECT / "envs/apptainer.def").read_text()
    sections = dict(
        zip(*[iter(re.split(r"^%(\w+)\n", text, flags=re.MULTILINE)[1:])] * 2, strict=True)
    )
    copied = [line.split()[0] for line in sections["files"].splitlines() if line.strip()]
    assert all((PROJECT / path).exists() for path in copied)
    assert {"envs", "pyproject.toml"} <= set(copied), "what envs/setup.sh reads"
    assert "bash envs/setup.sh" in sections["post"]
    assert not re.search(r"pip install|==", sections["post"])
    assert "uninstall --quiet --yes forceladder" in sections["post"], "jobs bring their checkout's"
    assert "From: debian:12" in text, "which has the Python 3.11 that requirements.txt is for"


def test_the_workflow_catalog_finds_what_it_asks_for():
    """Its generator looks for workflow/Snakefile where there is a folder workflow/."""
    usage = yaml.safe_load((PROJECT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    deployment = usage["software-stack-deployment"]
    assert deployment["conda"] and deployment["apptainer"] and deployment["report"]
    assert (PROJECT / "workflow/Snakefile").exists()
    assert any((PROJECT / "workflow/report").glob("*.rst"))
    schema = yaml.safe_load((PROJECT / "workflow/schemas/config.schema.yaml").read_text())
    said = (PROJECT / "config/README.md").read_text()
    sections = set(yaml.safe_load((PROJECT / "config/config.yaml").read_text()))
    assert sections <= set(schema["properties"])
    assert {name for name in sections if f"`{name}`" not in said} == set()
    overlays = {path.name for path in (PROJECT / "config").glob("*.yaml")} - {"config.yaml"}
    assert {name for name in overlays if f"`{name}`" not in said} == set()
    readme = (PROJECT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
