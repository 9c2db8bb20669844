"""What leaves a cache comes back bit for bit, and nothing else does; tar and sha256sum judge."""

import io
import os
import subprocess
import tarfile

import pytest

from forceladder.errors import CorruptFileError, HouseError
from forceladder.provenance import digest
from forceladder.qm.cache import NAME, Cache, entry_name, packed
from forceladder.qm.cache_archive import (
    MANIFEST,
    addresses_in_file,
    addresses_of_run,
    check_cache,
    export_cache,
    import_archive,
    merge_caches,
)
from forceladder.qm.ledger import TASK_COLUMNS
from forceladder.tables import write_table

EFFORT = digest("two tries, 2 GB")
FAILURE = {"success": False, "error_type": "SCFConvergenceError", "error_message": "no"}


def result(task: int, energy: float | None = None, wall_seconds: float = 1.0) -> dict:
    energy = -76.0 - task if energy is None else energy
    return {"success": True, "energy": energy, "gradient": [0.1], "wall_seconds": wall_seconds}


def address(task: int) -> str:
    return digest(f"task {task}")


def filled(folder, tasks=range(8), failures=(20, 21)) -> Cache:
    cache = Cache(folder)
    for task in tasks:
        cache.put(address(task), result(task))
    for task in failures:
        cache.put_failure(address(task), EFFORT, FAILURE)
    return cache


