"""Files appear whole or not at all, whatever happens to the writer."""

import errno
import json
import multiprocessing
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SCRIPTS
from forceladder import files
from forceladder.errors import CorruptFileError
from forceladder.job import sentence_of_os_error

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)  # fmt: skip


@given(value=JSON, suffix=st.sampled_from([".json", ".json.xz"]))
def test_json_comes_back_as_it_went(tmp_path_factory, value, suffix):
    path = tmp_path_factory.mktemp("json") / f"value{suffix}"
    files.write_json(path, value)
    assert files.read_json(path) == value


@given(values=st.lists(JSON), suffix=st.sampled_from([".jsonl", ".jsonl.xz"]))
def test_json_lines_come_back_as_they_went(tmp_path_factory, values, suffix):
    """Whatever the strings hold: line separators of Unicode end no line of ours."""
    path = tmp_path_factory.mktemp("lines") / f"values{suffix}"
    files.write_json_lines(path, values)
    assert files.read_json_lines(path) == values


def test_compressed_json_is_read_by_the_xz_program(tmp_path):
    path = tmp_path / "value.json.xz"
    files.write_json(path, {"answer": 42})
    text = subprocess.run(["xz", "-dc", path], capture_output=True, check=True).stdout
    assert json.loads(text) == {"answer": 42}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_json_lacks_is_refused_and_leaves_no_file(tmp_path, value):
    for write, content in ((files.write_json, value), (files.write_json_lines, [value])):
        with pytest.raises(ValueError):
            write(tmp_path / "value.json", content)
    assert list(tmp_path.iterdir()) == []


def test_file_gets_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_text(tmp_path / "file", "text")
        with files.atomic_directory(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


def test_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_writer_leaves_the_old_folder_and_nothing_else(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError), files.atomic_directory(path) as temporary:
        (temporary / "new").touch()
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_new_folder_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "folder"
    for name in ("old", "new"):
        with files.atomic_directory(path) as temporary:
            (temporary / name).touch()
    assert [file.name for file in path.iterdir()] == ["new"]


def test_writer_killed_in_mid_file_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    program = f"""
        import os, signal
        from forceladder import files
        with files.atomic_path({str(path)!r}) as temporary:
            temporary.write_text("half of the n")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def _write_often(path, text):
    for _ in range(50):
        files.write_text(path, text)


def test_reader_never_sees_two_writers_mixed(tmp_path):
    path = tmp_path / "file"
    texts = [letter * 100_000 for letter in "ab"]
    files.write_text(path, texts[0])
    writers = [multiprocessing.Process(target=_write_often, args=(path, text)) for text in texts]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_text() in texts
    assert all(writer.exitcode == 0 for writer in writers)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "value.json.xz"
    files.write_json(path, {"energy": -76.4, "gradient": [0.1, 0.2, 0.3]})
    return path, path.read_bytes()


def test_any_flipped_bit_of_a_packed_file_is_noticed(packed):
    path, content = packed
    for position in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(CorruptFileError, match="delete it"):
            files.read_json(path)


def test_packed_file_cut_anywhere_is_noticed(packed):
    path, content = packed
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CorruptFileError, match="delete it"):
            files.read_json(path)


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe", b"\x00"])
def test_plain_file_that_is_no_json_is_named(tmp_path, content):
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"value\.json .*delete it"):
        files.read_json(path)


def test_full_disk_is_one_sentence_and_leaves_no_part_of_a_file(tiny_disk):
    disk = tiny_disk("disk", "64k")
    path = disk / "file"
    files.write_text(path, "old")
    with pytest.raises(OSError) as caught:
        files.write_bytes(path, os.urandom(200_000))
    assert caught.value.errno == errno.ENOSPC
    sentence = sentence_of_os_error(caught.value)
    assert sentence.startswith(f"no room left to write {path} (")
    assert "free space there and run again" in sentence
    assert path.read_text() == "old"
    assert list(disk.iterdir()) == [path]


def test_full_disk_leaves_no_part_of_a_folder(tiny_disk):
    disk = tiny_disk("disk", "64k")
    with pytest.raises(OSError) as caught, files.atomic_directory(disk / "folder") as folder:
        for i in range(100):
            files.write_bytes(folder / str(i), os.urandom(4096))
    assert caught.value.errno == errno.ENOSPC
    assert list(disk.iterdir()) == []


def _write_beyond_the_limit(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        files.write_bytes(path, bytes(20_000))
    except OSError as error:
        named = sentence_of_os_error(error).startswith(f"no room left to write {path}")
        os._exit(0 if named else 2)
    os._exit(1)


def test_file_size_limit_is_one_sentence_and_leaves_no_part_of_a_file(tmp_path):
    """Batch systems limit a job's files like this; Linux says EFBIG instead of ENOSPC."""
    writer = multiprocessing.Process(target=_write_beyond_the_limit, args=(tmp_path / "file",))
    writer.start()
    writer.join()
    assert writer.exitcode == 0
    assert list(tmp_path.iterdir()) == []


def test_writers_of_the_same_folder_at_once_leave_one_whole_folder(tmp_path):
    """Two jobs of one shard: whoever comes last wins, and nobody fails."""

    def write(who):
        for _ in range(50):
            with files.atomic_directory(tmp_path / "shared") as folder:
                (folder / "a").write_text(who)
                (folder / "b").write_text(who)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "wxyz"))
    assert {p.name for p in tmp_path.iterdir()} == {"shared"}
    first, second = ((tmp_path / "shared" / name).read_text() for name in "ab")
    assert first == second
