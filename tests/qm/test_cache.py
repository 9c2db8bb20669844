"""The cache gives back what was put in or nothing; any number of jobs may share it."""

import json
import lzma
import multiprocessing
import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.provenance import digest
from forceladder.qm import cache as cache_module
from forceladder.qm.cache import LEFTOVER, NAME, Cache, packed, sweep, unpacked

ADDRESS = digest("a task")
RESULT = {"success": True, "energy": -76.43582500326305, "gradient": [0.1, -0.2, 1e-17]}
FAILURE = {"success": False, "error_type": "SCFConvergenceError", "error_message": "no"}
EFFORT, MORE_EFFORT = digest("two tries, 2 GB"), digest("two tries, 8 GB")
DAY_S = 86_400


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def flipped(content: bytes, position: int, mask: int) -> bytes:
    return content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :]


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_result_comes_back_bit_for_bit(cache):
    cache.put(ADDRESS, RESULT)
    assert cache.get(ADDRESS) == RESULT


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | st.integers() | NUMBERS | st.text() | st.lists(NUMBERS)


@given(values=st.dictionaries(st.text(), VALUES))
def test_whatever_an_engine_says_comes_back(values):
    result = {**values, "success": True}
    content = packed(ADDRESS, result)
    assert unpacked(content, ADDRESS) == result
    entry = json.loads(lzma.decompress(content))
    assert entry == {"address": ADDRESS, "checksum": digest(result), "result": result}


def test_number_that_json_lacks_is_refused_and_leaves_no_file(cache):
    with pytest.raises(ValueError):
        cache.put(ADDRESS, {**RESULT, "energy": float("nan")})
    assert names_in(cache.folder.parent) == []


def test_entries_of_earlier_versions_stay_valid(cache):
    entry = {"address": ADDRESS, "checksum": digest(RESULT), "result": RESULT}
    files.write_json(cache.path(ADDRESS), entry)  # with spaces, and in the engine's order
    assert cache.get(ADDRESS) == RESULT


def test_unknown_address_is_none(cache):
    assert cache.get(ADDRESS) is None
    assert cache.get_failure(ADDRESS, EFFORT) is None


# failures


def test_failure_comes_back_for_the_effort_that_it_exhausted_and_no_other(cache):
    cache.put_failure(ADDRESS, EFFORT, FAILURE)
    assert cache.get_failure(ADDRESS, EFFORT) == FAILURE
    assert cache.get_failure(ADDRESS, MORE_EFFORT) is None
    cache.put_failure(ADDRESS, MORE_EFFORT, FAILURE)
    assert cache.get_failure(ADDRESS, MORE_EFFORT) == FAILURE


def test_failure_never_answers_for_a_result(cache):
    with pytest.raises(ValueError):
        cache.put(ADDRESS, FAILURE)
    cache.put_failure(ADDRESS, EFFORT, FAILURE)
    assert cache.get(ADDRESS) is None
    cache.failure_path(ADDRESS).rename(cache.path(ADDRESS))  # by hand
    assert cache.get(ADDRESS) is None


def test_result_never_answers_for_a_failure(cache):
    with pytest.raises(ValueError):
        cache.put_failure(ADDRESS, EFFORT, RESULT)
    cache.put(ADDRESS, RESULT)
    cache.path(ADDRESS).rename(cache.failure_path(ADDRESS))  # by hand
    assert cache.get_failure(ADDRESS, EFFORT) is None


@pytest.mark.parametrize("effort, result", [(EFFORT, RESULT), (None, FAILURE)])
def test_failure_without_effort_or_that_is_none_is_not_believed(effort, result):
    content = packed(ADDRESS, {"effort": effort, "failure": result})
    with pytest.raises(CorruptFileError):
        unpacked(content, ADDRESS, failed=True)


