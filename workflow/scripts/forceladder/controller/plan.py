"""What a run was planned from, held by jobs on other machines against what they find.

Such a job parses Snakefile, rules and configuration again, possibly after somebody
has edited them; it would compute with the new what Snakemake notes as made with the
old. Standard library only: the Snakefile imports this.
"""

import json
import os
from pathlib import Path

from forceladder import files
from forceladder.errors import ConfigError
from forceladder.provenance import digest, file_digest

PLAN = "FORCELADDER_PLAN"  # in the environment of jobs: the file that says what the run began with


def plan_of(config: dict, sources) -> dict:
    """The configuration and digests of the files that a run is planned from."""
    return {
        "config": json.loads(json.dumps(config, default=str)),
        "files": {
            os.path.relpath(path): file_digest(path) for path in sources if os.path.isfile(path)
        },
    }


def keep_plan(plan: dict, folder):
    """Write the plan where the run's jobs find it."""
    path = Path(folder).resolve() / f"{digest(plan)[:16]}.json"
    files.write_json(path, plan)
    os.environ[PLAN] = str(path)


def check_plan(plan: dict):
    """raises: ConfigError, if this is not what the run began with that this is a job of"""
    try:
        begun = files.read_json(os.environ[PLAN])
    except (KeyError, FileNotFoundError):  # of a run that did not say
        return
    changed = [
        *changed_keys(begun["config"], plan["config"]),
        *changed_keys(begun["files"], plan["files"]),
    ]
    if changed:
        raise ConfigError(
            f"{', '.join(changed[:5])}{' and more' if changed[5:] else ''} changed since this run "
            "began; undo that, or stop the run and start it again: what is finished is kept."
        )


def changed_keys(before, now, name: str = "") -> list[str]:
    """Names of what differs between two JSON values, joined by dots in the configuration."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [name]
    keys = sorted(before.keys() | now.keys(), key=str)
    inside = [
        changed_keys(before.get(key), now.get(key), f"{name}.{key}" if name else str(key))
        for key in keys
    ]
    return [one for found in inside for one in found]
