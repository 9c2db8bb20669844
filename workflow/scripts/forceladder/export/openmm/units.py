"""House units → OpenMM's, read off the unit of a parameter."""

from math import prod

from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ

IN_OPENMM = {"kcal": KCAL_IN_KJ, "angstrom": ANGSTROM_IN_NM, "mol": 1.0, "radian": 1.0, "e": 1.0}


def openmm_factor(unit: str) -> float:
    """What one of a unit, such as 'kcal/mol/angstrom^2', is in nm, kJ/mol, rad and e."""
    numerator, *denominators = (_power(part) for part in unit.split("/"))
    return numerator / prod(denominators)


def _power(part: str) -> float:
    name, _, exponent = part.partition("^")
    return IN_OPENMM[name] ** int(exponent or 1)


PER_SQUARE_NM = openmm_factor("kcal/mol/angstrom^2")