def test_success_removes_the_failure(cache):
    cache.put_failure(ADDRESS, EFFORT, FAILURE)
    cache.put(ADDRESS, RESULT)
    assert cache.get_failure(ADDRESS, EFFORT) is None
    assert names_in(cache.folder) == [cache.path(ADDRESS).name]


def test_failure_that_comes_after_a_success_is_not_stored(cache):
    cache.put(ADDRESS, RESULT)
    cache.put_failure(ADDRESS, EFFORT, FAILURE)
    assert names_in(cache.folder) == [cache.path(ADDRESS).name]


def test_failure_that_a_crash_left_beside_the_success_is_not_seen(cache):
    cache.put_failure(ADDRESS, EFFORT, FAILURE)
    content = cache.failure_path(ADDRESS).read_bytes()
    cache.put(ADDRESS, RESULT)
    cache.failure_path(ADDRESS).write_bytes(content)
    assert cache.get_failure(ADDRESS, EFFORT) is None
    assert cache.names() == [f"{ADDRESS[:2]}/{ADDRESS}.json.xz"]


# damage


@pytest.mark.parametrize(
    "value, failed", [(RESULT, False), ({"effort": EFFORT, "failure": FAILURE}, True)]
)
def test_any_changed_byte_or_truncation_is_noticed(value, failed):
    """All 255 other values of every byte, and every shorter length."""
    content = packed(ADDRESS, value)
    assert unpacked(content, ADDRESS, failed) == value
    damaged = [flipped(content, i, mask) for i in range(len(content)) for mask in range(1, 256)]
    damaged += [content[:length] for length in range(len(content))]
    for wrong in damaged:
        with pytest.raises(CorruptFileError):
            unpacked(wrong, ADDRESS, failed)


def damaged_contents(content: bytes):
    for position in range(len(content)):
        yield flipped(content, position, 1 << position % 8)
    for length in range(0, len(content), 11):
        yield content[:length]
    entry = json.loads(lzma.decompress(content))
    foreign = [
        {**entry, "address": "0" * 64},  # renamed by hand
        {**entry, "result": {**RESULT, "energy": -1.0}},  # edited by hand
        {**entry, "result": {**RESULT, "energy": float("nan")}},
        {**entry, "result": {}, "checksum": digest({})},
        {**entry, "result": FAILURE, "checksum": digest(FAILURE)},
        {"address": ADDRESS}, {}, [], None, "text",
    ]  # fmt: skip
    for value in foreign:
        yield lzma.compress(json.dumps(value).encode())
    for text in (b"\xff\xfe", b"[" * 100_000):
        yield lzma.compress(text)


def test_damaged_entry_is_set_aside_and_computed_again(cache):
    cache.put(ADDRESS, RESULT)
    path = cache.path(ADDRESS)
    for content in damaged_contents(path.read_bytes()):
        path.write_bytes(content)
        assert cache.get(ADDRESS) is None
        assert [file.suffix for file in path.parent.iterdir()] == [".damaged"]
        cache.put(ADDRESS, RESULT)
        assert cache.get(ADDRESS) == RESULT


def test_damaged_failure_is_set_aside(cache):
    cache.put_failure(ADDRESS, EFFORT, FAILURE)
    path = cache.failure_path(ADDRESS)
    path.write_bytes(flipped(path.read_bytes(), 70, 1))
    assert cache.get_failure(ADDRESS, EFFORT) is None
    assert names_in(cache.folder) == [f"{ADDRESS}.failed.json.damaged"]
    assert len(cache.damaged) == 1


def test_damaged_entry_that_another_job_set_aside_first_is_no_error(cache, monkeypatch):
    cache.put(ADDRESS, RESULT)

    def read_while_another_job_acts(content, address, failed):
        cache.path(ADDRESS).unlink()
        raise CorruptFileError("is damaged")

    monkeypatch.setattr(cache_module, "unpacked", read_while_another_job_acts)
    assert cache.get(ADDRESS) is None


