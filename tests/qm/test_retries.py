"""Which failures are worth another try, and with what."""

import pytest

from examples import WATER_BOHR, bare_molecule
from forceladder.errors import KilledError
from forceladder.qm.cache import Cache
from forceladder.qm.calculator import Calculator
from forceladder.qm.engines import ENGINES, failure, xtb_version
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


# what a calculator makes of them


FAILURES = {
    "scf": failure("SCFConvergenceError", "could not converge", 1.0),
    "memory": failure("RuntimeError", "not enough memory", 2.0),
    "time": failure("time_limit", "no result within qm time limit", 3.0),
    "died": failure("engine_died", "exit code -11", 4.0),
    "killed": failure("engine_killed", "exit code -9", 5.0),
    "other": failure("BasisSetNotFound", "no basis", 6.0),
    "fine": {"success": True, "energy": -1.0, "wall_seconds": 7.0, "cpu_seconds": 7.0},
}
LIMITS = {"memory_mb": 1000, "time_limit_s": 100, "retries": SETTINGS}
XTB = {"engine": "gfn2-xtb", "method": "gfn2-xtb"}
PSI4 = {"engine": "psi4", "method": "hf", "basis": "6-31g*"}


def played(folder, script, spec=PSI4, limits=LIMITS, geometry=WATER_BOHR):
    """The result of a task whose engine answers by this script, and what it was asked for each
    time: (SCF helpers, memory in MB, seconds)."""
    asked, answers = [], [FAILURES[name] for name in script]

    def compute(task, memory_mb, time_limit):
        asked.append((task["scf_helpers"], memory_mb, time_limit))
        return answers[len(asked) - 1]

    with Calculator(spec, "1.0", folder, 1, limits) as calculator:
        calculator.engine.compute = compute
        return calculator.result(calculator.task(bare_molecule("OHH", geometry))), asked


HELPERS = ENGINES["psi4"].scf_helpers


@pytest.mark.parametrize(
    "script, asked",
    [
        (["fine"], [(None, 1000, 100)]),
        (["scf", "fine"], [(None, 1000, 100), (HELPERS[0], 1000, 100)]),
        (["scf", "scf", "fine"],
         [(None, 1000, 100), (HELPERS[0], 1000, 100), (HELPERS[1], 1000, 100)]),
        (["time", "time", "fine"], [(None, 1000, 100), (None, 1000, 300), (None, 1000, 900)]),
        (["memory", "fine"], [(None, 1000, 100), (None, 1500, 100)]),
        (["died", "fine"], [(None, 1000, 100)] * 2),
        (["killed", "fine"], [(None, 1000, 100)] * 2),
        # what helped against one failure is kept against the next
        (["memory", "scf", "time", "fine"],
         [(None, 1000, 100), (None, 1500, 100), (HELPERS[0], 1500, 100), (HELPERS[0], 1500, 300)]),
        (["time", "killed", "fine"], [(None, 1000, 100), (None, 1000, 300), (None, 1000, 300)]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value[0], str) else "",
)  # fmt: skip
def test_each_failure_is_answered_by_its_ladder(tmp_path, script, asked):
    result, found = played(tmp_path, script)
    assert result["success"]
    assert found == asked
    attempts = result.get("attempts", [])
    assert [attempt["failure"] for attempt in attempts] == script[:-1]
    seconds = [FAILURES[name]["cpu_seconds"] for name in script[:-1]]
    assert [attempt["cpu_seconds"] for attempt in attempts] == seconds
    assert all(attempt["then"].get("scf_helpers") == scf
               for attempt, (scf, *_) in zip(attempts, asked[1:], strict=True))  # fmt: skip


@pytest.mark.parametrize(
    "script",
    [["other"], ["scf"] * 3, ["time"] * 3, ["memory"] * 2, ["died"] * 2, ["scf", "other"],
     ["memory", "scf", "memory"]],
    ids="-".join,
)  # fmt: skip
def test_exhausted_ladder_is_a_failure_with_its_last_reason_that_is_remembered(tmp_path, script):
    result, asked = played(tmp_path, script)
    assert result["error_type"] == FAILURES[script[-1]]["error_type"]
    assert len(result.get("attempts", [])) == len(script) - 1
    assert len(asked) == len(script)
    assert played(tmp_path, []) == (result, [])


@pytest.mark.parametrize(
    "change",
    [{"memory_mb": 2000}, {"time_limit_s": 200}, {"retries": SETTINGS | {"scf": 1}}],
    ids=lambda change: next(iter(change)),
)
def test_other_limits_try_again_and_a_success_is_never_asked_twice(tmp_path, change):
    played(tmp_path, ["other"])
    result, _ = played(tmp_path, ["fine"], limits=LIMITS | change)
    assert result["success"]
    assert played(tmp_path, []) == (result, [])


@pytest.mark.parametrize("script", [["killed"] * 2, ["killed", "scf", "killed"]], ids="-".join)
def test_engine_killed_twice_is_the_jobs_failure_and_nothing_is_remembered(tmp_path, script):
    with pytest.raises(KilledError, match=r"psi4 was killed twice .*qm\.memory_mb is 1000"):
        played(tmp_path, script)
    assert played(tmp_path, ["fine"])[0]["success"]


def test_helper_changes_neither_the_address_nor_the_result(tmp_path, scratch_root):
    """Real GFN2-xTB: the rescued energy is the one of patience, and answers for the same task."""
    patience, spec = XTB | {"keywords": {"max-iter": 250}}, XTB | {"keywords": {"max-iter": 3}}
    molecule = bare_molecule("OHH", WATER_BOHR)
    results = []
    for one in (patience, spec):
        with Calculator(one, xtb_version(), tmp_path, 1, LIMITS) as calculator:
            results.append(calculator.result(calculator.task(molecule)))
    assert [attempt["failure"] for attempt in results[1]["attempts"]] == ["scf"]
    assert results[1]["energy"] == pytest.approx(results[0]["energy"], abs=1e-7)
    assert Cache(tmp_path).get(calculator.task(molecule)["digest"]) == results[1]
