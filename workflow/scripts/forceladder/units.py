"""Conversion factors. House units: Å, kcal/mol, rad, e, fs, K, amu.

Units change exactly twice: when QM records (Hartree, Bohr) become a training set,
and when a system leaves for an engine (nm, kJ/mol). A name reads `A_IN_B`: the
number of B that one A is; multiply by it to go from A to B.
"""

from math import pi

# CODATA 2018, Tiesinga et al., Rev. Mod. Phys. 93, 025010 (2021)
HARTREE_IN_JOULE = 4.3597447222071e-18  # J
AVOGADRO = 6.02214076e23  # 1/mol, exact
BOHR_IN_ANGSTROM = 0.529177210903  # Å
ELEMENTARY_CHARGE = 1.602176634e-19  # C, exact
VACUUM_PERMITTIVITY = 8.8541878128e-12  # F/m
BOLTZMANN = 1.380649e-23  # J/K, exact
PLANCK = 6.62607015e-34  # J s, exact
SPEED_OF_LIGHT = 299792458.0  # m/s, exact

KCAL_IN_KJ = 4.184  # thermochemical calorie, exact by definition
ANGSTROM_IN_NM = 0.1
HARTREE_IN_KCAL = HARTREE_IN_JOULE * AVOGADRO / (1000.0 * KCAL_IN_KJ)  # 627.5095 kcal/mol
HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM = HARTREE_IN_KCAL / BOHR_IN_ANGSTROM
HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2 = HARTREE_IN_KCAL / BOHR_IN_ANGSTROM**2  # Hessians
EV_IN_KCAL = ELEMENTARY_CHARGE * AVOGADRO / (1000.0 * KCAL_IN_KJ)  # 23.0605 kcal/mol
E_BOHR_IN_E_ANGSTROM = BOHR_IN_ANGSTROM  # dipole moments
E_BOHR2_IN_E_ANGSTROM2 = BOHR_IN_ANGSTROM**2  # quadrupole moments

# kcal/mol Å/e²: energy of two unit charges one Å apart, 332.0637
COULOMB = (
    ELEMENTARY_CHARGE**2
    / (4.0 * pi * VACUUM_PERMITTIVITY)
    * AVOGADRO
    / (1000.0 * KCAL_IN_KJ)
    * 1.0e10
)
GAS_CONSTANT = BOLTZMANN * AVOGADRO / (1000.0 * KCAL_IN_KJ)  # kcal/mol/K

# 1/cm: wavenumber of a vibration whose curvature is 1 kcal/mol/Å²/amu, √(k/m) / 2πc; 108.59
WAVENUMBER = (KCAL_IN_KJ * 1.0e26) ** 0.5 / (2.0 * pi * SPEED_OF_LIGHT * 100.0)
WAVENUMBER_IN_KCAL = PLANCK * SPEED_OF_LIGHT * 100.0 * AVOGADRO / (1000.0 * KCAL_IN_KJ)  # hcN
