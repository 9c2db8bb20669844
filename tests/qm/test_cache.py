"""The cache gives back what was put in or nothing; any number of jobs may share it."""

import json
import lzma
import multiprocessing

import pytest

from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.provenance import digest
from forceladder.qm.cache import Cache

ADDRESS = digest("a task")
RESULT = {"success": True, "energy": -76.43582500326305, "gradient": [0.1, -0.2, 1e-17]}


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def test_result_comes_back_bit_for_bit(cache):
    cache.put(ADDRESS, RESULT)
    assert cache.get(ADDRESS) == RESULT


def test_unknown_address_is_none(cache):
    assert cache.get(ADDRESS) is None


def test_failure_is_not_stored(cache):
    with pytest.raises(ValueError):
        cache.put(ADDRESS, {"success": False, "error_type": "SCFConvergenceError"})
    assert cache.get(ADDRESS) is None


def damaged_contents(content: bytes):
    for position in range(0, len(content), 7):
        yield content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :]
    for length in range(0, len(content), 11):
        yield content[:length]
    entry = json.loads(lzma.decompress(content))
    foreign = [
        {**entry, "address": "0" * 64},  # renamed by hand
        {**entry, "result": {**RESULT, "energy": -1.0}},  # edited by hand
        {"address": ADDRESS}, {}, [], None, "text",
    ]  # fmt: skip
    for value in foreign:
        yield lzma.compress(json.dumps(value).encode())
    yield lzma.compress(b"\xff\xfe")


def test_damaged_entry_is_set_aside_and_computed_again(cache):
    cache.put(ADDRESS, RESULT)
    path = cache.path(ADDRESS)
    for content in damaged_contents(path.read_bytes()):
        path.write_bytes(content)
        assert cache.get(ADDRESS) is None
        assert [file.suffix for file in path.parent.iterdir()] == [".damaged"]
        cache.put(ADDRESS, RESULT)
        assert cache.get(ADDRESS) == RESULT


def test_damaged_entry_that_another_job_set_aside_first_is_no_error(cache, monkeypatch):
    cache.put(ADDRESS, RESULT)

    def read_while_another_job_acts(path):
        path.unlink()
        raise CorruptFileError(f"{path} is damaged")

    monkeypatch.setattr(files, "read_json", read_while_another_job_acts)
    assert cache.get(ADDRESS) is None


def _put_and_get_often(folder, start):
    cache = Cache(folder)
    start.wait()
    for i in range(40):
        address = digest(i)
        assert cache.get(address) in (None, {**RESULT, "energy": i})
        cache.put(address, {**RESULT, "energy": i})
        assert cache.get(address) == {**RESULT, "energy": i}


def test_concurrent_writers_never_harm_each_other(cache):
    start = multiprocessing.Barrier(4)
    arguments = (cache.folder, start)
    jobs = [multiprocessing.Process(target=_put_and_get_often, args=arguments) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    stored = [file for file in cache.folder.rglob("*") if file.is_file()]
    assert len(stored) == 40
    assert all(file.name.endswith(".json.xz") for file in stored)
