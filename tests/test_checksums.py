"""Whatever was done to a file after its job had ended, the next job says so."""

import os
import re
from types import SimpleNamespace

import pytest

from forceladder import checksums, job
from forceladder.errors import CorruptFileError

TABLE = "molecule,energy\nwater,1\nammonia,2\n"


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def without_last_line(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))  # what some file systems make of a loss of power


DAMAGES = [half, empty, without_last_line, zeros]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/shard").mkdir(parents=True)
    for name in ("table.csv", "shard/a.csv", "shard/b.csv"):
        (tmp_path / "results" / name).write_text(TABLE)
    return tmp_path / "results"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("output, file", [("table.csv",) * 2, ("shard", "shard/b.csv")])
def test_damage_is_a_sentence_with_file_and_remedy(folder, damage, output, file):
    output = f"results/{output}"
    checksums.note(output, "work")
    checksums.check(output)
    damage(folder / file)
    with pytest.raises(CorruptFileError) as error:
        checksums.check(output)
    said = str(error.value)
    assert said.startswith(f"results/{file} has ")
    assert re.search(rf"delete (it|the folder {output}) and run again", said)
    assert f"delete {checksums.note_file(output)}" in said


def test_file_gone_from_a_folder_is_named(folder):
    checksums.note("results/shard", "work")
    (folder / "shard/a.csv").unlink()
    with pytest.raises(CorruptFileError, match=r"shard/a\.csv is gone; delete the folder"):
        checksums.check("results/shard")


def test_what_no_job_made_and_what_is_made_anew_is_let_in(folder):
    checksums.check("results/table.csv")
    checksums.note("results/table.csv", "work")
    empty(folder / "table.csv")
    checksums.forget("results/table.csv")
    checksums.check("results/table.csv")


def test_time_stamps_and_snakemakes_own_mark_are_no_damage(folder):
    checksums.note("results/shard", "work")
    (folder / "shard/.snakemake_timestamp").touch()
    os.utime(folder / "shard/a.csv")
    checksums.check("results/shard")


def test_paths_outside_and_absolute_ones_have_notes_of_their_own(folder, tmp_path):
    outside = tmp_path.parent / "outside.csv"
    outside.write_text(TABLE)
    places = {checksums.note_file(path) for path in (outside, "../outside.csv")}
    assert len(places) == 1
    (place,) = places
    assert not os.path.relpath(place, checksums.FOLDER).startswith("..")
    inside = folder / "table.csv"
    assert checksums.note_file(inside) == checksums.note_file("results/table.csv")


def test_a_job_refuses_a_damaged_input_before_it_begins(folder, capsys):
    def write(snakemake):
        (folder / "new.csv").write_text(TABLE)

    def rule(**files):
        return SimpleNamespace(rule="score_errors", log=[], params={}, **files)

    job.run(write, rule(input=["results/table.csv"], output=["results/new.csv"]))
    empty(folder / "new.csv")
    with pytest.raises(SystemExit) as exit:
        job.run(pytest.fail, rule(input=["results/new.csv"], output=["results/never.csv"]))
    said = capsys.readouterr().err
    assert exit.value.code == 1 and "Traceback" not in said
    assert f"score_errors: results/new.csv has 0 bytes where its job left {len(TABLE)};" in said
    job.log.handlers.clear()
    job.log.propagate = True
