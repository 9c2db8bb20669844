"""Two levels of theory side by side, against numbers worked out by hand."""

import numpy as np
import pytest
from ase import units
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 1000))
def test_table_is_numpys_of_the_stacked_arrays(geometries, atoms, seed):
    """Also where the other level has another zero of energy: only differences count."""
    random = np.random.default_rng(seed)
    shape = (2, geometries)
    energy, dipole = random.normal(size=shape), random.normal(size=(*shape, 3))
    gradient = random.normal(size=(*shape, 3 * atoms))
    energy[1] -= 1000.0
    pairs = [
        tuple(
            record([float(k)], energy[side, k], gradient[side, k], dipole[side, k])
            for side in (0, 1)
        )
        for k in range(geometries)
    ]
    row, arrays = compare_levels("any", pairs)
    hartree = units.Hartree / (units.kcal / units.mol)
    expected = hartree * np.std(energy[0] - energy[1])
    assert row["energy_rms_kcal"] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    force = hartree / units.Bohr * np.sqrt(np.mean((gradient[0] - gradient[1]) ** 2))
    assert row["force_rms_kcal_per_angstrom"] == pytest.approx(force, rel=1e-6)
    debye = units.Bohr / units.Debye * np.sqrt(np.mean((dipole[0] - dipole[1]) ** 2))
    assert row["dipole_rms_debye"] == pytest.approx(debye, rel=1e-6)
    np.testing.assert_allclose(
        arrays["force"], -hartree / units.Bohr * gradient.reshape(2, -1), rtol=1e-6
    )