def test_entry_that_another_job_has_stored_anew_is_not_set_aside(cache, monkeypatch):
    cache.put(ADDRESS, RESULT)
    cache.path(ADDRESS).write_bytes(b"damage")

    def read_while_another_job_acts(content, address, failed):
        cache.path(ADDRESS).unlink()
        cache.put(ADDRESS, RESULT)
        return unpacked(content, address, failed)

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "unpacked", read_while_another_job_acts)
        assert cache.get(ADDRESS) is None
    assert cache.get(ADDRESS) == RESULT


# many at once, killed at any instant


def result_of(task: int, variant: int) -> dict:
    """One of the results of a task that writers store; numbers that do not compress."""
    numbers = random.Random(f"{task} {variant}")
    gradient = [numbers.random() for _ in range(1500)]
    return {"success": True, "energy": task + variant / 8, "gradient": gradient}


TASKS, VARIANTS = range(6), range(3)
RESULTS = {digest(task): [result_of(task, variant) for variant in VARIANTS] for task in TASKS}


def write_often(folder, start, seed):
    cache, choices = Cache(folder), random.Random(seed)
    start.wait()
    for _ in range(60):
        address = choices.choice(list(RESULTS))
        cache.put_failure(address, EFFORT, FAILURE)
        cache.put(address, choices.choice(RESULTS[address]))
        assert cache.get(address) in RESULTS[address]
    assert cache.damaged == []


def read_until(folder, stop):
    cache = Cache(folder)
    while not stop.is_set():
        for address, results in RESULTS.items():
            assert cache.get(address) in [None, *results]
            assert cache.get_failure(address, EFFORT) in (None, FAILURE)
    assert cache.damaged == []


def start(function, *arguments) -> multiprocessing.Process:
    process = multiprocessing.Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


@contextmanager
def reader_beside(folder):
    """A process that reads all the time, and finds nothing wrong."""
    stop = multiprocessing.Event()
    reader = start(read_until, folder, stop)
    try:
        yield
    finally:
        stop.set()
        reader.join()
    assert reader.exitcode == 0


def test_concurrent_writers_and_a_reader_never_harm_each_other(cache):
    together = multiprocessing.Barrier(4)
    with reader_beside(cache.folder):
        writers = [start(write_often, cache.folder, together, seed) for seed in range(4)]
        for writer in writers:
            writer.join()
        assert [writer.exitcode for writer in writers] == [0] * 4
    assert cache.names() == sorted(f"{address[:2]}/{address}.json.xz" for address in RESULTS)
    assert set(names_in(cache.folder)) <= {
        f"{address}{kind}.json.xz" for address in RESULTS for kind in ("", ".failed")
    }


def write_for_ever(folder, seed, pipe):
    cache, choices = Cache(folder), random.Random(seed)
    while True:
        address = choices.choice(list(RESULTS))
        cache.put(address, choices.choice(RESULTS[address]))
        os.write(pipe, b".")


def test_writer_killed_at_any_instant_leaves_only_whole_entries(cache):
    """Sixty times kill -9, after the first entry, whenever that was on a busy machine."""
    instants = random.Random(1)
    with reader_beside(cache.folder):
        for seed in range(60):
            read_end, write_end = os.pipe()
            writer = start(write_for_ever, cache.folder, seed, write_end)
            os.close(write_end)
            os.read(read_end, 1)
            time.sleep(instants.uniform(0, 0.02))
            writer.kill()
            writer.join()
            assert writer.exitcode == -signal.SIGKILL
            os.close(read_end)
            for address, results in RESULTS.items():
                assert not cache.path(address).exists() or cache.get(address) in results
    assert cache.damaged == []
    assert len(cache.names()) == len(RESULTS)
    assert_only_leftovers_beside_entries(cache)


