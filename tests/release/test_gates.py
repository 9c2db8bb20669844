"""Gates pass and miss as their limits say, and a missing number never passes."""

import pytest

from forceladder.errors import GateError
from forceladder.release.gates import COLUMNS, judge_gates, require_gates
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


def judged(
    force="4.5", survival=1.0, drift=-0.3, charge="1e-9", energy="-1e-6", coulomb=True, engines=()
):
    errors = [
        {"split": "train", "force_rmse": "1", "energy_rmse": "1"},
        {"split": "test", "force_rmse": force, "energy_rmse": "1.5"},
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
    return judge_gates("class1", errors, stability, proof, engines, LIMITS)


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


def test_sum_of_charges_is_no_gate_of_a_rung_without_any():
    rows = judged(charge=None, coulomb=False)
    assert missed(rows) == set()
    assert {row["gate"] for row in rows} == set(LIMITS) - {"max_charge_sum_error_e"}


def test_a_rung_without_test_molecules_or_md_misses():
    rows = judge_gates("class1", [], [], [], [], LIMITS)
    assert missed(rows) == set(LIMITS)


def test_the_sentence_names_number_limit_and_difference(tmp_path):
    path = tmp_path / "gates.csv"
    write_table(path, judged(force="5.25", drift=None), COLUMNS)
    with pytest.raises(GateError) as caught:
        require_gates(read_table(path))
    sentence = str(caught.value)
    assert "max_test_force_rmse_kcal_per_angstrom is 5.25, limit 5, missed by 0.25" in sentence
    assert "max_nve_drift_kt_per_ns_per_dof could not be measured" in sentence
    assert sentence.startswith("not released, 2 gate(s) missed")


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
    rows = judge_gates("class1", [], [], proof, [], LIMITS)
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
