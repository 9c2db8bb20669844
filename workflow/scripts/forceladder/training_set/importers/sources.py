"""Opening files that others wrote: folders, compression, and one sentence for what is wrong."""

import contextlib
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from forceladder.errors import ConfigError, CorruptFileError, HouseError
from forceladder.files import OPENERS
from forceladder.provenance import file_digest

# What Python's readers raise on truncated or altered files
DAMAGE = (
    OSError, EOFError, ValueError, KeyError, IndexError, RuntimeError, StopIteration,
    lzma.LZMAError, zlib.error, zipfile.BadZipFile,
)  # fmt: skip


@contextlib.contextmanager
def damage_named(path, kind: str):
    """Turn any error of a reader into one sentence; kind: 'an extended XYZ file'."""
    try:
        yield
    except HouseError:
        raise
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; correct the path of the import.") from error
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CorruptFileError(
            f"{path} is damaged or not {kind} ({reason}); copy it anew from where it came."
        ) from error


def source_files(path, *endings: str) -> list[Path]:
    """The file `path`, or those in the folder `path` whose names end so, sorted by name."""
    path = Path(path)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.endswith(endings))
        if not found:
            raise ConfigError(f"the folder {path} holds no file that ends in {_listed(endings)}.")
        return found
    if not path.exists():
        raise ConfigError(f"{path} does not exist; correct the path of the import.")
    return [path]


def source_digests(path) -> dict[str, str]:
    """File name → SHA-256, of a file or of all files of a folder."""
    files = sorted(Path(path).iterdir()) if Path(path).is_dir() else [Path(path)]
    return {file.name: file_digest(file) for file in files if file.is_file()}


def text_lines(path, kind: str) -> Iterator[str]:
    """Lines of a text file without their ends; .gz, .xz and .bz2 are unpacked on the way."""
    with damage_named(path, kind):
        opener = OPENERS.get(Path(path).suffix, open)
        with opener(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n")


def json_lines(path, kind: str) -> Iterator[tuple[int, dict]]:
    """(line number from 1, value) of a file with one JSON object per line."""
    for number, line in enumerate(text_lines(path, kind), start=1):
        if line.strip():
            with damage_named(path, f"{kind}, line {number}"):
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError("a line is no JSON object")
            yield number, value


def json_value(path, kind: str) -> dict:
    """The JSON object that fills a file."""
    with damage_named(path, kind):
        value = json.loads("\n".join(text_lines(path, kind)))
        if not isinstance(value, dict):
            raise ValueError("it holds no JSON object")
        return value


def npz_arrays(path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named arrays of a .npz file, and `keys`, the names of all; nothing is unpickled.

    raises: ConfigError, naming the arrays that the file lacks
    """
    with damage_named(path, "a .npz file"), np.load(path, allow_pickle=False) as file:
        require(path, file.files, names, "arrays")
        return {name: file[name] for name in names} | {"keys": np.array(file.files)}


def require(path, present, needed, what: str):
    """Raise ConfigError if one of `needed` is not `present`; what: 'arrays', 'columns'."""
    if missing := [name for name in needed if name not in present]:
        raise ConfigError(
            f"{path} lacks the {what} {_listed(missing)}; it has {_listed(present) or 'none'}. "
            "Is the import's format right?"
        )


def _listed(names) -> str:
    return ", ".join(map(str, names))
