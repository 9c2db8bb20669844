"""A task's address holds all that fixes its numbers, and nothing else."""

import numpy as np
import pytest

from examples import WATER_BOHR, bare_molecule
from forceladder.qm.esp_grid import esp_grid
from forceladder.qm.tasks import level_of_theory, make_task
from forceladder.units import BOHR_IN_ANGSTROM

ESP = {"shells": [1.4, 2.0], "points_per_square_angstrom": 1.0}


@pytest.fixture
def water():
    return bare_molecule("OHH", WATER_BOHR)


def address(molecule, spec, version="1.3.2"):
    return make_task(molecule, spec, version)["digest"]


def test_everything_that_changes_a_number_changes_the_address(water, b3lyp_spec):
    nudged = np.array(water["geometry"])
    nudged[0] = np.nextafter(nudged[0], 1.0)
    addresses = [
        address(water, b3lyp_spec),
        address({**water, "geometry": nudged}, b3lyp_spec),
        address({**water, "symbols": ["S", "H", "H"]}, b3lyp_spec),
        address({**water, "molecular_charge": 1}, b3lyp_spec),
        address({**water, "molecular_multiplicity": 3}, b3lyp_spec),
        address(water, b3lyp_spec, version="1.10"),
        *(
            address(water, {**b3lyp_spec, key: value})
            for key, value in [
                ("engine", "other"), ("method", "pbe"), ("basis", "def2-svp"),
                ("dispersion", None), ("esp", ESP), ("keywords", {"maxiter": 5}),
                ("dispersion", {**b3lyp_spec["dispersion"], "s9": 1.0}),
            ]
        ),
    ]  # fmt: skip
    assert len(set(addresses)) == len(addresses)


def test_what_changes_no_number_changes_no_address(water, b3lyp_spec):
    before = address(water, b3lyp_spec)
    described = {**water, "connectivity": [[0, 1, 1.0]], "extras": {"name": "water"}}
    assert address(described, b3lyp_spec) == before
    assert address({**water, "molecular_charge": 0.0}, b3lyp_spec) == before
    nested = {**water, "geometry": np.reshape(water["geometry"], (3, 3))}
    assert address(nested, b3lyp_spec) == before
    assert address(water, {**b3lyp_spec, "description": "OpenFF's default"}) == before
    assert address(water, {**b3lyp_spec, "esp": None, "keywords": None}) == before
    assert address(water, dict(reversed(b3lyp_spec.items()))) == before


def test_grid_of_a_task_is_in_bohr(water, b3lyp_spec):
    task = make_task(water, {**b3lyp_spec, "esp": ESP}, "1.3.2")
    positions = WATER_BOHR * BOHR_IN_ANGSTROM
    expected = esp_grid(["O", "H", "H"], positions, **ESP) / BOHR_IN_ANGSTROM
    np.testing.assert_allclose(np.reshape(task["esp_grid"], (-1, 3)), expected, atol=1e-12)
    assert make_task(water, b3lyp_spec, "1.3.2")["esp_grid"] is None


def test_level_of_theory_is_written_as_the_field_writes_it(b3lyp_spec, hf_spec, xtb_spec):
    assert level_of_theory(b3lyp_spec) == "B3LYP-D3BJ/DZVP"
    assert level_of_theory(hf_spec) == "HF-D3BJ/6-31G*"
    assert level_of_theory(xtb_spec) == "GFN2-xTB"
    assert level_of_theory({**b3lyp_spec, "dispersion": None}) == "B3LYP/DZVP"
