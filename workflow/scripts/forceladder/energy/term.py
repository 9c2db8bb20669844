"""What a term of a force field is."""

from collections.abc import Callable
from typing import NamedTuple

REFERENCES = ("length", "angle")  # parameters that start so are where wells lie, no strengths


class Term(NamedTuple):
    """One kind of interaction, summed over the rows of a topology table.

    table        of the topology: bond, angle, angle_pair, torsion, torsion_pair, improper or
                 pair
    coordinates  pairs (coordinate, member): the internal coordinates that a row's energy depends
                 on, names of energy.coordinates.COORDINATES; `member` counts those that a row
                 has several of, the three bonds of a torsion for example
    parameters   name → unit of what a row needs
    energy       (coordinates, parameters) → energy [instances] kcal/mol, and its slope by each
                 coordinate, ∂E/∂q [instances], written out: a fit then needs one backward pass
                 through them, not two. A torsion comes as its Harmonics; its slope is by φ.

    Forces follow from the slopes (`energy.total`).
    """

    table: str
    coordinates: tuple[tuple[str, int], ...]
    parameters: dict[str, str]
    energy: Callable
