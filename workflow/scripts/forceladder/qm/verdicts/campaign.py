"""Whether too much of a campaign failed."""

from collections import Counter

from forceladder.errors import TooManyFailuresError
from forceladder.qm.verdicts.record import ACCEPTED

# A copy costs a calculation and teaches nothing, but nothing is wrong with it
HARMLESS = (ACCEPTED, "duplicate")


def judge_campaign(verdicts: list[dict], max_failed_fraction: float):
    """Raise TooManyFailuresError if more than the allowed fraction was refused.

    verdicts: rows with molecule, verdict and reason; duplicates are no failures
    """
    refused = [row for row in verdicts if row["verdict"] not in HARMLESS]
    if not verdicts:
        raise TooManyFailuresError(
            "no molecule reached the QM stage; rejected.csv says why each one was rejected."
        )
    if len(refused) > max_failed_fraction * len(verdicts):
        commonest, count = Counter(row["verdict"] for row in refused).most_common(1)[0]
        first = next(row for row in refused if row["verdict"] == commonest)
        raise TooManyFailuresError(
            f"{len(refused)} of {len(verdicts)} QM records were not accepted, more than "
            f"qm.max_failed_fraction {max_failed_fraction:g}; the most common verdict is "
            f"{commonest} ({count} times), first {first['molecule']}: {first['reason'][:200]}. "
            "verdicts.csv lists all of them. "
            "To try failed ones again, delete their folder in qm/<spec>/records/ and run again."
        )
