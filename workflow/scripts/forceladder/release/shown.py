"""The tables and pictures that a report shows and a release keeps, by the names of a rule's inputs.

A further one is a line in rules/shown.smk: as `name` it is read and handed to the templates, as
`tables.name` (CSV), `facts.name` (JSON), `plots.name` of an input `name_plot` (SVG) or
`pages.name` of an input `name_page` (HTML). What is given as a list, one file per released rung,
is `rungs[rung].name`, a picture with its `_plot`.
"""

import shutil
from pathlib import Path

from forceladder import files
from forceladder.tables import read_table

READERS = {
    ".csv": ("tables", read_table),
    ".json": ("facts", files.read_json),
    ".svg": ("plots", lambda path: Path(path).read_text()),
    ".html": ("pages", lambda path: Path(path).read_text()),
}
ENDINGS = ("_plot", "_page")  # of names whose files are told apart from a table's by it


def read_shown(inputs: dict, rungs: list[str]) -> dict:
    """tables, facts, plots and pages by name, and rungs: rung → name → content.

    inputs: name → path, or paths of one file per rung; files of other kinds are passed over
    """
    shown: dict = {kind: {} for kind, _ in READERS.values()}
    shown["rungs"] = {rung: {} for rung in rungs}
    for name, given in inputs.items():
        paths = [given] if isinstance(given, str) else list(given)
        if not paths or Path(paths[0]).suffix not in READERS:
            continue
        kind, read = READERS[Path(paths[0]).suffix]
        if isinstance(given, str):
            shown[kind][_plain(name)] = read(given)
            continue
        for rung, path in zip(rungs, paths, strict=True):
            shown["rungs"][rung][name] = read(path)
    return shown


def copy_shown(inputs: dict, rungs: list[str], folder: Path):
    """Copy the same files to validation/, those of one rung to validation/{rung}/."""
    for given in inputs.values():
        paths = [given] if isinstance(given, str) else list(given)
        if not paths or Path(paths[0]).suffix not in READERS:
            continue
        places = [""] if isinstance(given, str) else rungs
        for place, path in zip(places, paths, strict=True):
            target = folder / "validation" / place / Path(path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def _plain(name: str) -> str:
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name
