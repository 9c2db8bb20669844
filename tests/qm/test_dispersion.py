"""D3(BJ) against a published route's number, a finite difference and the pair formula's limit."""

import numpy as np
import pytest

from conftest import B3LYP_D3BJ
from forceladder.qm.dispersion import d3bj

METHANE = 2.05 * np.array(
    [[0, 0, 0], [0.577, 0.577, 0.577], [-0.577, -0.577, 0.577], [-0.577, 0.577, -0.577],
     [0.577, -0.577, -0.577]]
)  # fmt: skip


def dimer(distance):
    """Two methanes `distance` Bohr apart."""
    return ["C", "H", "H", "H", "H"] * 2, np.concatenate([METHANE, METHANE + [distance, 0, 0]])


def test_gradient_is_the_slope_of_the_energy():
    symbols, geometry = dimer(7.0)
    direction = np.random.default_rng(1).normal(size=geometry.shape)
    _, gradient = d3bj(symbols, geometry, B3LYP_D3BJ)

    def slope(h):
        ends = [d3bj(symbols, geometry + s * h * direction, B3LYP_D3BJ)[0] for s in (1, -1)]
        return (ends[0] - ends[1]) / (2 * h)

    richardson = (4 * slope(0.005) - slope(0.01)) / 3
    assert (gradient * direction).sum() == pytest.approx(richardson, rel=1e-6)


def test_attraction_decays_as_the_sixth_power():
    symbols, one = ["C", "H", "H", "H", "H"], METHANE
    alone = d3bj(symbols, one, B3LYP_D3BJ)[0]
    near, far = (d3bj(*dimer(r), B3LYP_D3BJ)[0] - 2 * alone for r in (25.0, 50.0))
    assert near < far < 0
    assert near / far == pytest.approx(2**6, rel=0.1)  # C8 adds 7 %


def test_energy_is_that_of_simple_dftd3_by_its_own_ase_calculator():
    ase = pytest.importorskip("dftd3.ase")
    from ase import Atoms, units

    symbols, geometry = dimer(7.0)
    atoms = Atoms(symbols, geometry * units.Bohr)
    atoms.calc = ase.DFTD3(damping="d3bj", params_tweaks=B3LYP_D3BJ)
    energy = atoms.get_potential_energy() / units.Hartree
    assert d3bj(symbols, geometry, B3LYP_D3BJ)[0] == pytest.approx(energy, rel=1e-9)


def test_nested_and_flat_geometries_are_the_same():
    symbols, geometry = dimer(7.0)
    flat = d3bj(symbols, geometry.ravel().tolist(), B3LYP_D3BJ)
    np.testing.assert_array_equal(flat[1], d3bj(symbols, geometry, B3LYP_D3BJ)[1])
