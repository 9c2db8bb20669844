"""Tables survive their file, with nothing where there is no number."""

import math

from forceladder.tables import number, read_table, write_table


def test_numbers_come_back_to_the_last_bit_and_gaps_as_nan(tmp_path):
    rows = [{"a": 0.1 + 0.2, "b": None, "c": "x,y\n"}, {"a": float("nan"), "b": 1e-300, "c": ""}]
    write_table(tmp_path / "t.csv", rows, ["a", "b", "c"])
    first, second = read_table(tmp_path / "t.csv")
    assert number(first["a"]) == 0.1 + 0.2
    assert math.isnan(number(first["b"])) and math.isnan(number(second["a"]))
    assert number(second["b"]) == 1e-300
    assert first["c"] == "x,y\n"
