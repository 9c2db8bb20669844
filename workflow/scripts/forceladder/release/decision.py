"""Whether a run may be released: all that stands against it, at once."""

from forceladder.errors import GateError
from forceladder.release.gates import missed_gates
from forceladder.release.regressions import blocking


def reasons_against(shown: dict) -> list[str]:
    """A phrase for each gate that was missed and each regression without a waiver, and for a
    version that is too low; empty: it is released.

    shown: of `read_shown`; tables.gates and, where there is a previous release, tables.changes and
        facts.previous
    """
    tables = shown["tables"]
    reasons = missed_gates(tables["gates"]) + blocking(tables.get("changes", []))
    too_low = shown["facts"].get("previous", {}).get("refusal")
    return reasons + ([too_low] if too_low else [])


def require_release(shown: dict, report):
    """Raise GateError if anything stands against a release, naming it all.

    report: path of the report that shows it
    """
    if reasons := reasons_against(shown):
        raise GateError(
            f"not released, for {len(reasons)} reason(s): {'; '.join(reasons)}. Look at {report}; "
            "mend the force field, change the limit or the version in the config, or write a "
            "waiver with its reason."
        )