def contents(folder) -> dict:
    """Name → bytes of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def cache(tmp_path) -> Cache:
    return filled(tmp_path / "cache")


@pytest.fixture
def archive(tmp_path, cache):
    path = tmp_path / "archive.tar"
    export_cache(cache.folder, path)
    return path


# export


def test_tar_and_sha256sum_make_a_cache_of_an_archive(tmp_path, cache, archive):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "xf", archive, "-C", folder], check=True)
    command = ["sha256sum", "--check", "--strict", MANIFEST]
    lines = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert len(lines.splitlines()) == 10
    (folder / MANIFEST).unlink()
    assert contents(folder) == contents(cache.folder)


def test_same_entries_give_the_same_bytes(tmp_path, cache, archive):
    """Whatever the order and the time they came in, and whatever else lies about."""
    other = filled(tmp_path / "other", tasks=reversed(range(9)), failures=(21, 20))
    (other.folder / "locks").mkdir()
    (other.folder / "locks" / address(0)).touch()
    other.path(address(0)).with_name(f".{address(0)}.json.xz.k2j4x9q0").write_text("half")
    other.path(address(8)).write_bytes(b"damage")
    export = export_cache(other.folder, tmp_path / "other.tar")
    assert (tmp_path / "other.tar").read_bytes() == archive.read_bytes()
    assert (export.entries, export.failures, len(export.damaged)) == (10, 2, 1)
    assert export.bytes == archive.stat().st_size


def test_some_addresses_are_exported_and_absent_ones_named(tmp_path, cache):
    wanted = [address(3), address(1), address(20), address(77)]
    export = export_cache(cache.folder, tmp_path / "some.tar", wanted)
    assert export.absent == [address(77)]
    with tarfile.open(tmp_path / "some.tar") as tar:
        names = tar.getnames()
    some = sorted(
        [entry_name(address(1)), entry_name(address(3)), entry_name(address(20), failed=True)]
    )
    assert names == [MANIFEST, *some]


def test_empty_cache_makes_an_archive_like_any_other(tmp_path):
    (tmp_path / "empty").mkdir()
    assert export_cache(tmp_path / "empty", tmp_path / "empty.tar").entries == 0
    assert subprocess.run(["tar", "tf", tmp_path / "empty.tar"], check=True).returncode == 0
    assert import_archive(tmp_path / "empty.tar", tmp_path / "new").damaged == []


def test_full_disk_leaves_the_old_archive(tmp_path, cache, tiny_disk):
    folder = tiny_disk("disk", "16k")
    export_cache(cache.folder, folder / "a.tar", [address(0)])
    before = contents(folder)
    with pytest.raises(OSError, match="No space left"):
        export_cache(cache.folder, folder / "a.tar")
    assert contents(folder) == before


def test_export_of_no_folder_is_one_sentence(tmp_path):
    with pytest.raises(HouseError, match="is no folder"):
        export_cache(tmp_path / "absent", tmp_path / "archive.tar")
    assert list(tmp_path.iterdir()) == []


# import


def test_import_brings_back_every_entry_bit_for_bit(tmp_path, cache, archive):
    transfer = import_archive(archive, tmp_path / "new")
    assert (transfer.stored, transfer.kept, transfer.damaged) == (10, 0, [])
    assert contents(tmp_path / "new") == contents(cache.folder)
    again = import_archive(archive, tmp_path / "new")
    assert (again.stored, again.kept, again.differing) == (0, 10, 0)
    new = Cache(tmp_path / "new")
    assert new.get(address(3)) == result(3)
    assert new.get_failure(address(20), EFFORT) == FAILURE


def assert_whole_or_named(folder, cache, transfer):
    """Each entry of `cache` came over bit for bit, or stands in a sentence."""
    found, original = contents(folder), contents(cache.folder)
    assert found.items() <= original.items()
    for name in original.keys() - found.keys():
        assert any(name in sentence for sentence in transfer.damaged)


def test_flipped_byte_anywhere_costs_one_member_and_is_named(tmp_path):
    cache = filled(tmp_path / "small", tasks=range(3), failures=[20])
    export_cache(cache.folder, tmp_path / "small.tar")
    content = (tmp_path / "small.tar").read_bytes()
    used = len(content.rstrip(b"\0"))
    begun_wrong = 0
    for position in range(0, used, 11):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        (tmp_path / "changed.tar").write_bytes(changed)
        folder = tmp_path / f"new-{position}"
        try:
            transfer = import_archive(tmp_path / "changed.tar", folder)
        except CorruptFileError:  # the header of the manifest: nothing was stored
            assert position < 512 and not folder.exists()
            begun_wrong += 1
            continue
        # two in the manifest where the flip makes an end of line or takes one away
        assert transfer.stored >= (2 if 512 <= position < 1024 else 3)
        assert_whole_or_named(folder, cache, transfer)
    assert begun_wrong > 20


def test_truncated_archive_gives_what_it_has_and_names_what_it_lacks(tmp_path, cache, archive):
    content = archive.read_bytes()
    members_end = len(content.rstrip(b"\0"))
    stored = []
    for length in range(2560, len(content), 700):
        folder = tmp_path / f"new-{length}"
        (tmp_path / "short.tar").write_bytes(content[:length])
        transfer = import_archive(tmp_path / "short.tar", folder)
        assert_whole_or_named(folder, cache, transfer)
        assert bool(transfer.damaged) == (length < members_end)
        stored.append(transfer.stored)
    assert stored == sorted(stored) and stored[0] == 0 and stored[-1] == 10
    for length in (0, 100, 512, 600, 1024):
        (tmp_path / "short.tar").write_bytes(content[:length])
        with pytest.raises(CorruptFileError, match=r"short\.tar"):
            import_archive(tmp_path / "short.tar", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def write_archive(path, members: list, listed=None):
    """An archive with a manifest of all members, made by other hands. members: (TarInfo, bytes)"""
    names = listed or [(info.name, content) for info, content in members]
    manifest = "".join(
        f"{files_sha256(content)}  {name}\n" for name, content in names if "\n" not in name
    )
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(manifest.encode())
        tar.addfile(info, io.BytesIO(manifest.encode()))
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def files_sha256(content: bytes) -> str:
    command = ["sha256sum", "-"]
    return subprocess.run(command, input=content, capture_output=True).stdout.decode()[:64]


def test_archive_of_ill_will_writes_nothing_anywhere(tmp_path):
    good = packed(address(1), result(1))
    name = entry_name(address(1))
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, "../../evil"
    hard = tarfile.TarInfo(entry_name(address(2)))
    hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/passwd"
    pipe = tarfile.TarInfo(entry_name(address(3)))
    pipe.type = tarfile.FIFOTYPE
    folder = tarfile.TarInfo(entry_name(address(4)))
    folder.type = tarfile.DIRTYPE
    named = [
        f"../{name}", f"/{name}", f"{name}/../../../evil", f"{tmp_path}/evil", f"00/{name}",
        f"zz/{name[3:]}", name.upper(), f"./{name}", "evil", "..", f"{name}\n", f"{name} ",
        name.replace(".json", ".failed.json"),  # a result under a failure's name
        entry_name(address(5)),  # a result under another's name
    ]  # fmt: skip
    members = [(tarfile.TarInfo(other), good) for other in named]
    members += [(link, b""), (hard, b""), (pipe, b""), (folder, b"")]
    members.append((tarfile.TarInfo(entry_name(address(6))), packed(address(6), {"success": True})))
    write_archive(tmp_path / "evil.tar", members)
    transfer = import_archive(tmp_path / "evil.tar", tmp_path / "in" / "cache")
    assert transfer.stored == 1  # the last, which is honest
    assert list(contents(tmp_path / "in")) == [f"cache/{entry_name(address(6))}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar", "in"]
    assert len(transfer.damaged) >= len(members) - 1


def test_member_that_the_manifest_does_not_list_is_named_and_skipped(tmp_path):
    content = packed(address(1), result(1))
    info = tarfile.TarInfo(entry_name(address(1)))
    write_archive(tmp_path / "a.tar", [(info, content)], listed=[("other", b"")])
    transfer = import_archive(tmp_path / "a.tar", tmp_path / "new")
    assert transfer.stored == 0
    assert [entry_name(address(1)) in sentence for sentence in transfer.damaged] == [True, False]


@pytest.mark.parametrize("write", [lambda path: path.write_text("notes" * 500), lambda path: None])
def test_file_that_is_no_archive_is_one_sentence(tmp_path, write):
    path = tmp_path / "archive.tar"
    path.touch()
    write(path)
    with pytest.raises(CorruptFileError, match=r"archive\.tar cannot be read"):
        import_archive(path, tmp_path / "new")


def test_tar_of_something_else_is_one_sentence(tmp_path):
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(__file__, "test.py")
    with pytest.raises(CorruptFileError, match="does not begin with"):
        import_archive(tmp_path / "other.tar", tmp_path / "new")


def test_import_heals_a_damaged_entry(tmp_path, cache, archive):
    cache.path(address(3)).write_bytes(b"damage")
    assert import_archive(archive, cache.folder).stored == 1
    assert cache.get(address(3)) == result(3)


def test_full_disk_ends_an_import_and_a_second_one_goes_on(tmp_path, cache, archive, tiny_disk):
    folder = tiny_disk("disk", "32k")
    with pytest.raises(OSError, match="No space left"):
        import_archive(archive, folder)
    assert contents(folder) and contents(folder).items() <= contents(cache.folder).items()
    subprocess.run(["mount", "-o", "remount,size=1m", str(folder)], check=True)
    import_archive(archive, folder)
    assert contents(folder) == contents(cache.folder)


# two caches with the same tasks


def test_existing_results_are_kept_and_the_largest_difference_said(tmp_path, cache):
    other = Cache(tmp_path / "other")
    # computed twice, the same numbers
    other.put(address(0), {**result(0, wall_seconds=9.0), "attempts": [{"failure": "died"}]})
    other.put(address(1), result(1, energy=-77.0 + 1e-9))
    other.put(address(2), result(2, energy=-78.0 - 3e-8))
    other.put(address(3), {**result(3), "gradient": [0.1 + 1e-12]})
    other.put(address(9), result(9))
    before = contents(cache.folder)
    transfer = merge_caches(other.folder, cache.folder)
    assert (transfer.stored, transfer.kept, transfer.differing) == (1, 4, 3)
    assert transfer.largest_difference == pytest.approx(3e-8, rel=1e-6)
    assert transfer.address_of_largest == address(2)
    assert before.items() <= contents(cache.folder).items()
    assert cache.get(address(9)) == result(9)


def test_success_beats_failure_from_whichever_side_it_comes(tmp_path, cache):
    other = filled(tmp_path / "other", tasks=[20], failures=[3, 30])
    transfer = merge_caches(other.folder, cache.folder)
    assert (transfer.stored, transfer.kept) == (2, 1)
    assert cache.get(address(20)) == result(20)
    assert not cache.failure_path(address(20)).exists()
    assert not cache.failure_path(address(3)).exists()
    assert cache.get_failure(address(30), EFFORT) == FAILURE


def test_existing_failure_is_kept(tmp_path, cache):
    other = Cache(tmp_path / "other")
    other.put_failure(address(20), digest("less effort"), FAILURE)
    merge_caches(other.folder, cache.folder)
    assert cache.get_failure(address(20), EFFORT) == FAILURE


def test_merging_is_the_same_as_exporting_and_importing(tmp_path, cache, archive):
    for folder in ("merged", "imported"):
        filled(tmp_path / folder, tasks=range(5, 12), failures=[2, 21, 22])
    merge_caches(cache.folder, tmp_path / "merged")
    import_archive(archive, tmp_path / "imported")
    assert contents(tmp_path / "merged") == contents(tmp_path / "imported")


def test_damaged_entry_of_the_source_is_not_merged(tmp_path, cache):
    path = cache.path(address(3))
    path.write_bytes(path.read_bytes()[:-20])
    transfer = merge_caches(cache.folder, tmp_path / "new")
    assert (transfer.stored, len(transfer.damaged)) == (9, 1)
    assert address(3) in transfer.damaged[0]
    assert Cache(tmp_path / "new").get(address(3)) is None


def test_read_only_cache_can_be_merged_exported_and_checked(tmp_path, tiny_disk):
    folder = tiny_disk("disk", "1m")
    cache = filled(folder)
    cache.path(address(3)).write_bytes(b"damage")
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    before = contents(folder)
    assert merge_caches(folder, tmp_path / "new").stored == 9
    export = export_cache(folder, tmp_path / "a.tar")
    assert (export.entries, len(export.damaged)) == (9, 1)
    check = check_cache(folder)
    assert (check.results, check.failures, len(check.damaged)) == (7, 2, 1)
    assert contents(folder) == before
    assert import_archive(tmp_path / "a.tar", tmp_path / "again").damaged == []
    assert contents(tmp_path / "again") == contents(tmp_path / "new")


# check


def test_check_counts_sets_aside_and_sweeps(cache):
    paths = [cache.path(address(task)) for task in range(8)]
    paths += [cache.failure_path(address(task)) for task in (20, 21)]
    size = sum(path.stat().st_size for path in paths[1:])
    paths[0].write_bytes(b"damage")
    leftover = paths[1].with_name(f".{paths[1].name}.k2j4x9q0")
    leftover.write_text("half")
    os.utime(leftover, (0, 0))
    check = check_cache(cache.folder)
    assert (check.results, check.failures, check.bytes, check.swept) == (7, 2, size, 1)
    assert len(check.damaged) == 1 and str(paths[0]) in check.damaged[0]
    assert paths[0].with_suffix(".damaged").exists()
    again = check_cache(cache.folder)
    assert (again.results, again.damaged, again.swept) == (7, [], 0)


# addresses


def test_addresses_of_a_run_are_those_of_its_calculations(tmp_path):
    for spec, shard, tasks in (("dft", "c1-01", [0, 1]), ("dft", "c2-01", [20]), ("xtb", "a", [5])):
        path = tmp_path / "qm" / spec / "records" / shard / "tasks.csv"
        outcomes = {task: "success" if task != 20 else "time_limit" for task in tasks}
        rows = [{"digest": address(task), "outcome": o} for task, o in outcomes.items()]
        write_table(path, rows, TASK_COLUMNS)
    assert addresses_of_run(tmp_path) == {
        address(0): True, address(1): True, address(20): False, address(5): True
    }  # fmt: skip
    path.write_text("outcome\nsuccess\n")
    with pytest.raises(CorruptFileError, match=r"tasks\.csv without 'digest'"):
        addresses_of_run(tmp_path)


def test_folder_without_calculations_is_one_sentence(tmp_path):
    with pytest.raises(HouseError, match="has no calculations"):
        addresses_of_run(tmp_path)


def test_file_of_addresses_is_read_and_a_wrong_line_named(tmp_path):
    path = tmp_path / "addresses"
    path.write_text(f"{address(1)}\n\n  {address(2)}\n")
    assert addresses_in_file(path) == [address(1), address(2)]
    for wrong in ("../../etc/passwd", address(1)[:-1], address(1).upper()):
        path.write_text(f"{address(1)}\n{wrong}\n")
        with pytest.raises(HouseError, match=f"line 2 of {path}"):
            addresses_in_file(path)


def test_name_of_an_entry_is_one_of_its_address_alone():
    name = entry_name(address(1))
    assert NAME.fullmatch(name)["address"] == address(1)
    assert NAME.fullmatch(entry_name(address(1), failed=True))["failed"]
    other = "0" if name[0] != "0" else "1"
    for wrong in (f"{other}{name[1:]}", f"x/{name}", f"{name}.xz", name.upper(), f"../{name[3:]}"):
        assert not NAME.fullmatch(wrong)
