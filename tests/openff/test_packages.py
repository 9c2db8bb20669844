"""Without the OpenFF packages the room imports, and its doors say what to install."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import SCRIPTS
from forceladder.errors import MissingProgramError
from forceladder.openff.packages import is_installed, openff_needed

ROOM = SCRIPTS / "forceladder" / "openff"

# An interpreter in which none of them can be imported, whether they are installed or not
WITHOUT = """
import sys
sys.path.insert(0, sys.argv[1])

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("openff", "qcportal"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
"""
METHANE = (
    'dict(id="x", mapped_smiles="[C:1]([H:2])([H:3])([H:4])[H:5]", smiles="C", formula="CH4",'
    ' inchikey="VNWKTOKETHGBQD-UHFFFAOYSA-N", net_charge=0, multiplicity=1)'
)
GEOMETRY = 'dict(positions=[[0.0] * 3] * 5, kind="conformer", temperature=0.0)'
SPEC = 'dict(engine="gfn2-xtb", method="gfn2-xtb")'
DOORS = {
    "datasets": f"gradient_dataset({METHANE}, [{GEOMETRY}], 'xtb', {SPEC})",
    "read": "read_dataset('dataset.json')",
    "qcarchive": "list(pull_results('collection.json', 'cache'))",
    "sage": "sage_system(Chem.AddHs(Chem.MolFromSmiles('C')), 0)",
    "conversion": f"openff_molecule({METHANE})",
}


def run(code: str) -> subprocess.CompletedProcess:
    arguments = [sys.executable, "-c", WITHOUT + code, str(SCRIPTS)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def test_the_room_imports_without_them():
    names = sorted(path.stem for path in ROOM.glob("*.py"))
    answer = run("\n".join(f"import forceladder.openff.{name}" for name in names))
    assert answer.returncode == 0, answer.stderr
    assert {"datasets", "read", "qcarchive", "records", "sage"} <= set(names)


@pytest.mark.parametrize("module", DOORS)
def test_every_door_says_what_to_install(module):
    answer = run(
        "from rdkit import Chem\n"
        "from forceladder.errors import MissingProgramError\n"
        f"from forceladder.openff.{module} import *\n"
        f"try:\n    {DOORS[module]}\n"
        "except MissingProgramError as error:\n    print(error)\n"
    )
    assert "is not installed here" in answer.stdout, answer.stderr
    assert "conda env create -f envs/openff.yaml" in answer.stdout


def test_who_asks_for_sage_without_its_packages_is_told_what_to_install():
    answer = run(
        "from forceladder.errors import MissingProgramError\n"
        "from forceladder.validate.baselines import OPENFF_SAGE, require_baseline\n"
        "require_baseline('MMFF94')\n"
        "try:\n    require_baseline(OPENFF_SAGE)\n"
        "except MissingProgramError as error:\n    print(error)\n"
    )
    assert "asks for OpenFF Sage 2.3.0: the package openff" in answer.stdout, answer.stderr
    assert "envs/openff.yaml" in answer.stdout


def test_only_missing_packages_are_turned_into_that_sentence():
    sentence = pytest.raises(MissingProgramError, match="the package no_such_package is not")
    with sentence, openff_needed():
        importlib.import_module("no_such_package")
    with pytest.raises(ZeroDivisionError), openff_needed():
        1 / 0  # noqa: B018


def test_the_environment_file_that_is_named_is_there():
    assert Path(SCRIPTS, "../../envs/openff.yaml").resolve().exists()
    assert is_installed("numpy") and not is_installed("numpy.no_such_part")
    assert not is_installed("no_such_package.part")
