"""What a term of a force field is."""

from collections.abc import Callable
from typing import NamedTuple


class Term(NamedTuple):
    """One kind of interaction, summed over the rows of a topology table.

    table        of the topology: bond, angle, torsion, improper or pair
    coordinates  columns of a row's atoms; two make a distance (Å), three an angle, four
                 a torsion (rad)
    parameters   name → unit of what a row needs
    energy       (coordinates, parameters) → [instances] kcal/mol, elementwise

    Forces follow from the energy (`energy.total`).
    """

    table: str
    coordinates: tuple[tuple[int, ...], ...]
    parameters: dict[str, str]
    energy: Callable
