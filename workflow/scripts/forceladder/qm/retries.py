"""What is tried again after a failure, and how: one short ladder per class of failure.

A failure that more effort cannot mend (a basis set without an element, two atoms upon
each other) is not tried again at all.
"""

from forceladder.qm.engines import ENGINES


def failure_class(result: dict) -> str:
    """'killed', 'died', 'time', 'memory', 'scf' or 'other', from a failed result."""
    error, message = result["error_type"], result["error_message"].lower()
    by_type = {"engine_killed": "killed", "engine_died": "died", "time_limit": "time"}
    if error in by_type:
        return by_type[error]
    if "memory" in message:
        return "memory"
    unconverged = "converge" in message and "optimization" not in message
    if unconverged or error in ("ConvergenceError", "SCFConvergenceError"):
        return "scf"
    return "other"


def retry_ladders(engine: str, settings: dict) -> dict[str, list[dict]]:
    """Class of failure → the changes to try, in order; each takes the place of the one before.

    Changes of other classes stay.

    settings: the config's `qm.retries`
    A change holds scf_helpers (keywords for the engine), time_factor or memory_factor.
    """
    return {
        # says nothing of the task: the same again, and then it is the job's turn to fail
        "killed": [{}],
        "died": [{}] * settings["died"],
        "scf": [{"scf_helpers": keys} for keys in ENGINES[engine].scf_helpers[: settings["scf"]]],
        "time": [{"time_factor": factor} for factor in settings["time_factors"]],
        "memory": [{"memory_factor": factor} for factor in settings["memory_factors"]],
        "other": [],
    }
