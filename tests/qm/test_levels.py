"""Two levels of theory side by side, against numbers worked out by hand."""

import numpy as np
import pytest
from ase import units

from forceladder.qm.levels import compare_levels, shared_geometries


def record(geometry, energy, gradient, dipole=(0.0, 0.0, 0.0), success=True, level="A"):
    return {
        "success": success,
        "molecule": {"geometry": list(geometry)},
        "properties": {"return_energy": energy, "scf_dipole_moment": list(dipole)},
        "return_result": list(gradient),
        "extras": {"forceladder": {"level_of_theory": level, "cpu_seconds": 10.0}},
    }


def test_only_the_same_geometries_are_paired_and_failures_are_not():
    ours = [record([0.0, k], 0.0, [0.0]) for k in range(4)]
    ours[3]["success"] = False
    theirs = [record([0.0, k], 1.0, [0.0], success=k != 1) for k in (3, 2, 1, 0, 7)]
    pairs = shared_geometries(ours, theirs)
    assert [pair[0]["molecule"]["geometry"][1] for pair in pairs] == [2, 0]


def test_table_holds_root_mean_squares_in_the_units_of_the_field():
    hartree, force = units.Hartree / (units.kcal / units.mol), units.Hartree / units.Bohr
    force /= units.kcal / units.mol
    pairs = [
        (
            record([0.0], -1.0, [0.0, 0.01]),
            record([0.0], -5.00, [0.0, 0.01], [0.1, 0, 0], level="B"),
        ),
        (record([1.0], -1.1, [0.02, 0.0]), record([1.0], -5.12, [0.0, 0.0], level="B")),
    ]
    row, arrays = compare_levels("water", pairs)
    # differences −1.0 and −1.1 against −5.00 and −5.12: relative to the means ±0.05 and ±0.06
    assert row["energy_rms_kcal"] == pytest.approx(0.01 * hartree, rel=1e-6)
    assert row["force_rms_kcal_per_angstrom"] == pytest.approx(0.01 * force, rel=1e-6)
    debye = 0.1 * units.Bohr / units.Debye
    assert row["dipole_rms_debye"] == pytest.approx(debye / np.sqrt(6), rel=1e-6)
    assert (row["level_of_theory"], row["molecule"], row["geometries"]) == ("B", "water", 2)
    assert row["core_seconds"] == row["reference_core_seconds"] == 20.0
    assert arrays["force"].shape == (2, 4) and arrays["energy"].shape == (2, 2)
