"""Gates pass and miss as their limits say, and a missing number never passes."""

import math

import pytest

from forceladder.errors import GateError
from forceladder.files import write_json
from forceladder.release.decision import require_release
from forceladder.release.gates import COLUMNS, GATES, judge_gates, measures_of
from forceladder.tables import read_table, write_table

LIMITS = {
    "max_test_force_rmse_kcal_per_angstrom": 5.0,
    "max_test_energy_rmse_kcal": 2.0,
    "min_nvt_survival_fraction": 1.0,
    "max_nve_drift_kt_per_ns_per_dof": 0.5,
    "max_charge_sum_error_e": 1e-6,
    "max_engine_energy_difference_kcal": 1e-4,
    "max_engine_force_difference_kcal_per_angstrom": 1e-3,
}
NAMES = ("errors", "stability", "proof", "engines", "geometries", "probes")
NOTHING: dict = {name: [] for name in NAMES}


def judged(
    force="4.5",
    survival=1.0,
    drift=-0.3,
    charge="1e-9",
    energy="-1e-6",
    coulomb=True,
    engines=(),
    waivers=(),
    missing="0",
):
    errors = [
        {"split": "train", "force_rmse": "1", "energy_rmse": "1", "missing": "0"},
        {"split": "test", "force_rmse": force, "energy_rmse": "1.5", "missing": missing},
    ]
    stability = [
        {"nve_drift": {"0.5 fs": 0.1, "1 fs": 9.0}, "survival": {"300 K": 1.0, "500 K": 1.0}},
        {
            "nve_drift": {"0.5 fs": drift, "1 fs": 9.0},
            "survival": {"300 K": 1.0, "500 K": survival},
        },
    ]
    proof = [
        {
            "term": "coulomb",
            "quantity": "energy",
            "value": "3",
            "difference": energy,
            "precision": "0",
        },
        {
            "term": "coulomb",
            "quantity": "force",
            "value": "9",
            "difference": "2e-5",
            "precision": "0",
        },
        {
            "term": "charges",
            "quantity": "sum",
            "value": "0",
            "difference": charge,
            "precision": "0",
        },
    ]
    if charge is None:
        proof = proof[:2]
    if not coulomb:
        proof = [row | {"term": "correction"} for row in proof]
    measures = NOTHING | {
        "errors": errors, "stability": stability, "proof": proof, "engines": engines
    }  # fmt: skip
    return judge_gates("class1", measures, LIMITS, waivers)


def missed(rows):
    return {row["gate"] for row in rows if not row["passed"]}


def test_numbers_within_their_limits_pass():
    assert missed(judged()) == set()


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"force": "5.01"}, "max_test_force_rmse_kcal_per_angstrom"),
        ({"survival": 0.5}, "min_nvt_survival_fraction"),
        ({"drift": -0.6}, "max_nve_drift_kt_per_ns_per_dof"),
        ({"charge": "-2e-6"}, "max_charge_sum_error_e"),
        ({"charge": None}, "max_charge_sum_error_e"),
        ({"energy": "-2e-4"}, "max_engine_energy_difference_kcal"),
        ({"force": ""}, "max_test_force_rmse_kcal_per_angstrom"),
        ({"drift": None}, "max_nve_drift_kt_per_ns_per_dof"),
        ({"energy": ""}, "max_engine_energy_difference_kcal"),
    ],
)
def test_each_gate_misses_on_its_own_number_of_either_sign_or_none(change, gate):
    assert missed(judged(**change)) == {gate}


def test_errors_of_the_molecules_that_have_numbers_are_not_those_of_all():
    """A rung without a number for the worst test molecule must not pass by the others."""
    rows = judged(missing="1")
    assert missed(rows) == {"max_test_force_rmse_kcal_per_angstrom", "max_test_energy_rmse_kcal"}
    assert all(math.isnan(row["value"]) for row in rows if not row["passed"])


def test_sum_of_charges_is_no_gate_of_a_rung_without_any():
    rows = judged(charge=None, coulomb=False)
    assert missed(rows) == set()
    assert {row["gate"] for row in rows} == set(LIMITS) - {"max_charge_sum_error_e"}


