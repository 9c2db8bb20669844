"""Whether two releases are one: two runs from the same commit and config. Standard library.

What must be the same: everything in the manifest but SECTIONS_OF_A_RUN, above all the digests of
the training set's content, of the molecules, the QM records, the splits and the configuration.
What may differ: the machine, versions of packages, timings and their tables and pictures, and
parameters within a tolerance, because sums of floating-point numbers depend on the machine.
"""

import math
from pathlib import Path

from forceladder import files
from forceladder.errors import ReleaseError
from forceladder.release.manifest import MANIFEST

SECTIONS_OF_A_RUN = ("files", "run", "machine", "packages", "previous")
# Of parameters, relative to the largest of their kind in the molecule. On the same machine with the
# same threads there is no difference; on others sums have other roundings, which a fit amplifies.
TOLERANCE = 1e-6
SHOWN = 8  # differences of one list that are named


def same_release(one, other, tolerance: float = TOLERANCE) -> list[str]:
    """Sentences on how two release folders differ in what must be the same; empty if they do not.

    raises: ReleaseError for a folder that is no release
    """
    one, other = Path(one), Path(other)
    manifests = [read_manifest(folder) for folder in (one, other)]
    kept = [{k: v for k, v in m.items() if k not in SECTIONS_OF_A_RUN} for m in manifests]
    found = differences(*kept)
    largest, where = 0.0, ""
    paths = [
        {path.relative_to(folder).as_posix() for path in folder.glob("systems/*/*.json")}
        for folder in (one, other)
    ]
    found += [f"{name} is in one release alone" for name in sorted(paths[0] ^ paths[1])[:SHOWN]]
    for name in sorted(paths[0] & paths[1]):
        pair = [files.read_json(folder / name) for folder in (one, other)]
        shift, key = parameter_difference(*pair)
        if not shift <= largest:
            largest, where = shift, f"{name}, {key}"
    if not largest <= tolerance:
        found.append(
            f"parameters differ by up to {largest:.2g} of their size ({where}), tolerance "
            f"{tolerance:.2g}"
        )
    return found


def read_manifest(folder: Path) -> dict:
    try:
        manifest = files.read_json(folder / MANIFEST)
    except FileNotFoundError:
        raise ReleaseError(f"{folder} is no release: it has no {MANIFEST}.") from None
    if not isinstance(manifest, dict):
        raise ReleaseError(f"{folder} is no release: its {MANIFEST} is no manifest.")
    return manifest


def differences(one, other, key: str = "") -> list[str]:
    """Phrases on where two JSON values differ, each with its key."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for name in dict.fromkeys((*one, *other)):
            place = f"{key}.{name}" if key else name
            if name not in one or name not in other:
                found.append(
                    f"{place} is in {'the second' if name in other else 'the first'} alone"
                )
            else:
                found += differences(one[name], other[name], place)
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = [d for k, pair in enumerate(zip(one, other, strict=True))
                 for d in differences(*pair, f"{key}.{k}")]  # fmt: skip
        more = [f"{key} has {len(found) - SHOWN} more differences"] if len(found) > SHOWN else []
        return found[:SHOWN] + more
    if isinstance(one, list) and isinstance(other, list):
        return [f"{key} has {len(one)} and {len(other)} entries"]
    return [] if one == other else [f"{key} is {brief(one)} and {brief(other)}"]


def brief(value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


def parameter_difference(one, other, key: str = "") -> tuple[float, str]:
    """Largest difference of two parameter files, relative to the largest number beside it, and
    its key; infinite where they are not made alike.

    A list of numbers is measured by its own largest: a zero that is 1e-17 elsewhere is no change.
    """
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(one[name], other[name], f"{key}.{name}".lstrip(".")) for name in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        flat = [list(leaves(values)) for values in (one, other)]
        if all(map(is_number, flat[0] + flat[1])) and len(flat[0]) == len(flat[1]):
            size = max(map(abs, flat[0]), default=0.0) or 1.0
            shifts = (relative(a - b, size) for a, b in zip(*flat, strict=True))
            return max(shifts, default=0.0), key
        pairs = [(a, b, key) for a, b in zip(one, other, strict=True)]
    elif is_number(one) and is_number(other):
        return relative(one - other, abs(one) or 1.0), key
    else:
        return (0.0 if one == other else math.inf), key
    return max((parameter_difference(*pair) for pair in pairs), default=(0.0, key))


def is_number(value) -> bool:
    return type(value) in (int, float)


def relative(difference: float, size: float) -> float:
    return math.inf if math.isnan(difference) else abs(difference) / size


def leaves(values):
    """What nested lists hold, one after another."""
    for value in values:
        if isinstance(value, list):
            yield from leaves(value)
        else:
            yield value
