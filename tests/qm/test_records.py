"""Records are QCSchema, and their numbers are the engine's plus D3."""

import copy

import numpy as np
import pytest
import qcelemental

from conftest import B3LYP_D3BJ
from examples import WATER, qc_molecule
from forceladder.qm.dispersion import d3bj
from forceladder.qm.records import make_record
from forceladder.qm.tasks import make_task

ESP = {"shells": [1.4], "points_per_square_angstrom": 0.5}
TIMES = {"wall_seconds": 1.5, "cpu_seconds": 1.25}


@pytest.fixture
def molecule():
    return qc_molecule("O", WATER)


def success(task):
    points = 0 if task["esp_grid"] is None else len(task["esp_grid"]) // 3
    return {
        "success": True, "energy": -76.4, "gradient": [0.01 * i for i in range(9)],
        "dipole": [0.1, 0.2, -0.3], "esp": [0.02] * points, **TIMES,
    }  # fmt: skip


FAILURE = {"success": False, "error_type": "time_limit", "error_message": "no result", **TIMES}


def test_success_is_an_atomic_result_of_qcelemental(molecule, b3lyp_spec):
    task = make_task(molecule, {**b3lyp_spec, "esp": ESP}, "1.3.2")
    record = make_record(task, molecule, success(task))
    model = qcelemental.models.AtomicResult(**copy.deepcopy(record))
    assert model.success
    assert (model.model.method, model.model.basis) == ("b3lyp-d3bj", "dzvp")
    assert model.return_result.shape == (3, 3)
    assert model.properties.scf_dipole_moment.tolist() == [0.1, 0.2, -0.3]
    assert (model.provenance.creator, model.provenance.version) == ("Psi4", "1.3.2")


def test_xtb_success_is_an_atomic_result_too(molecule, xtb_spec):
    task = make_task(molecule, xtb_spec, "tblite 0.8.0")
    record = make_record(task, molecule, {**success(task), "charges": [-0.6, 0.3, 0.3]})
    model = qcelemental.models.AtomicResult(**copy.deepcopy(record))
    assert (model.model.method, model.model.basis) == ("gfn2-xtb", None)
    assert (model.provenance.creator, model.provenance.version) == ("tblite", "0.8.0")
    assert model.extras["forceladder"]["charges"] == [-0.6, 0.3, 0.3]


@pytest.mark.parametrize("name, version", [("b3lyp_spec", "1.3.2"), ("xtb_spec", "tblite 0.8.0")])
def test_failure_is_a_failed_operation_of_qcelemental(request, molecule, name, version):
    task = make_task(molecule, request.getfixturevalue(name), version)
    record = make_record(task, molecule, FAILURE)
    model = qcelemental.models.FailedOperation(**copy.deepcopy(record))
    assert not model.success
    assert model.error.error_type == "time_limit"
    request = qcelemental.models.AtomicInput(**copy.deepcopy(record["input_data"]))
    assert request.molecule.symbols.tolist() == ["O", "H", "H"]


def test_dispersion_is_added_to_energy_and_gradient_once(molecule, b3lyp_spec):
    task = make_task(molecule, b3lyp_spec, "1.3.2")
    record = make_record(task, molecule, success(task))
    energy, gradient = d3bj(task["symbols"], task["geometry"], B3LYP_D3BJ)
    ours = record["extras"]["forceladder"]
    assert record["properties"]["return_energy"] == pytest.approx(-76.4 + energy, abs=1e-14)
    assert ours["energy_without_dispersion"] == -76.4
    assert ours["dispersion_energy"] == pytest.approx(energy, abs=1e-13)
    expected = np.array(success(task)["gradient"]) + gradient.ravel()
    np.testing.assert_allclose(record["return_result"], expected, atol=1e-15)


def test_record_without_dispersion_has_the_engines_numbers(molecule, b3lyp_spec):
    task = make_task(molecule, {**b3lyp_spec, "dispersion": None}, "1.3.2")
    record = make_record(task, molecule, success(task))
    assert record["properties"]["return_energy"] == -76.4
    assert record["return_result"] == success(task)["gradient"]
    assert record["model"] == {"method": "b3lyp", "basis": "dzvp"}


def test_record_carries_the_grid_beside_the_potential(molecule, b3lyp_spec):
    task = make_task(molecule, {**b3lyp_spec, "esp": ESP}, "1.3.2")
    ours = make_record(task, molecule, success(task))["extras"]["forceladder"]
    assert len(ours["esp_grid"]) == 3 * len(ours["esp"]) > 0
    assert ours["esp_grid"] == task["esp_grid"]
