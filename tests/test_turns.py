"""A job and its twin are never at work at once."""

import subprocess
import sys
import threading
import time

import pytest

from conftest import SCRIPTS
from forceladder.turns import turn

HOLD = f"""
import sys, time; sys.path.insert(0, {str(SCRIPTS)!r})
from forceladder.turns import turn
with turn(["results/a"]):
    print("holding", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def orphan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "holding\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_waits_until_the_first_ends_however_that_ends(orphan, caplog):
    took = []

    def second():
        with turn(["results/a"]) as waited:
            took.append(waited)

    caplog.set_level("INFO")
    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(0.3)
    assert thread.is_alive() and not took
    assert f"waiting for process {orphan.pid} on " in caplog.text
    orphan.kill()
    thread.join(10)
    assert took == [True]


def test_other_jobs_and_later_ones_do_not_wait(orphan):
    for _ in range(2):
        with turn(["results/b"]) as waited:
            assert not waited
