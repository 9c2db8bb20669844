"""Conversion factors against QCElemental's CODATA tables and scipy.constants."""

import math

import pytest
import qcelemental
from scipy import constants

from forceladder import units

CODATA = qcelemental.PhysicalConstantsContext("CODATA2018")


@pytest.mark.parametrize(
    "ours, base, wanted",
    [
        (units.HARTREE_IN_KCAL, "hartree", "kcal/mol"),
        (units.HARTREE_IN_JOULE, "hartree", "joule"),
        (units.BOHR_IN_ANGSTROM, "bohr", "angstrom"),
        (units.EV_IN_KCAL, "eV", "kcal/mol"),
        (units.E_BOHR_IN_E_ANGSTROM, "elementary_charge*bohr", "elementary_charge*angstrom"),
        (units.KCAL_IN_KJ, "kcal", "kJ"),
        (units.ANGSTROM_IN_NM, "angstrom", "nm"),
        (units.ELEMENTARY_CHARGE, "elementary_charge", "coulomb"),
    ],
)
def test_factor_agrees_with_qcelemental(ours, base, wanted):
    assert ours == pytest.approx(CODATA.conversion_factor(base, wanted), rel=2e-9)


def test_gradient_factor_is_energy_over_length():
    factor = CODATA.conversion_factor("hartree", "kcal/mol")
    factor /= CODATA.conversion_factor("bohr", "angstrom")
    assert math.isclose(units.HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM, factor, rel_tol=2e-9)


def test_exact_constants_are_those_of_the_si():
    assert constants.N_A == units.AVOGADRO
    assert constants.e == units.ELEMENTARY_CHARGE
    assert constants.k == units.BOLTZMANN


def test_gas_constant_is_the_molar_boltzmann_constant_in_kcal():
    assert math.isclose(units.GAS_CONSTANT, constants.R / constants.calorie / 1000, rel_tol=1e-12)


def test_coulomb_constant_is_one_hartree_bohr():
    """In atomic units the constant is 1 Hartree Bohr/e²: a relation among three of our numbers."""
    hartree_bohr = units.HARTREE_IN_KCAL * units.BOHR_IN_ANGSTROM
    assert math.isclose(units.COULOMB, hartree_bohr, rel_tol=1e-9)


def test_coulomb_constant_follows_from_si_constants():
    joule_metre = constants.e**2 / (4 * math.pi * constants.epsilon_0)
    kcal_angstrom = joule_metre * constants.N_A / constants.kilo / constants.calorie * 1e10
    assert math.isclose(units.COULOMB, kcal_angstrom, rel_tol=1e-9)  # scipy may hold CODATA 2022


def test_wavenumber_of_a_unit_curvature_follows_from_si_constants():
    newton_per_metre = constants.kilo * constants.calorie / constants.N_A * 1e20
    frequency = math.sqrt(newton_per_metre / (1e-3 / constants.N_A)) / (2 * math.pi)
    assert math.isclose(units.WAVENUMBER, frequency / constants.c / 100, rel_tol=1e-12)


def test_energy_of_a_wavenumber_agrees_with_qcelemental():
    factor = CODATA.conversion_factor("wavenumber", "hartree") * units.HARTREE_IN_KCAL
    assert math.isclose(units.WAVENUMBER_IN_KCAL, factor, rel_tol=2e-9)
