"""Which failures are worth another try, and with what."""

import pytest

from forceladder.qm.engines import ENGINES
from forceladder.qm.retries import failure_class, retry_ladders

SETTINGS = {"scf": 2, "died": 1, "time_factors": [3, 9], "memory_factors": [1.5]}


@pytest.mark.parametrize(
    "error_type, message, expected",
    [
        ("engine_killed", "psi4 ended with exit code -9: converge", "killed"),
        ("engine_died", "psi4 ended with exit code -11", "died"),
        ("time_limit", "no result within qm time limit 7200 s", "time"),
        ("ConvergenceError", "Could not converge SCF iterations in 100 iterations.", "scf"),
        ("SCFConvergenceError", "Could not converge SCF iterations", "scf"),
        ("TBLiteRuntimeError", "SCF not converged in 250 cycles", "scf"),
        ("RuntimeError", "Not enough memory for in-core algorithm", "memory"),
        ("BasisSetNotFound", "BasisSet::construct: Unable to find a basis set", "other"),
        ("TBLiteRuntimeError", "Too close interatomic distances found", "other"),
        ("OptimizationConvergenceError", "Could not converge geometry optimization", "other"),
    ],
)
def test_failure_has_the_class_of_its_cause(error_type, message, expected):
    assert failure_class({"error_type": error_type, "error_message": message}) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_ladders_are_as_long_as_the_settings_say(engine):
    ladders = retry_ladders(engine, SETTINGS)
    assert len(ladders["scf"]) == min(2, len(ENGINES[engine].scf_helpers))
    assert [step["time_factor"] for step in ladders["time"]] == [3, 9]
    assert [step["memory_factor"] for step in ladders["memory"]] == [1.5]
    assert ladders["died"] == ladders["killed"] == [{}]
    assert ladders["other"] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_without_retries_only_a_killed_engine_is_tried_again(engine):
    none = {"scf": 0, "died": 0, "time_factors": [], "memory_factors": []}
    assert {kind for kind, steps in retry_ladders(engine, none).items() if steps} == {"killed"}
