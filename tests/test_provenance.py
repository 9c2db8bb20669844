"""Digests that depend on what they should and on nothing else."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import SCRIPTS
from forceladder import provenance

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(), NUMBERS))
def test_digest_forgets_the_order_of_keys(value):
    assert provenance.digest(dict(reversed(value.items()))) == provenance.digest(value)


@given(NUMBERS)
def test_digest_survives_a_round_trip_through_json(number):
    assert provenance.digest(json.loads(json.dumps([number]))) == provenance.digest([number])


@given(st.floats(min_value=1e-3, max_value=1e3))
def test_digest_sees_the_last_bit_of_a_number(number):
    neighbour = float.fromhex(number.hex())
    assert provenance.digest(neighbour) == provenance.digest(number)
    assert provenance.digest(number * (1 + 2**-52)) != provenance.digest(number)


def test_digest_is_the_sha256_of_canonical_json():
    """A digest written in a release can be checked with `printf … | sha256sum`."""
    expected = hashlib.sha256(b'{"a":[1,2.5,null],"b":"\\u00c5"}').hexdigest()
    assert provenance.digest({"b": "Å", "a": [1, 2.5, None]}) == expected


def test_digest_refuses_what_is_no_json():
    with pytest.raises(ValueError):
        provenance.digest([float("nan")])


def test_file_digest_agrees_with_sha256sum(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(100_000))
    answer = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    assert provenance.file_digest(path) == answer.split()[0]


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A copy of the library that a test may edit."""
    copy = tmp_path / "forceladder"
    shutil.copytree(provenance.HOUSE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "HOUSE", copy)
    provenance.code_digest.cache_clear()
    yield copy
    provenance.code_digest.cache_clear()


def digest_after(change):
    change()
    provenance.code_digest.cache_clear()
    return provenance.code_digest("qm", "molecules")


def test_code_digest_sees_an_edit_of_its_rooms_and_of_the_vocabulary_alone(house):
    before = provenance.code_digest("qm", "molecules")
    assert digest_after(lambda: (house / "energy" / "new.py").write_text("")) == before
    assert digest_after(lambda: (house / "qm" / "__pycache__").mkdir()) == before
    assert digest_after(lambda: (house / "qm" / "__pycache__" / "a.pyc").touch()) == before
    for file in ("qm/runners/protocol.py", "molecules/lennard_jones_sage.csv", "units.py"):
        with open(house / file, "a") as text:
            text.write("#")
        after = digest_after(lambda: None)
        assert after != before
        before = after
    assert digest_after(lambda: (house / "qm" / "new.py").touch()) != before


def test_code_digest_of_a_room_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError, match="cellar"):
        provenance.code_digest("cellar")


def test_versions_of_packages_are_those_that_they_give_themselves():
    import numpy
    import xarray

    versions = provenance.package_versions()
    assert versions["numpy"] == numpy.__version__
    assert versions["xarray"] == xarray.__version__
    assert versions["python"] == sys.version.split()[0]


def test_commit_of_a_copy_outside_git_is_unknown(house):
    assert provenance.code_commit() == {"commit": None, "modified": None}


def test_commit_is_gits_even_where_git_points_elsewhere(tmp_path, monkeypatch):
    git = ["git", "-C", str(provenance.HOUSE), "rev-parse", "HEAD"]
    answer = subprocess.run(git, capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("this copy of the repository is no git checkout")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # as within a git hook
    assert provenance.code_commit()["commit"] == answer.stdout.strip()


@pytest.mark.parametrize("module", ["provenance", "molecules.listing", "errors", "files", "job"])
def test_what_the_snakefile_imports_needs_no_package(module):
    """`python -I -S` sees the standard library alone."""
    program = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import forceladder.{module}"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)


def test_digest_of_a_path_sees_every_byte_and_name_in_it(tmp_path):
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "inner" / "b").write_text("2")
    seen = {provenance.path_digest(folder)}
    for change in (
        lambda: (folder / "inner" / "b").write_text("3"),
        lambda: (folder / "a").rename(folder / "c"),
        lambda: (folder / "empty").touch(),
    ):
        change()
        seen.add(provenance.path_digest(folder))
    assert len(seen) == 4
    shutil.copytree(folder, tmp_path / "copy")
    assert provenance.path_digest(tmp_path / "copy") in seen
    assert provenance.path_digest(folder / "c") == hashlib.sha256(b"1").hexdigest()
