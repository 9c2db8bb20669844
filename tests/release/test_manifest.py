"""A release is what its manifest says, to the byte; coreutils' sha256sum is the judge."""

import json
import subprocess

import pytest

from forceladder.cli import main
from forceladder.release.manifest import MANIFEST, SEAL, SUMS, verify, write_manifest


@pytest.fixture
def release(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights.npz").write_bytes(bytes(range(256)))
    (tmp_path / "report.html").write_text("<p>report</p>")
    write_manifest(tmp_path, {"name": "example"})
    return tmp_path


def test_an_untouched_release_verifies(release, capsys):
    assert verify(release) == []
    assert main(["verify", str(release)]) == 0
    assert "every file is as it was released" in capsys.readouterr().out


def test_digests_are_those_of_sha256sum(release):
    digests = json.loads((release / MANIFEST).read_text())["files"]
    lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    command = ["sha256sum", "--check", "--strict", "-"]
    subprocess.run(command, cwd=release, input=lines, text=True, check=True, capture_output=True)
    command = ["sha256sum", "--check", "--strict", SEAL, SUMS]
    subprocess.run(command, cwd=release, check=True, capture_output=True)


def test_every_flipped_byte_of_every_file_is_named(release):
    for path in [p for p in release.rglob("*") if p.is_file()]:
        content = path.read_bytes()
        for position in range(0, len(content), max(1, len(content) // 40)):
            changed = bytearray(content)
            changed[position] ^= 0x10
            path.write_bytes(changed)
            found = verify(release)
            assert found, f"byte {position} of {path.name}"
            assert any(path.name in sentence for sentence in found)
        path.write_bytes(content)
    assert verify(release) == []


def test_missing_and_added_files_are_named(release, capsys):
    (release / "report.html").unlink()
    (release / "notes.txt").write_text("added")
    assert verify(release) == ["report.html is missing.", "notes.txt was added."]
    assert main(["verify", str(release)]) == 1
    assert "report.html is missing" in capsys.readouterr().err


def test_a_folder_that_is_no_release_is_one_sentence(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert "is no complete release" in capsys.readouterr().err


def test_snakemakes_own_mark_is_not_an_added_file(release):
    (release / ".snakemake_timestamp").touch()
    assert verify(release) == []
