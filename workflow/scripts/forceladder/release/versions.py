"""Semantic versions of force fields: X form or strategy, Y numbers move, Z fix. Standard library.

X  the terms of a rung, its network, its loss, what it was fitted on top of, or the level of theory
   changed, or a rung is gone: what users assume of its energies no longer holds
Y  the same form with other numbers, or a rung more
Z  the same numbers, within a tolerance: documentation, files of an engine, a mended report

While X is 0, a new form needs another Y at least, as SemVer has it for first versions.
"""

import re

STRATEGY = ("base", "correction", "bespoke", "network", "loss_weights")  # of a fit's settings
LOSS = ("force_loss", "energy_scale_kcal_per_atom")  # of its training; the rest only finds minima


def numbers_of(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ValueError(f"{version!r} is no version X.Y.Z")
    return tuple(map(int, version.split(".")))


def form_changes(old: dict, new: dict) -> list[str]:
    """Phrases on what differs in form or strategy.

    old, new: level_of_theory, and rungs: name → the settings in its fit.json. A key that only one
    of two sections knows is passed over: another version of forceladder may have named it.
    """
    found = []
    if old["level_of_theory"] != new["level_of_theory"]:
        found.append(
            f"the level of theory was {old['level_of_theory']} and is {new['level_of_theory']}"
        )
    for rung, was in old["rungs"].items():
        if (now := new["rungs"].get(rung)) is None:
            found.append(f"the rung {rung} is gone")
            continue
        if was["terms"] != now["terms"]:
            found.append(f"{rung} has other terms")
        found += [f"{rung}: {phrase}" for phrase in section_changes(was, now)]
    return found


def section_changes(was: dict, now: dict) -> list[str]:
    """The same of one rung's settings but for its terms."""
    found = []
    for key in STRATEGY:
        before, after = was.get(key), now.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differing(key, before, after, before.keys() & after.keys())
        elif before != after:
            found.append(f"{key} was {before} and is {after}")
    training = (was.get("training", {}), now.get("training", {}))
    shared = set(LOSS) & training[0].keys() & training[1].keys()
    return found + differing("training", *training, shared)


def differing(section: str, before: dict, after: dict, keys) -> list[str]:
    return [
        f"{section}.{key} was {before[key]} and is {after[key]}"
        for key in sorted(keys)
        if before[key] != after[key]
    ]


def needed_level(form: list[str], numbers: list[str]) -> str:
    """X, Y or Z. form, numbers: phrases on what changed of either kind"""
    return "X" if form else "Y" if numbers else "Z"


def least_version(old: str, level: str) -> tuple[int, ...]:
    """The least version after `old` that such a change may have."""
    x, y, z = numbers_of(old)
    if level == "X" and x > 0:
        return (x + 1, 0, 0)
    return (x, y + 1, 0) if level in "XY" else (x, y, z + 1)


def refusal(old: str, new: str, level: str, why: list[str]) -> str:
    """One sentence if the version is too low for what changed, else ''."""
    least = least_version(old, level)
    if numbers_of(new) >= least:
        return ""
    kind = {"X": "its form or strategy", "Y": "its numbers", "Z": "no number"}[level]
    more = f" (and {len(why) - 3} more)" if len(why) > 3 else ""
    because = f": {'; '.join(why[:3])}{more}" if why else ""
    return (
        f"release.version is {new}, but since {old} {kind} changed{because}; "
        f"it must be {'.'.join(map(str, least))} or later"
    )


def number_changes(old_rungs, new_rungs, shifts: list[dict], tolerance: float) -> list[str]:
    """Phrases on rungs that are new, and on the number of each rung that moved most.

    shifts: of `parameter_shifts` with the rung; tolerance: of its `largest_relative`
    """
    found = [f"the rung {rung} is new" for rung in new_rungs if rung not in old_rungs]
    moved: dict[str, dict] = {}
    for row in sorted(shifts, key=lambda row: -row["largest_relative"]):
        if row["largest_relative"] > tolerance:
            moved.setdefault(row["rung"], row)
    return found + [
        f"{rung}: {row['term']} {row['parameter']} of {row['molecule']} {row['atoms']}".rstrip()
        + f" moved by {row['largest_shift']:.3g} {row['unit']}"
        for rung, row in moved.items()
    ]


def judged_version(old: dict, new: dict, shifts: list[dict], tolerance: float) -> dict:
    """What the comparison asks of the version: level, why, and a refusal, '' if it is high enough.

    old, new: version, level_of_theory, rungs (see `form_changes`)
    """
    form = form_changes(old, new)
    numbers = number_changes(old["rungs"], new["rungs"], shifts, tolerance)
    level, why = needed_level(form, numbers), form + numbers
    said = refusal(old["version"], new["version"], level, why)
    return {"level": level, "why": why, "refusal": said}