def test_a_rung_without_test_molecules_or_md_misses():
    rows = judge_gates("class1", NOTHING, LIMITS)
    assert missed(rows) == set(LIMITS)


def as_read(rows, tmp_path):
    write_table(tmp_path / "gates.csv", rows, COLUMNS)
    return read_table(tmp_path / "gates.csv")


def require(rows):
    """Of a run of which nothing but its gates is known."""
    require_release({"tables": {"gates": rows}, "facts": {}}, "report.html")


def test_the_sentence_names_number_limit_and_difference_of_all_that_missed(tmp_path):
    rows = as_read(judged(force="5.25", drift=None, survival=0.5), tmp_path)
    with pytest.raises(GateError) as caught:
        require(rows)
    sentence = str(caught.value)
    assert (
        "(max_test_force_rmse_kcal_per_angstrom) is 5.25 kcal/mol/Å, limit 5, missed by 0.25 (5 %)"
    ) in sentence
    assert "(min_nvt_survival_fraction) is 0.5, limit 1, missed by 0.5 (50 %)" in sentence
    assert "(max_nve_drift_kt_per_ns_per_dof) could not be measured" in sentence
    assert sentence.startswith("not released, for 3 reason(s): ")


REASON = "Both test molecules are amides, of which there is one to learn from."


def test_a_waiver_lets_its_own_gate_pass_and_no_other(tmp_path):
    force = "max_test_force_rmse_kcal_per_angstrom"
    waivers = [
        {"rung": "class1", "gate": force, "reason": REASON},
        {"rung": "class2", "gate": "min_nvt_survival_fraction", "reason": REASON},
    ]
    rows = as_read(judged(force="5.25", waivers=waivers), tmp_path)
    require(rows)
    assert {row["gate"]: row["waiver"] for row in rows if row["waiver"]} == {force: REASON}
    with pytest.raises(GateError) as caught:
        require(as_read(judged(force="5.25", survival=0.5, waivers=waivers), tmp_path))
    assert "for 1 reason(s)" in str(caught.value) and "survival" in str(caught.value)


def test_measures_are_those_of_the_rung(tmp_path):
    """A table of all methods is told apart by its column, files of one rung by their order."""
    errors = [
        {"method": m, "split": "test", "force_rmse": x, "missing": 0}
        for m, x in (("A", 1), ("B", 2))
    ]
    write_table(tmp_path / "errors.csv", errors, ["method", "split", "force_rmse", "missing"])
    for rung, alive in (("one", 1.0), ("two", 0.0)):
        row = {"survival": {"300 K": alive}, "nve_drift": {}}
        write_json(tmp_path / f"{rung}.json", [row])
    paths = {
        "errors": str(tmp_path / "errors.csv"),
        "stability": [tmp_path / "one.json", tmp_path / "two.json"],
    }
    found = measures_of(paths, ["one", "two"], {"one": "B", "two": "A"})
    limits = {"max_test_force_rmse_kcal_per_angstrom": 1.5, "min_nvt_survival_fraction": 1.0}
    rows = [row for rung in found for row in judge_gates(rung, found[rung], limits)]
    assert [(row["rung"], row["value"], row["passed"]) for row in rows] == [
        ("one", 2.0, False), ("one", 1.0, True), ("two", 1.0, True), ("two", 0.0, False),
    ]  # fmt: skip


def test_the_sign_of_a_gate_is_that_of_its_name():
    """People read max and min in the config."""
    assert set(GATES) >= set(LIMITS)
    for name, gate in GATES.items():
        assert name.startswith({"≤": "max_", "≥": "min_"}[gate.sign])
        assert gate.passes(1.0, 1.0) and not gate.passes(math.nan, 1.0)
        assert gate.passes(0.5, 1.0) == (gate.sign == "≤")


