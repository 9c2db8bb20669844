"""Tables that people open: CSV, one row per dict, a missing value empty."""

import csv
import io
import math

from forceladder.errors import CorruptFileError
from forceladder.files import write_text


def write_table(path, rows: list[dict], columns: list[str]):
    """Write rows atomically; None and NaN become empty, other keys than `columns` are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(row.get(key)) for key in columns})
    write_text(path, text.getvalue())


def _cell(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value


def read_table(path) -> list[dict]:
    """Rows of a CSV file that `write_table` wrote, as dicts of strings.

    raises: CorruptFileError if the header or a row is not whole
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if not reader.fieldnames or any(None in row or None in row.values() for row in rows):
        raise CorruptFileError(f"{path} is no whole table; delete it and run again.")
    return rows


def number(cell: str) -> float:
    """A cell as a float; NaN if it is empty."""
    return float(cell) if cell else math.nan
