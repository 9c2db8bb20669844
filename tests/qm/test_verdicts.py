"""Each way in which a record can be unfit has its verdict, and only fit ones are accepted."""

import copy

import numpy as np
import pytest

from examples import WATER, qc_molecule
from forceladder.errors import TooManyFailuresError
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task
from forceladder.qm.verdicts import ACCEPTED, judge_campaign, judge_record
from forceladder.units import BOHR_IN_ANGSTROM, HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM

LIMITS = {"max_net_force": 1.0, "max_force": 500.0}
FAILURE = {"success": False, "error_type": "SCFConvergenceError", "error_message": "no luck",
           "wall_seconds": 1.0, "cpu_seconds": 1.0}  # fmt: skip


def record_with(spec, gradient=(0.0,) * 9, positions=WATER, energy=-5.07):
    """A record of water with a gradient in kcal/mol/Å."""
    molecule = qc_molecule("O", positions)
    gradient = np.ravel(gradient) / HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    result = {"success": True, "energy": energy, "gradient": gradient.tolist(),
              "dipole": [0.0, 0.0, 0.0], "wall_seconds": 1.0, "cpu_seconds": 1.0}  # fmt: skip
    return make_record(make_task(molecule, spec, "tblite 0.8.0"), molecule, result)


def test_good_record_is_accepted(xtb_spec):
    assert judge_record(record_with(xtb_spec), xtb_spec, LIMITS) == (ACCEPTED, "")


def test_failure_is_named_after_its_error(xtb_spec):
    molecule = qc_molecule("O", WATER)
    record = make_record(make_task(molecule, xtb_spec, "tblite 0.8.0"), molecule, FAILURE)
    assert judge_record(record, xtb_spec, LIMITS) == ("failed_SCFConvergenceError", "no luck")


def test_record_of_another_level_of_theory_is_refused(xtb_spec, b3lyp_spec):
    verdict, reason = judge_record(record_with(xtb_spec), b3lyp_spec, LIMITS)
    assert (verdict, reason) == ("wrong_level_of_theory", "GFN2-xTB instead of B3LYP-D3BJ/DZVP")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_is_none_is_refused(xtb_spec, value):
    energy = record_with(xtb_spec, energy=value)
    gradient = record_with(xtb_spec)
    gradient["return_result"][4] = value
    for record in (energy, gradient):
        assert judge_record(record, xtb_spec, LIMITS)[0] == "not_finite"


@pytest.mark.parametrize("size, verdict", [(0.999, ACCEPTED), (1.001, "net_force")])
def test_net_force_is_judged_in_kcal_per_angstrom(xtb_spec, size, verdict):
    gradient = np.zeros((3, 3))
    gradient[:, 2] = size / 3
    assert judge_record(record_with(xtb_spec, gradient), xtb_spec, LIMITS)[0] == verdict


@pytest.mark.parametrize("size, verdict", [(499.9, ACCEPTED), (500.1, "large_force")])
def test_largest_force_is_judged_in_kcal_per_angstrom(xtb_spec, size, verdict):
    gradient = np.array([[size, 0, 0], [-size, 0, 0], [0, 0, 0]])
    assert judge_record(record_with(xtb_spec, gradient), xtb_spec, LIMITS)[0] == verdict


def test_dissociated_molecule_is_refused_and_its_bond_named(xtb_spec):
    positions = WATER.copy()
    positions[2] -= 2.0
    verdict = judge_record(record_with(xtb_spec, positions=positions), xtb_spec, LIMITS)
    assert verdict == ("connectivity_changed", "O1-H3 broken")


def test_judging_changes_no_record(xtb_spec):
    record = record_with(xtb_spec)
    before = copy.deepcopy(record)
    judge_record(record, xtb_spec, LIMITS)
    assert record == before
    np.testing.assert_allclose(
        np.reshape(record["molecule"]["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM, WATER, atol=1e-12
    )


def verdicts(accepted, failed):
    good = {"molecule": "a", "verdict": ACCEPTED, "reason": ""}
    bad = {"molecule": "b", "verdict": "net_force", "reason": "forces add up to 3"}
    return [good] * accepted + [bad] * failed


def test_campaign_with_as_many_failures_as_allowed_goes_on():
    judge_campaign(verdicts(9, 1), max_failed_fraction=0.1)


def test_campaign_with_more_failures_ends_with_the_first_of_them():
    with pytest.raises(TooManyFailuresError) as caught:
        judge_campaign(verdicts(89, 11), max_failed_fraction=0.1)
    for words in ("11 of 100", "0.1", "b: net_force (forces add up to 3)", "verdicts.csv"):
        assert words in str(caught.value)


def test_empty_campaign_is_a_failure():
    with pytest.raises(TooManyFailuresError, match=r"rejected\.csv"):
        judge_campaign([], max_failed_fraction=1.0)