@pytest.mark.parametrize(
    ("difference", "passed"), [("9e-3", True), ("-9e-3", True), ("1.2e-2", False), ("nan", False)]
)
def test_an_engine_is_judged_beyond_its_own_precision(difference, passed):
    """1e-4 of a force of 100 is an error that single precision makes; the limit comes on top."""
    proof = [
        {
            "term": "coulomb",
            "quantity": "energy",
            "value": "1",
            "difference": "0",
            "precision": "1e-4",
        },
        {
            "term": "coulomb",
            "quantity": "force",
            "value": "100",
            "difference": difference,
            "precision": "1e-4",
        },
        {"term": "charges", "quantity": "sum", "value": "0", "difference": "0", "precision": "0"},
    ]
    rows = judge_gates("class1", NOTHING | {"proof": proof}, LIMITS)
    (force,) = (row for row in rows if row["gate"].startswith("max_engine_force"))
    assert force["passed"] == passed


@pytest.mark.parametrize(
    ("engine", "outcome", "passed"),
    [("LAMMPS", "proven", True), ("LAMMPS", "refused", True), ("LAMMPS", "written", False),
     ("LAMMPS", "not written", False), ("GROMACS", "written", True)],
)  # fmt: skip
def test_lammps_must_have_run_what_was_written_for_it(engine, outcome, passed):
    """It comes by pip; GROMACS is held against us where it is."""
    gates = {"max_engine_energy_difference_kcal", "max_engine_force_difference_kcal_per_angstrom"}
    rows = judged(engines=[{"engine": engine, "outcome": outcome}])
    assert missed(rows) == (set() if passed else gates)


def test_geometries_are_judged_on_held_out_molecules_where_there_are_any():
    limits = {"max_test_profile_rmse_kcal": 1.0, "max_test_frequency_rmse_per_cm": 100.0}
    rows = [
        {"split": "train", "measure": "profile_rmse", "value": "9"},
        {"split": "test", "measure": "profile_rmse", "value": "0.5"},
        {"split": "train", "measure": "frequency_rmse", "value": "9"},
    ]
    (row,) = judge_gates("class1", NOTHING | {"geometries": rows}, limits)
    assert (row["gate"], row["value"], row["passed"]) == ("max_test_profile_rmse_kcal", 0.5, True)
    rows[1]["value"] = "1.5"
    assert [r["passed"] for r in judge_gates("x", NOTHING | {"geometries": rows}, limits)] == [
        False
    ]
    rows[1]["value"] = ""  # every relaxation failed
    (row,) = judge_gates("class1", NOTHING | {"geometries": rows}, limits)
    assert math.isnan(row["value"]) and not row["passed"]


def test_relaxations_that_fail_cannot_leave_their_errors_to_the_others():
    """Most scans fell into a hole; the profile of the rest is fine."""
    limits = {"max_test_profile_rmse_kcal": 1.0, "max_test_failed_relaxations_fraction": 0.1}
    rows = [
        {"split": "test", "measure": "profile_rmse", "value": "0.5"},
        {"split": "test", "measure": "failed_points", "value": "0.9"},
        {"split": "test", "measure": "failed_minima", "value": "0.0"},
        {"split": "train", "measure": "failed_frequencies", "value": "1.0"},
    ]
    profile, failed = judge_gates("class1", NOTHING | {"geometries": rows}, limits)
    assert profile["passed"] and (failed["value"], failed["passed"]) == (0.9, False)
    rows[1]["value"] = "0.05"
    assert judge_gates("class1", NOTHING | {"geometries": rows}, limits)[1]["passed"]
    assert judge_gates("class1", NOTHING, limits) == []  # the reference has none


def test_physics_and_probes_are_fractions_of_all_checks_that_were_measured():
    limits = {"min_physics_checks_passed_fraction": 1.0, "min_probes_passed_fraction": 0.7}
    rows = [
        {"part": "physics", "check": "rotation", "molecules": "3", "failed": "0"},
        {"part": "physics", "check": "jump", "molecules": "1", "failed": "1"},
        {"part": "probes", "check": "bond_hole", "molecules": "4", "failed": "1"},
    ]
    physics, probes = judge_gates("class1", NOTHING | {"probes": rows}, limits)
    assert (physics["value"], physics["passed"]) == (0.75, False)
    assert (probes["value"], probes["passed"]) == (0.75, True)
    assert not any(row["passed"] for row in judge_gates("class1", NOTHING, limits))
