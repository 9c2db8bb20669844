"""What a script's reader sees: one sentence for what is theirs, a traceback in the log alone."""

import errno
import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder import job
from forceladder.errors import ConfigError, MoleculeError


@pytest.fixture
def snakemake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield SimpleNamespace(
        rule="fit_rung", log=[str(tmp_path / "rule.log")], input=[], output=[], params={}
    )
    for handler in job.log.handlers:
        handler.close()
    job.log.handlers.clear()
    job.log.propagate = True


def failing_with(error):
    def main(snakemake):
        raise error

    return main


@pytest.mark.parametrize("error", [ConfigError("mend the key."), MoleculeError("code", "mend it.")])
def test_known_failure_is_one_sentence_without_traceback(snakemake, capsys, error):
    with pytest.raises(SystemExit) as exit:
        job.run(failing_with(error), snakemake)
    assert exit.value.code == 1
    for text in (capsys.readouterr().err, Path(snakemake.log[0]).read_text()):
        assert f"fit_rung: {error}" in text
        assert "Traceback" not in text


def test_unforeseen_failure_has_its_traceback_in_the_log(snakemake, capsys):
    with pytest.raises(SystemExit):
        job.run(failing_with(ZeroDivisionError("division by zero")), snakemake)
    text = Path(snakemake.log[0]).read_text()
    assert "fit_rung: unforeseen ZeroDivisionError: division by zero" in text
    assert "Traceback" in text


def test_failure_of_the_system_names_the_file(snakemake, capsys):
    with pytest.raises(SystemExit):
        job.run(lambda snakemake: Path("/nonexistent/file").read_text(), snakemake)
    assert "refused /nonexistent/file: No such file or directory." in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_has_a_sentence_of_its_own(number):
    sentence = job.sentence_of_os_error(OSError(number, "words", "some/file"))
    assert sentence.startswith("no room left to write some/file (words); free space")


def test_success_logs_to_the_rules_file_and_exits_with_none(snakemake):
    job.run(lambda snakemake: job.log.info("all is well"), snakemake)
    assert "all is well" in Path(snakemake.log[0]).read_text()


def test_log_file_is_overwritten_and_lines_are_logged_once(snakemake):
    for _ in range(2):
        job.run(lambda snakemake: job.log.info("all is well"), snakemake)
    assert Path(snakemake.log[0]).read_text().count("all is well") == 1


@given(st.lists(st.text() | st.integers()))
def test_seed_fits_every_generator(parts):
    assert 0 <= job.seed_of(*parts) < 2**31


def test_seed_is_the_same_on_every_machine():
    """head -c 4 of sha256sum of 'conformers\\x1f1\\x1fCCO', shifted right by one."""
    command = "printf 'conformers\\0371\\037CCO' | sha256sum | head -c 8"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert job.seed_of("conformers", 1, "CCO") == int(answer.stdout, 16) >> 1


def test_seed_sees_where_one_part_ends():
    assert job.seed_of("ab", "c") != job.seed_of("a", "bc")
    assert job.seed_of("ab") != job.seed_of("a", "b")


def test_progress_off_a_terminal_is_a_line_every_tenth_part(monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: False))
    job.log.propagate = True
    progress = job.Progress("QM", 1000)
    with caplog.at_level(logging.INFO, logger="forceladder"):
        for done in range(1, 1001):
            progress.update(done)
    shown = [record.getMessage().split(",")[0] for record in caplog.records]
    assert shown[-1] == "QM 1000/1000"
    assert len(shown) == 11  # the first one, then every tenth part


def test_progress_of_nothing_is_no_error():
    job.Progress("QM", 0).update(0)
