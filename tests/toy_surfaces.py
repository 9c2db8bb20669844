"""Surfaces with closed forms, healthy and each broken in one way, for the tests of probes."""

import numpy as np
from rdkit import Chem

from forceladder.validate.surface import Surface

# A chain of three hydrogens by name alone: bonds, an angle, a charge of zero
MOL = Chem.MolFromMolBlock(
    "\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n"
    "    0.9000    0.0000    0.0000 H   0  0\n    0.0000    0.0000    0.0000 O   0  0\n"
    "   -0.3000    0.8485    0.0000 H   0  0\n  1  2  1  0\n  2  3  1  0\nM  END\n",
    removeHs=False,
)
BONDS, LENGTH, STIFFNESS = ((0, 1), (1, 2)), 0.9, 300.0  # Å, kcal/mol/Å²
ANGLE_SPAN, ANGLE_STIFFNESS = 1.4697, 50.0  # Å between the outer atoms
RADIUS, DEPTH = 3.2, 0.1  # Å, kcal/mol: Lennard-Jones 12-6 minimum of any two atoms
MINIMUM = np.array([[0.9, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.3, np.sqrt(0.72), 0.0]])


def pull(x, i, j, energy_of):
    """Energy and gradient of a function of one distance."""
    away = x[i] - x[j]
    r = np.linalg.norm(away)
    energy, slope = energy_of(r)
    gradient = np.zeros_like(x)
    gradient[i], gradient[j] = slope * away / r, -slope * away / r
    return energy, gradient


def spring(rest, stiffness):
    return lambda r: (0.5 * stiffness * (r - rest) ** 2, stiffness * (r - rest))


def sphere(r):
    near = (RADIUS / r) ** 6
    return DEPTH * (near**2 - 2.0 * near), 12.0 * DEPTH * (near - near**2) / r


def total(parts):
    return sum(part[0] for part in parts), sum(part[1] for part in parts)


BOND = spring(LENGTH, STIFFNESS)


def molecule(x, bond=BOND):
    """Springs along the bonds and between the outer atoms."""
    bonds = [pull(x, i, j, bond) for i, j in BONDS]
    return total([*bonds, pull(x, 0, 2, spring(ANGLE_SPAN, ANGLE_STIFFNESS))])


def two(x, alone=molecule, between=sphere):
    """Two molecules and Lennard-Jones between their atoms."""
    first, second = alone(x[:3]), alone(x[3:])
    own = first[0] + second[0], np.concatenate([first[1], second[1]])
    return total([own, *(pull(x, i, j, between) for i in range(3) for j in range(3, 6))])


def surface(evaluate) -> Surface:
    return Surface(evaluate, lambda: None)


def reordered(order, evaluate=molecule) -> Surface:
    """The molecule whose atom i is its atom order[i]."""
    place = np.argsort(order)

    def moved(x):
        energy, gradient = evaluate(x[place])
        return energy, gradient[order]

    return surface(moved)
