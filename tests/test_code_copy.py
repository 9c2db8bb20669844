"""The copy of the code that a run's jobs keep to."""

import json
import os
import subprocess
import sys
import time

import pytest

from conftest import SCRIPTS
from forceladder.code_copy import COMMIT, keep_code


@pytest.fixture
def scripts(tmp_path):
    """A folder of code, as small as one can be, with what Python leaves behind in it."""
    folder = tmp_path / "scripts"
    (folder / "library/__pycache__").mkdir(parents=True)
    (folder / "library/__pycache__/module.pyc").write_bytes(b"compiled")
    (folder / "library/module.py").write_text("value = 1\n")
    (folder / "library/table.csv").write_text("a,b\n")
    (folder / "run_it.py").write_text("print(1)\n")
    return folder


def names(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_copy_holds_all_code_and_data_and_nothing_else(scripts, tmp_path):
    copy = keep_code(scripts, tmp_path / "copies")
    assert names(copy) == {"library/module.py", "library/table.csv", "run_it.py", COMMIT}


def test_an_edit_makes_another_copy_and_its_undoing_finds_the_first_again(scripts, tmp_path):
    first = keep_code(scripts, tmp_path / "copies")
    (scripts / "library/module.py").write_text("value = 2\n")
    second = keep_code(scripts, tmp_path / "copies")
    assert (first / "library/module.py").read_text() == "value = 1\n"
    assert (second / "library/module.py").read_text() == "value = 2\n"
    (scripts / "library/module.py").write_text("value = 1\n")
    assert keep_code(scripts, tmp_path / "copies") == first


def test_touching_a_script_changes_neither_the_copy_nor_its_time_stamp(scripts, tmp_path):
    copy = keep_code(scripts, tmp_path / "copies")
    stamp = (copy / "run_it.py").stat().st_mtime
    os.utime(scripts / "run_it.py")
    assert keep_code(scripts, tmp_path / "copies") == copy
    assert (copy / "run_it.py").stat().st_mtime == stamp < time.time() - 1e6


def test_a_damaged_copy_is_replaced(scripts, tmp_path):
    copy = keep_code(scripts, tmp_path / "copies")
    (copy / "library/module.py").write_text("val")  # cut off
    (copy / "run_it.py").unlink()
    assert keep_code(scripts, tmp_path / "copies") == copy
    assert (copy / "library/module.py").read_text() == "value = 1\n"
    assert (copy / "run_it.py").exists()
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_what_python_compiles_in_a_copy_does_not_count_as_damage(scripts, tmp_path):
    copy = keep_code(scripts, tmp_path / "copies")
    compiled = copy / "library/__pycache__"
    compiled.mkdir()
    assert keep_code(scripts, tmp_path / "copies") == copy and compiled.exists()


def test_copies_unused_for_long_go_and_used_ones_stay(scripts, tmp_path):
    first = keep_code(scripts, tmp_path / "copies")
    (scripts / "run_it.py").write_text("print(2)\n")
    second = keep_code(scripts, tmp_path / "copies")
    long_ago = time.time() - 100 * 86400
    for copy in (first, second):
        os.utime(copy, (long_ago, long_ago))
    assert keep_code(scripts, tmp_path / "copies") == second
    assert second.exists() and not first.exists()


def test_runs_that_start_at_once_agree_on_one_copy(scripts, tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r});"
        "from forceladder.code_copy import keep_code; print(keep_code(*sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, str(scripts), str(tmp_path / "copies")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    answers = {run.communicate(timeout=60)[0] for run in runs}
    assert len(answers) == 1 and all(run.returncode == 0 for run in runs)
    assert len(list((tmp_path / "copies").iterdir())) == 1


def test_commit_is_that_of_the_original_not_of_where_the_copy_lies(scripts, tmp_path):
    def git(folder, *arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *identity, "-C", str(folder), *arguments],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    other = tmp_path / "results of another repository"
    other.mkdir()
    for folder in (scripts, other):
        git(folder, "init", "-q")
        (folder / "note.txt").write_text(str(folder))
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "first")
    copy = keep_code(scripts, other / "copies")
    commit = git(scripts, "rev-parse", "HEAD")
    assert json.loads((copy / COMMIT).read_text()) == {"commit": commit, "modified": False}
    (scripts / "note.txt").write_text("changed")
    again = json.loads((keep_code(scripts, other / "copies") / COMMIT).read_text())
    assert again == {"commit": commit, "modified": True}


def test_a_copy_of_the_library_says_where_it_came_from(tmp_path):
    copy = keep_code(SCRIPTS, tmp_path)
    program = "from forceladder.provenance import code_commit; print(code_commit()['commit'])"
    answer = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(copy)}, cwd=tmp_path,
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert answer == str(json.loads((copy / COMMIT).read_text())["commit"])
