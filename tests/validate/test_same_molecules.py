"""Who is judged on which molecules, by sums written down and by the tables of all molecules."""

import numpy as np
import pytest

from forceladder.tables import read_table, write_table
from forceladder.validate.cost import ENERGY_AND_FORCE
from forceladder.validate.errors import split_errors
from forceladder.validate.plots.front import plot_front
from forceladder.validate.plots.front_page import molecules_words
from forceladder.validate.same_molecules import COMMON, OWN, same_molecule_errors
from forceladder.validate.standings import COLUMNS, standings

NAN = float("nan")
METHODS = ("class1", "MMFF94")
SIZES = {"a": 90, "b": 180, "c": 60, "hard": 270}


def table(errors: dict[str, dict[str, float]], tmp_path) -> list[dict]:
    """Method → molecule → force RMSE, as rows of molecule_errors.csv that were written and read;
    the error of energies is half of it."""
    rows = [
        {"method": method, "molecule": name, "split": "test", "conformers": SIZES[name] // 10,
         "force_components": SIZES[name], "force_rmse": value, "energy_rmse": value / 2}
        for method, by_molecule in errors.items()
        for name, value in by_molecule.items()
    ]  # fmt: skip
    write_table(tmp_path / "molecule_errors.csv", rows, list(rows[0]))
    return read_table(tmp_path / "molecule_errors.csv")


def rmse(errors: dict[str, float], names) -> float:
    total = sum(SIZES[name] for name in names)
    return np.sqrt(sum(SIZES[name] * errors[name] ** 2 for name in names) / total)


CLASS1 = {"a": 2.0, "b": 3.0, "c": 4.0, "hard": 9.0}
MMFF94 = {"a": 3.0, "b": 4.0, "c": 5.0, "hard": NAN}


def test_who_lacks_the_hard_molecule_is_not_judged_on_the_easy_ones(tmp_path):
    """MMFF94 is worse on every molecule that it has; over its own it looked better."""
    rows = table({"class1": CLASS1, "MMFF94": MMFF94}, tmp_path)
    found = same_molecule_errors(rows, "force", METHODS, seed=0)
    assert rmse(MMFF94, "abc") < rmse(CLASS1, CLASS1)
    for method, errors in (("class1", CLASS1), ("MMFF94", MMFF94)):
        said = found[method]
        assert said["error"] == pytest.approx(rmse(errors, "abc"), rel=1e-12)
        assert (said["molecules"], said["missing"], said["pooled_over"]) == (3, 1, COMMON)
        assert said["error_low"] < said["error"] < said["error_high"]
    energies = same_molecule_errors(rows, "energy", METHODS, seed=0)
    assert energies["class1"]["error"] == pytest.approx(found["class1"]["error"] / 2, rel=1e-12)

    costs = [{"method": m, "molecule": "a", "atoms": "9", "what": ENERGY_AND_FORCE, "low": "1",
              "milliseconds": "1", "high": "1", "source": "OpenMM"} for m in METHODS]  # fmt: skip
    kinds = {"class1": "mechanics", "MMFF94": "baseline"}
    front = standings(kinds, rows, [], costs, [], 500.0, seed=0)[:2]
    assert [row["on_front"] for row in front] == [True, False]
    assert set(front[0]) <= set(COLUMNS)
    assert molecules_words(front[0]) == "3 held-out molecules that all methods have, without 1"
    assert "of 3 held-out molecules (" in plot_front(front).axes[0].get_ylabel()


def test_where_nothing_is_missing_errors_and_intervals_are_those_of_the_split(tmp_path):
    rows = table({"class1": CLASS1, "MMFF94": MMFF94 | {"hard": 5.0}}, tmp_path)
    numbers = [
        row | {key: float(row[key]) for key in row if key not in ("method", "molecule", "split")}
        for row in rows
    ]
    for row in split_errors(numbers, seed=3):
        for quantity in ("force", "energy"):
            said = same_molecule_errors(rows, quantity, METHODS, seed=3)[row["method"]]
            ends = [said[key] for key in ("error", "error_low", "error_high")]
            assert ends == [row[f"{quantity}_rmse{end}"] for end in ("", "_low", "_high")]


def test_a_method_without_any_number_costs_nobody_a_molecule(tmp_path):
    nothing = dict.fromkeys(CLASS1, NAN)
    rows = table({"class1": CLASS1, "MMFF94": MMFF94, "UFF": nothing}, tmp_path)
    found = same_molecule_errors(rows, "force", (*METHODS, "UFF"), seed=0)
    assert found == same_molecule_errors(rows, "force", METHODS, seed=0)
    assert "UFF" not in found


def test_who_is_not_on_the_front_costs_nobody_a_molecule(tmp_path):
    rows = table({"class1": CLASS1, "MMFF94": MMFF94}, tmp_path)
    (said,) = same_molecule_errors(rows, "force", ("class1",), seed=0).values()
    assert said["error"] == pytest.approx(rmse(CLASS1, CLASS1), rel=1e-12)


def test_without_a_common_molecule_each_has_its_own_and_the_picture_says_so(tmp_path):
    rows = table(
        {"class1": {"hard": 9.0, "a": NAN, "b": NAN, "c": NAN}, "MMFF94": MMFF94}, tmp_path
    )
    found = same_molecule_errors(rows, "force", METHODS, seed=0)
    assert found["class1"]["error"] == 9.0 and found["class1"]["error_low"] is None
    assert found["MMFF94"]["error"] == pytest.approx(rmse(MMFF94, "abc"), rel=1e-12)
    assert [(r["molecules"], r["missing"], r["pooled_over"]) for r in found.values()] == [
        (1, 3, OWN), (3, 1, OWN)
    ]  # fmt: skip
    shown = {"split": "test", "method": "class1", "kind": "mechanics", "unit": "kcal/mol/Å",
             "error_measure": "force RMSE", "cost_measure": ENERGY_AND_FORCE, "milliseconds": 1.0,
             "on_front": True}  # fmt: skip
    label = plot_front([shown | found["class1"]]).axes[0].get_ylabel()
    assert "up to 1 held-out molecules,\neach method's own" in label
    assert molecules_words(shown | found["MMFF94"]) == "3 held-out molecules that it has, without 1"


def test_a_molecule_of_energies_alone_is_missing_in_no_force(tmp_path):
    rows = table({"class1": CLASS1, "MMFF94": MMFF94}, tmp_path)
    rows = [row | {"force_components": "0", "force_rmse": ""} if row["molecule"] == "a" else row
            for row in rows]  # fmt: skip
    forces = same_molecule_errors(rows, "force", METHODS, seed=0)["class1"]
    energies = same_molecule_errors(rows, "energy", METHODS, seed=0)["class1"]
    assert forces["error"] == pytest.approx(rmse(CLASS1, "bc"), rel=1e-12)
    assert (forces["molecules"], forces["missing"]) == (2, 1)
    assert (energies["molecules"], energies["missing"]) == (3, 1)
