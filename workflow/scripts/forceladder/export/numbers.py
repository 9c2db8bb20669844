"""Every number of a molecule's parameters, with the term, the atoms and the unit it belongs to."""

from collections.abc import Iterator
from typing import NamedTuple

from forceladder.energy.terms import TERMS
from forceladder.export.parameters import ATOM_PARAMETERS


class Number(NamedTuple):
    """term that has it; atoms of the row, from 0; parameter, in a series with its place from 1"""

    term: str
    atoms: tuple[int, ...]
    parameter: str
    value: float
    unit: str


def numbers(parameters: dict) -> Iterator[Number]:
    """Every number of the mechanical terms; of pairs, those of the atoms that they follow from."""
    for term, content in parameters["terms"].items():
        if TERMS[term].table == "pair":
            yield from numbers_of_atoms(term, parameters)
            continue
        for row, atoms in enumerate(content["atoms"]):
            for name, unit in TERMS[term].parameters.items():
                for place, value in placed(name, content[name][row]):
                    yield Number(term, tuple(atoms), place, value, unit)


def numbers_of_atoms(term: str, parameters: dict) -> Iterator[Number]:
    """What a term between pairs says of each atom."""
    for name, (unit, terms) in ATOM_PARAMETERS.items():
        if term in terms:
            for atom, value in enumerate(parameters[name]):
                yield Number(term, (atom,), name, value, unit)


def placed(name: str, value) -> list[tuple[str, float]]:
    """A number with its name; those of a series with their places."""
    if isinstance(value, list):
        return [(f"{name}_{place}", one) for place, one in enumerate(value, start=1)]
    return [(name, value)]
