"""Angles of a geometry."""

import numpy as np


def torsion_angle(corners) -> np.ndarray:
    """Torsion angles [...] of four atoms each, degrees from −180 to 180, IUPAC sign (cis is 0).

    corners: [..., 4, 3], any unit
    """
    first, middle, last = np.moveaxis(np.diff(corners, axis=-2), -2, 0)
    middle = middle / np.linalg.norm(middle, axis=-1, keepdims=True)
    left, right = np.cross(first, middle), np.cross(middle, last)
    sine = (np.cross(left, right) * middle).sum(axis=-1)
    return np.degrees(np.arctan2(sine, (left * right).sum(axis=-1)))
