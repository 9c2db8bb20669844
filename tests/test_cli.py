"""The `forceladder cache` command: what it prints, and exit codes that a script can trust."""

import subprocess
import sys

import pytest

from conftest import SCRIPTS
from forceladder import job
from forceladder.cli import main
from forceladder.provenance import digest
from forceladder.qm.cache import Cache
from forceladder.qm.ledger import TASK_COLUMNS
from forceladder.tables import write_table

RESULT = {"success": True, "energy": -76.4, "gradient": [0.1, -0.2, 1e-17]}
FAILURE = {"success": False, "error_type": "SCFConvergenceError", "error_message": "no"}
ADDRESSES = [digest(task) for task in range(5)]


@pytest.fixture(autouse=True)
def quiet_logging():
    yield
    job.log.handlers.clear()
    job.log.propagate = True


@pytest.fixture
def cache(tmp_path) -> Cache:
    cache = Cache(tmp_path / "cache")
    for address in ADDRESSES[:4]:
        cache.put(address, RESULT)
    cache.put_failure(ADDRESSES[4], digest("effort"), FAILURE)
    return cache


def cli(*words) -> int:
    return main(["cache", *map(str, words)])


def test_cache_goes_into_an_archive_and_comes_out_again(tmp_path, cache, capsys):
    assert cli("export", cache.folder, tmp_path / "a.tar") == 0
    assert "5 entries (1 of them failures)" in capsys.readouterr().out
    assert cli("import", tmp_path / "a.tar", tmp_path / "new") == 0
    assert "5 entries added, 0 were there before" in capsys.readouterr().out
    assert cli("merge", cache.folder, tmp_path / "new") == 0
    assert "0 entries added, 5 were there before" in capsys.readouterr().out
    assert cli("check", tmp_path / "new") == 0
    answer = capsys.readouterr()
    assert "4 results and 1 failures" in answer.out
    assert "check 5/5" in answer.err  # progress


def test_damaged_member_is_named_and_the_exit_code_is_1(tmp_path, cache, capsys):
    cli("export", cache.folder, tmp_path / "a.tar")
    stored = cache.path(ADDRESSES[2]).read_bytes()
    content = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(content.replace(stored, stored[:-9] + b"?" + stored[-8:]))
    assert cli("import", tmp_path / "a.tar", tmp_path / "new") == 1
    answer = capsys.readouterr()
    assert f"{ADDRESSES[2]}.json.xz does not have the SHA-256" in answer.err
    assert "4 entries added" in answer.out


@pytest.mark.parametrize("action", ["check", "export", "merge"])
def test_damaged_entry_makes_the_exit_code_1(tmp_path, cache, capsys, action):
    cache.path(ADDRESSES[0]).write_bytes(b"damage")
    assert cli(action, cache.folder, *([] if action == "check" else [tmp_path / "new"])) == 1
    assert f"{ADDRESSES[0]}.json.xz is damaged" in capsys.readouterr().err


def test_other_numbers_are_said(tmp_path, cache, capsys):
    other = Cache(tmp_path / "other")
    other.put(ADDRESSES[1], {**RESULT, "energy": -76.4 + 2e-9})
    assert cli("merge", other.folder, cache.folder) == 0
    said = capsys.readouterr().out
    assert f"difference in energy is 2e-09 Hartree, of {ADDRESSES[1]}" in said


def test_export_of_a_run_takes_what_it_computed(tmp_path, cache, capsys):
    path = tmp_path / "run" / "qm" / "dft" / "records" / "c05-0001" / "tasks.csv"
    absent = digest("a calculation that is nowhere")
    good = {"digest": ADDRESSES[0], "outcome": "success"}
    write_table(path, [good, {"digest": absent, "outcome": "time_limit"}], TASK_COLUMNS)
    command = ("export", cache.folder, tmp_path / "a.tar", "--run", tmp_path / "run")
    assert cli(*command) == 0
    assert "1 entries" in capsys.readouterr().out
    write_table(path, [good, {"digest": absent, "outcome": "success"}], TASK_COLUMNS)
    assert cli(*command) == 1
    assert f"1 results are not in {cache.folder}, the first {absent}" in capsys.readouterr().err


def test_export_of_listed_addresses_names_what_is_absent(tmp_path, cache, capsys):
    listed = tmp_path / "addresses"
    listed.write_text("\n".join(ADDRESSES[:2]))
    command = ("export", cache.folder, tmp_path / "a.tar", "--addresses", listed)
    assert cli(*command) == 0
    assert "2 entries" in capsys.readouterr().out
    listed.write_text("\n".join([ADDRESSES[0], digest("absent")]))
    assert cli(*command) == 1
    assert digest("absent") in capsys.readouterr().err


def test_what_cannot_be_done_is_one_sentence(tmp_path, cache, capsys, tiny_disk):
    disk = tiny_disk("disk", "4k")
    sentences = {
        ("check", tmp_path / "absent"): "absent is no folder",
        ("import", tmp_path / "absent.tar", cache.folder): "absent.tar: No such file",
        ("import", __file__, cache.folder): "test_cli.py cannot be read as an uncompressed tar",
        ("export", cache.folder, disk / "a.tar"): f"no room left to write {disk / 'a.tar'}",
    }
    for command, sentence in sentences.items():
        assert cli(*command) == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if "/5, " not in line]
        assert len(lines) == 1 and sentence in lines[0]


def test_checking_a_cache_needs_no_chemistry(cache):
    """Only the standard library: it answers at once, on any machine with Python."""
    program = (
        "import sys; from forceladder.cli import main; "
        "assert main(['cache', 'check', sys.argv[1]]) == 0; "
        "assert not {'numpy', 'rdkit', 'torch', 'qcelemental'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(cache.folder)],
        env={"PYTHONPATH": str(SCRIPTS)}, check=True,
    )  # fmt: skip
