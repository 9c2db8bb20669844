"""The rows of a molecule file and their shards, from text alone.

The Snakefile reads this each time it is parsed, so nothing here imports chemistry:
whether a row is a molecule at all is judged later, by a job.
"""

import csv
import gzip
import hashlib
import json
import lzma
import math
import re
from collections import defaultdict
from pathlib import Path

from forceladder.errors import ConfigError
from forceladder.files import OPENERS, as_name

COLUMNS = {"id", "smiles", "charge", "multiplicity", "split", "charges"}
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COST_EXPONENT = 2.4  # of heavy atoms, measured for B3LYP/DZVP in Psi4 1.3.2
# QCSubmit's and QCArchive's name of a mapped SMILES
MAPPED = "canonical_isomeric_explicit_hydrogen_mapped_smiles"
SPLITS = ("train", "validation", "test")


def is_dataset(path) -> bool:
    """Whether a molecule file is a QCSubmit dataset, which brings geometries of its own."""
    path = Path(path)
    return ".json" in (path.suffix, path.with_suffix("").suffix)


def molecule_rows(path) -> list[dict]:
    """Rows of a .csv, .smi or .sdf file, or of a QCSubmit dataset (.json): dicts of strings.

    Keys: `id`, `line` (where the row starts in the file, from 1; of a dataset the number of
    the entry), `source` (SMILES or mol block), `format` ('smiles' or 'sdf'), and those of
    `charge`, `multiplicity`, `split`, `charges` that are given. A row without an id is named
    after its line. The file may be compressed (.json.xz, .json.bz2, .csv.gz).

    Raises ConfigError for what no single row can be blamed for: a missing file, an
    unknown column, an id given twice or unfit for a file name, an unknown split.
    """
    path = Path(path)
    readers = {".csv": _csv_rows, ".smi": _smiles_rows, ".sdf": _sdf_rows, ".json": _dataset_rows}
    suffix = path.with_suffix("").suffix if path.suffix in OPENERS else path.suffix
    if suffix not in readers:
        raise ConfigError(f"molecules.file {path} must end in one of {', '.join(readers)}.")
    try:
        opener = OPENERS.get(path.suffix, open)
        with opener(path, "rt", encoding="utf-8-sig") as file:
            text = file.read()
    except (lzma.LZMAError, EOFError, gzip.BadGzipFile) as error:
        raise ConfigError(f"molecules.file {path} is damaged: {error}.") from error
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"molecules.file {path} cannot be read: {reason}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"molecules.file {path} is not UTF-8 text: {error}.") from error
    try:
        rows = readers[suffix](path, text)
    except csv.Error as error:
        raise ConfigError(f"{path} is not proper CSV ({error}); look for a stray quote.") from error
    if not rows:
        raise ConfigError(f"molecules.file {path} holds no molecule.")
    _check(path, rows)
    return rows


def _csv_rows(path, text):
    reader = csv.DictReader(text.splitlines(), strict=True)
    columns = reader.fieldnames or []
    if unknown := set(columns) - COLUMNS:
        raise ConfigError(
            f"{path} has unknown column {sorted(map(str, unknown))}; known are {sorted(COLUMNS)}."
        )
    if "smiles" not in columns:
        raise ConfigError(f"{path} has no column 'smiles'.")
    rows = []
    for values in reader:
        if None in values:
            raise ConfigError(
                f"{path} line {reader.line_num} has more fields than the {len(columns)} columns "
                f"{columns}; put quotes around a value that holds a comma."
            )
        given = {k: v.strip() for k, v in values.items() if v and v.strip()}
        if given:
            source = given.pop("smiles", "")
            rows.append({**given, "line": reader.line_num, "source": source, "format": "smiles"})
    return rows


def _smiles_rows(path, text):
    rows = []
    for line, content in enumerate(text.splitlines(), start=1):
        words = content.split(maxsplit=1)
        if words and not content.startswith("#"):
            name = {"id": words[1].strip()} if len(words) == 2 else {}
            rows.append({**name, "line": line, "source": words[0], "format": "smiles"})
    return rows


def _sdf_rows(path, text):
    rows, start = [], 1
    for block in re.split(r"^\$\$\$\$.*\n?", text, flags=re.MULTILINE):
        if block.strip():
            title = block.split("\n", 1)[0].strip()
            name = {"id": title} if title else {}
            rows.append({**name, "line": start, "source": block, "format": "sdf"})
        start += block.count("\n") + 1
    return rows


