"""What the couplings have in common: rows of one CustomCompoundBondForce that many terms share.

OpenMM compiles such a force of n atoms to 3n functions of their positions, one for each component
of the forces, and each of them works everything out anew. What costs time is the number of rows
times 3n times the operations of one function. Hence

- rows are few: a row holds all terms that couple its coordinates;
- coordinates are written in products of vectors. OpenMM's own angle() and dihedral() are calls
  of functions, in every component of every derivative, and take three times as long;
- series in cos nφ are powers of cos φ, and those of all terms are added before they multiply.

Names in an expression: d are stretches b − b₀ and a bends θ − θ₀, c and s cosine and sine of a
torsion, numbered as `chains` and `corners` say; q1, q2, … in the energy of a term are the d and a
of its `coordinates`, in their order. rest_d1 is the b₀ of d1. All other parameters of a row are
strengths, and start with the name of their term: where those of others are zero, it is alone.
"""

import re
from math import isclose

from forceladder.energy.term import REFERENCES
from forceladder.energy.terms import TERMS
from forceladder.errors import ConfigError
from forceladder.export.openmm.custom import numbers_of_row

REST = "rest_"


def in_row(energy: str, term: str, coordinates: list[str], place: str = "") -> str:
    """The energy of a term in the names of a row.

    coordinates: of the row, for q1, q2, …      place: tells terms of one name in a row apart
    """
    strengths = "|".join(p for p in TERMS[term].parameters if not p.startswith(REFERENCES))
    energy = re.sub(rf"\b((?:{strengths})\w*)", rf"{term}{place}_\1", energy)
    return re.sub(r"\bq(\d)", lambda found: coordinates[int(found[1]) - 1], energy)


def numbers_in_row(
    values: dict, term: str, row: int, coordinates: list[str], place: str = ""
) -> dict[str, float]:
    """Numbers of one row of a term, in OpenMM's units and by the names of `in_row`."""
    numbers = numbers_of_row(term, values, row)
    rest = [numbers.pop(name) for name in [*numbers] if name.startswith(REFERENCES)]
    found = {REST + q: value for q, value in zip(coordinates, rest, strict=True)}
    return found | {f"{term}{place}_{name}": value for name, value in numbers.items()}


def add_numbers(row: dict[str, float], more: dict[str, float]):
    """Add those of another term to a row.

    raises: ConfigError where the terms do not agree on a length or an angle
    """
    for name, value in more.items():
        if not isclose(row.setdefault(name, value), value, rel_tol=1e-9):
            raise ConfigError(
                f"couplings of the same atoms have {row[name]:g} and {value:g} as {name} (nm or "
                "rad); give them one."
            )
