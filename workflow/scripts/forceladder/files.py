"""Reading and writing files so that no reader ever sees half of one.

Everything is written under a temporary name in the destination's own folder, synced
to disk, then renamed; a crash leaves the old file or the new one, never a mixture.
"""

import bz2
import errno
import gzip
import json
import lzma
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from forceladder.errors import CorruptFileError


def as_name(text: str) -> str:
    """The text with a hyphen for whatever is awkward in the name of a file."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text)


@contextmanager
def atomic_path(path):
    """Yield a temporary path beside `path`; rename it into place if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    os.chmod(temporary, 0o666 & ~_umask())
    try:
        yield Path(temporary)
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        if error.filename in (None, temporary):
            error.filename = str(path)  # the name that the reader knows
        raise
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


OPENERS = {".xz": lzma.open, ".bz2": bz2.open, ".gz": gzip.open}  # by a name's last ending
CONTENTS = ".contents.json"  # in a folder of many files: what belongs there


@contextmanager
def atomic_directory(path, listed: bool = False):
    """Yield a temporary folder beside `path`; it replaces `path` if the block succeeds.

    listed: with a list of its files, so that `members` notices one that is missing
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    os.chmod(temporary, 0o777 & ~_umask())
    try:
        yield temporary
        if listed:
            write_json(temporary / CONTENTS, sorted(p.name for p in temporary.iterdir()))
        for attempt in range(100):
            old = temporary.with_name(f"{temporary.name}.old")
            with suppress(FileNotFoundError):
                os.replace(path, old)  # a rename, so that no reader meets a half-removed folder
            try:
                os.replace(temporary, path)
                break
            except OSError as error:
                # another writer put its folder there in between
                if error.errno != errno.ENOTEMPTY or attempt == 99:
                    raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def members(folder, pattern: str) -> list[Path]:
    """The files of a listed folder that match a glob pattern, sorted by name.

    raises: CorruptFileError if one of its files is gone: Snakemake would not notice
    """
    try:
        names = read_json(Path(folder, CONTENTS))
    except FileNotFoundError:
        raise CorruptFileError(
            f"{folder} has no {CONTENTS}; delete the folder and run again."
        ) from None
    paths = [Path(folder, name) for name in names]
    for path in paths:
        if not path.exists():
            raise CorruptFileError(f"{path} is gone; delete the folder {folder} and run again.")
    return [path for path in paths if fnmatch(path.name, pattern)]


def write_netcdf(path, dataset, encoding: dict | None = None):
    """Write an xarray.Dataset as NetCDF4 (HDF5), whole or not at all."""
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding or {})


def read_netcdf(path):
    """An xarray.Dataset, in memory, by whatever HDF5 reader is installed.

    raises: CorruptFileError
    """
    import xarray  # deferred: most who read and write files need no arrays

    try:
        return xarray.load_dataset(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise CorruptFileError(
            f"{path} cannot be read ({reason}); delete it and run again."
        ) from error


def sync(path):
    """Flush a file's or folder's content to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_bytes(path, content: bytes):
    """Write a file, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path, text: str):
    """Write UTF-8 text, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path, value):
    """Write JSON; a name that ends in .xz is compressed. NaN is refused: JSON has none."""
    text = json.dumps(value, indent=None if str(path).endswith(".xz") else 1, allow_nan=False)
    write_bytes(path, _packed(path, text + "\n"))


def read_json(path):
    """The value of a JSON file, compressed if its name ends in .xz; CorruptFileError if damaged."""
    return _parsed(path, _unpacked(path))


def write_json_lines(path, values):
    """Write one JSON value per line; a name that ends in .xz is compressed."""
    text = "".join(json.dumps(value, allow_nan=False) + "\n" for value in values)
    write_bytes(path, _packed(path, text))


def read_json_lines(path) -> list:
    """The values of a file with one JSON value per line; CorruptFileError if damaged."""
    return [_parsed(path, line) for line in _unpacked(path).splitlines()]


def _packed(path, text: str) -> bytes:
    # CRC64 inside the container is what tells a truncated or flipped file apart later.
    return lzma.compress(text.encode(), preset=1) if str(path).endswith(".xz") else text.encode()


def _unpacked(path) -> str:
    content = Path(path).read_bytes()
    try:
        return (lzma.decompress(content) if str(path).endswith(".xz") else content).decode()
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise CorruptFileError(
            f"{path} is damaged ({error}); delete {_of_its_rule(path)} and run again: the rule "
            "that made it takes finished calculations from the cache."
        ) from error


def _of_its_rule(path) -> str:
    """What Snakemake makes as one: the file's folder if that has a list, else the file."""
    folder = Path(path).parent
    return f"the folder {folder}" if (folder / CONTENTS).exists() else "it"


def _parsed(path, text: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CorruptFileError(
            f"{path} is not valid JSON ({error}); delete {_of_its_rule(path)} and run again."
        ) from error
