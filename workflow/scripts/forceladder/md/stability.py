"""Measures of stability: pure functions of arrays."""

import numpy as np

from forceladder.units import GAS_CONSTANT

BROKEN_BOND = 0.5  # Å from its reference: Fu et al., Forces are not enough, TMLR 2023


def energy_drift(time, energy, degrees_of_freedom: int) -> float:
    """Slope of the total energy by least squares, kcal/mol/ns per degree of freedom.

    time: [frames] ps      energy: [frames] kcal/mol      NaN if any energy is not finite
    """
    energy = np.asarray(energy, float)
    if not np.isfinite(energy).all():
        return float("nan")
    slope = np.polyfit(np.asarray(time, float), energy - energy[0], 1)[0]  # kcal/mol/ps
    return float(slope * 1000.0 / degrees_of_freedom)


def energy_fluctuation(time, energy, degrees_of_freedom: int) -> float:
    """Root mean square of the total energy about its linear trend, kcal/mol per degree of
    freedom. Verlet's falls with the square of the time step: halving the step quarters it."""
    energy = np.asarray(energy, float)
    if not np.isfinite(energy).all():
        return float("nan")
    trend = np.polyval(np.polyfit(time, energy, 1), time)
    return float(np.sqrt(np.mean((energy - trend) ** 2)) / degrees_of_freedom)


def in_thermal_units(energy: float, temperature: float) -> float:
    """kcal/mol → k_BT; likewise kcal/mol/ns → k_BT/ns. temperature: K."""
    return energy / (GAS_CONSTANT * temperature)