def _dataset_rows(path, text):
    """Each molecule of a QCSubmit dataset once; importers.qcsubmit reads its geometries."""
    try:
        entries = json.loads(text)["dataset"]
        attributes = [entry["attributes"] for entry in entries.values()]
        # OpenFF's spelling without map numbers has lost some cis and trans
        smiles = [found.get(MAPPED) or found["canonical_isomeric_smiles"] for found in attributes]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"molecules.file {path} is no QCSubmit dataset ({error!r}).") from error
    rows = {}
    for line, (name, source) in enumerate(zip(entry_names(entries), smiles, strict=True), start=1):
        row = {"id": name, "line": line, "source": source, "format": "smiles"}
        rows.setdefault(source, row)
    return list(rows.values())


def entry_names(indices) -> list[str]:
    """A name for each entry of a QCSubmit dataset: its index if it is a file name of its own,
    else its number (indices are often SMILES)."""
    names, taken = [], set()
    for number, index in enumerate(indices, start=1):
        fit = ID.fullmatch(index) and index.lower() not in taken
        names.append(index if fit else f"entry-{number}")
        taken.add(index.lower())
    return names


def _check(path, rows):
    seen = {}
    for row in rows:
        where = f"{path} line {row['line']}"
        # names of vendor files, such as 'acetic acid', become file names
        name = row["id"] = as_name(row.get("id", f"line-{row['line']}"))
        if not ID.fullmatch(name):
            raise ConfigError(
                f"{where}: id {name!r} cannot be a file name; use letters, digits and _.+- only, "
                "at most 80 of them, beginning with a letter or digit."
            )
        if name.lower() in seen:
            raise ConfigError(
                f"{where}: id {name!r} was given before, in line {seen[name.lower()]}; "
                "ids differ by more than case, because files are named after them."
            )
        seen[name.lower()] = row["line"]
        if row.get("split", "train") not in SPLITS:
            raise ConfigError(f"{where}: split {row['split']!r} is not one of {', '.join(SPLITS)}.")
        for key in ("charge", "multiplicity"):
            if key in row and not re.fullmatch(r"[+-]?\d+", row[key]):
                raise ConfigError(f"{where}: {key} {row[key]!r} is not a whole number.")
        for number in row.get("charges", "").split():
            if not NUMBER.fullmatch(number):
                raise ConfigError(
                    f"{where}: charges holds {number!r}; it is numbers with blanks between them, "
                    "one for each atom of a mapped SMILES."
                )


def estimated_cost(row: dict) -> float:
    """Relative cost of one QM gradient: (heavy atoms)^2.4, 1 for a single heavy atom.

    Heavy atoms are counted in the text: capital letters of a SMILES other than H, and its
    aromatic lower-case ones; atom lines of a mol block.
    """
    if row["format"] == "sdf":
        heavy = len(re.findall(r"^(?:\s+-?\d+\.\d+){3}\s+(?!H\s)[A-Z]", row["source"], re.M))
        heavy += len(re.findall(r"^M  V30 \d+ (?!H )[A-Z][a-z]?\s+-?\d", row["source"], re.M))
    else:
        without_brackets = re.sub(r"\[\d*([A-Za-z][a-z]?)[^\]]*\]", r"\1", row["source"])
        heavy = len(re.findall(r"(?:Cl|Br|Si|Se|[B-GI-Z]|[bcnops])", without_brackets))
    return float(max(heavy, 1)) ** COST_EXPONENT


def plan_shards(
    rows: list[dict], cost_per_shard: float, max_shards: float = math.inf
) -> dict[str, list[dict]]:
    """Groups of molecules of about equal estimated cost: the units of cluster work.

    Rows fall into classes of similar cost (powers of two), each class into 2ᵏ shards
    by a hash of the id. A row added later joins a shard and leaves the others as they
    are, until its class outgrows its shards and k rises by one.

    max_shards: where there would be more, the class with the cheapest shards joins them two
        by two, then the next; so there a new row changes one class, too. Each class keeps one.
    returns: rows by shard name ('c05-03': cost class 5, fourth shard), no shard empty
    """
    classes = defaultdict(list)
    for row in rows:
        classes[int(estimated_cost(row)).bit_length()].append(row)
    totals = {k: math.fsum(map(estimated_cost, members)) for k, members in classes.items()}
    counts = dict.fromkeys(sorted(classes), 1)
    for k, members in classes.items():
        while totals[k] / counts[k] > cost_per_shard and counts[k] < len(members):
            counts[k] *= 2
    while sum(counts.values()) > max(max_shards, len(counts)):
        cheapest = min((totals[k] / count, k) for k, count in counts.items() if count > 1)[1]
        counts[cheapest] //= 2
    shards = defaultdict(list)
    for k, members in classes.items():
        for row in members:
            hashed = int.from_bytes(hashlib.sha256(row["id"].encode()).digest()[:8], "big")
            shards[f"c{k:02d}-{hashed % counts[k]:04d}"].append(row)
    return dict(sorted(shards.items()))
