"""Parameters of a molecule as rows of a table, one number each, with its unit."""

import statistics

from forceladder.export.numbers import numbers

COLUMNS = ["term", "atoms", "parameter", "value", "unit", "uncertainty"]


def parameter_rows(ensemble: list[dict]) -> list[dict]:
    """Rows as dicts by COLUMNS, in the order of the terms; values are those of the first member.

    ensemble: of each member what `molecule_parameters` returns
    """
    rows = []
    for said in zip(*map(numbers, ensemble), strict=True):
        values = [number.value for number in said]
        uncertainty = statistics.stdev(values) if len(values) > 1 else None
        rows.append(said[0]._asdict() | {"uncertainty": uncertainty})
    return rows
