"""Jumps of a function along a line, told from steepness by halving the step.

Where a function is smooth its change over a step falls with the step; a jump stays. So the step
that stands out among its neighbours is halved until nothing but a jump can be left of it.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

HALVINGS = 8  # a step of 0.2 Å becomes 8e-4 Å, over which third differences make nothing
CURVATURE_HALVINGS = 5  # stays well above CURVATURE_STEP, over which its differences reach
CURVATURE_STEP = 1e-4  # Å; noise of slopes, 1e-10 of their size in float64, is enlarged 1e4 times

FLAT = 0.01  # kcal/mol/Å²: weaker curvatures move no molecule, and are noise of a line of nothing


def line_jumps(surface: Callable, start, direction, places) -> dict[str, float]:
    """Largest jumps of the energy (kcal/mol) and of the slope (kcal/mol/Å) along a line.

    surface: positions [atoms, 3] Å → energy kcal/mol, gradient [atoms, 3] kcal/mol/Å
    start, direction: [atoms, 3] Å      places: [points], even steps along the direction
    """
    at = energy_and_slope(surface, start, direction)
    return {
        "energy_jump": largest_jump(lambda t: at(t)[0], places, HALVINGS),
        "force_jump": largest_jump(lambda t: at(t)[1], places, HALVINGS),
    }


def curvature_jump(surface: Callable, start, direction, places) -> float:
    """Largest jump of the curvature, relative to the largest curvature of the line, which is taken
    to be FLAT at least."""
    at = energy_and_slope(surface, start, direction)

    def curvature(t):
        return (at(t + CURVATURE_STEP)[1] - at(t)[1]) / CURVATURE_STEP

    size = max(abs(curvature(t)) for t in places)
    return largest_jump(curvature, places, CURVATURE_HALVINGS) / max(size, FLAT)


def energy_and_slope(surface: Callable, start, direction) -> Callable:
    """Place along a line → energy kcal/mol and slope kcal/mol/Å; each place is asked once."""

    @cache
    def at(t):
        energy, gradient = surface(start + t * direction)
        return energy, float(np.sum(gradient * direction))

    return at


def largest_jump(function: Callable, places, halvings: int) -> float:
    """Change of the function over the last step beyond that over the steps at its sides.

    places: [six or more], even steps; the first two and the last two serve their neighbours
    """
    values = np.array([function(t) for t in places])
    if not np.isfinite(values).all():
        return float("nan")
    changes = np.diff(values)
    sides = 4.0 * (changes[1:-3] + changes[3:-1]) - changes[:-4] - changes[4:]
    k = 2 + int(np.argmax(np.abs(changes[2:-2] - sides / 6.0)))  # a cubic through four changes
    a, b = places[k : k + 2]
    for _ in range(halvings):
        half, middle = 0.5 * (b - a), 0.5 * (a + b)
        before, left, right, after = np.diff(
            [function(t) for t in (a - half, a, middle, b, b + half)]
        )
        growth = (after - before) / 3.0
        if abs(left - before - growth) > abs(right - after + growth):
            b = middle
        else:
            a = middle
    before, change, after = np.diff([function(t) for t in (a - (b - a), a, b, b + (b - a))])
    return float(abs(change - 0.5 * (before + after)))