def assert_only_leftovers_beside_entries(cache):
    """They are there, so that some writers were hit in mid-file, and are swept in the end."""
    leftovers = [path for path in cache.folder.rglob(".*") if LEFTOVER.fullmatch(path.name)]
    assert leftovers
    assert len(names_in(cache.folder)) == len(leftovers) + len(cache.names())
    for path in leftovers:
        os.utime(path, (0, 0))
    assert sum(sweep(folder) for folder in cache.folder.iterdir()) == len(leftovers)
    assert not any(path.exists() for path in leftovers)
    assert len(cache.names()) == len(RESULTS)


def test_entry_in_a_new_folder_survives_a_power_cut(cache, monkeypatch):
    """Its content, its name, and its folder's name are flushed, in this order."""
    flushed, sync = [], files.sync

    def note_and_sync(path):
        flushed.append(Path(path))
        sync(path)

    monkeypatch.setattr(files, "sync", note_and_sync)
    cache.put(ADDRESS, RESULT)
    assert LEFTOVER.fullmatch(flushed[0].name)
    assert flushed[1:] == [cache.path(ADDRESS).parent, cache.folder]


# leftovers


def leave(cache, name: str, age_s: float):
    """A leftover of the name that the test above finds."""
    path = cache.path(ADDRESS).with_name(f".{ADDRESS}.json.xz.{name}")
    files.write_text(path, "half of a res")
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))
    return path


def test_leftover_of_a_killed_writer_is_swept_after_a_day_and_not_before(cache):
    old, young = leave(cache, "a2x9_b1c", DAY_S + 60), leave(cache, "k2j4x9q0", DAY_S - 60)
    other = old.with_name(".notes.txt")
    other.write_text("not ours")
    os.utime(other, (0, 0))
    assert sweep(old.parent) == 1
    assert not old.exists() and young.exists() and other.exists()


def test_wrong_clock_of_a_node_sweeps_nothing(cache, monkeypatch):
    young = leave(cache, "k2j4x9q0", 0)
    monkeypatch.setattr(time, "time", lambda: young.stat().st_mtime + 100 * DAY_S)
    assert sweep(young.parent) == 0
    assert young.exists()


def test_writers_sweep_as_they_go(cache):
    old = leave(cache, "k2j4x9q0", 2 * DAY_S)
    cache.put(ADDRESS, RESULT)
    assert not old.exists()
    assert cache.get(ADDRESS) == RESULT


# disks that refuse


def test_full_disk_is_an_error_and_the_cache_stays_whole(tiny_disk):
    cache = Cache(tiny_disk("disk", "64k"))
    kept = {}
    with pytest.raises(OSError, match="No space left") as error:
        for task in range(100):
            kept[digest(task)] = result_of(task, 0)
            cache.put(digest(task), kept[digest(task)])
    assert NAME.fullmatch("/".join(str(error.value.filename).split("/")[-2:]))
    refused, _ = kept.popitem()
    assert kept and cache.get(refused) is None
    assert all(cache.get(address) == result for address, result in kept.items())
    assert all(NAME.fullmatch(f"{name[:2]}/{name}") for name in names_in(cache.folder))
    cache.path(next(iter(kept))).unlink()
    cache.put(refused, RESULT)
    assert cache.get(refused) == RESULT
    assert cache.damaged == []


def test_read_only_cache_can_be_read_damage_and_all(tiny_disk):
    folder = tiny_disk("disk", "1m")
    cache = Cache(folder)
    good, bad, failed = digest("good"), digest("bad"), digest("failed")
    cache.put(good, RESULT)
    cache.put(bad, RESULT)
    cache.put_failure(failed, EFFORT, FAILURE)
    cache.path(bad).write_bytes(b"damage")
    leftover = leave(cache, "k2j4x9q0", 2 * DAY_S)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    assert cache.get(good) == RESULT
    assert cache.get(bad) is None
    assert cache.get(digest("unknown")) is None
    assert cache.get_failure(failed, EFFORT) == FAILURE
    assert cache.path(bad).read_bytes() == b"damage"
    assert sweep(leftover.parent) == 0 and leftover.exists()
    with pytest.raises(OSError, match="Read-only"):
        cache.put(bad, RESULT)
