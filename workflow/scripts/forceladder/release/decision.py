"""Whether a run may be released: all that stands against it, at once."""

from forceladder.errors import GateError
from forceladder.release.gates import missed_gates


def reasons_against(tables: dict) -> list[str]:
    """A phrase for each number that missed its limit and has no waiver; empty: it is released.

    tables: name → rows as strings; gates
    """
    return missed_gates(tables["gates"])


def require_release(tables: dict, report):
    """Raise GateError if anything stands against a release, naming it all.

    report: path of the report that shows it
    """
    if reasons := reasons_against(tables):
        raise GateError(
            f"not released, {len(reasons)} limit(s) missed: {'; '.join(reasons)}. Look at "
            f"{report}; mend the force field, change the limit in the config, or write a waiver "
            "with its reason."
        )
