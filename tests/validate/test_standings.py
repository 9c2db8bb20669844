"""Where methods stand, out of small tables; and the pictures of it."""

import json
import math
import re

import pytest

from forceladder.tables import read_table, write_table
from forceladder.validate.cost import ENERGY_AND_FORCE, MD_STEP
from forceladder.validate.front import views
from forceladder.validate.plots.front import in_factors, in_time, label_of, plot_front
from forceladder.validate.plots.front_page import front_fragment, front_page, interactive_figure
from forceladder.validate.plots.labels import label_box, label_places, overlap
from forceladder.validate.standings import COLUMNS, common_costs, lowest_survival, standings

KINDS = {"class1": "mechanics", "delta": "mechanics and network", "mlff": "network",
         "UFF": "baseline", "B3LYP": "reference"}  # fmt: skip
FORCE, PROFILE = "force RMSE", "relaxed torsion profile RMSE"


def molecule_row(method, molecule, force, energy, split="test", conformers=5, components=90):
    return {
        "method": method, "molecule": molecule, "split": split, "conformers": str(conformers),
        "force_components": str(components), "force_rmse": force, "energy_rmse": energy,
    }  # fmt: skip


MOLECULES = [
    molecule_row("class1", "x", "6.0", "0.8", "train"),
    *[molecule_row("class1", name, force, "2.5")
      for name, force in (("a", "7"), ("b", "8"), ("c", "9"), ("d", "7.5"))],
    *[molecule_row("delta", name, "3.0", "0.9") for name in "abcd"],
    *[molecule_row("mlff", name, "4.0", "0.3") for name in "abcd"],
    *[molecule_row("UFF", name, "", "") for name in "abcd"],
]  # fmt: skip
CLASS1 = math.sqrt((49 + 64 + 81 + 56.25) / 4)  # of molecules of equal weight
GEOMETRIES = [
    {"method": m, "split": "test", "measure": measure, "unit": "kcal/mol", "value": value,
     "low": "", "high": "", "molecules": "3"}
    for m, measure, value in (("class1", "profile_rmse", "1.5"), ("delta", "profile_rmse", "0.5"),
                              ("class1", "not_shown", "7"))
]  # fmt: skip


def cost_row(method, molecule, milliseconds, what=ENERGY_AND_FORCE, source="OpenMM Reference"):
    ends = ("", "") if source == "ledger" else (str(milliseconds), str(milliseconds))
    return {
        "method": method, "molecule": molecule, "atoms": "9", "what": what,
        "milliseconds": str(milliseconds), "low": ends[0], "high": ends[1], "source": source,
    }  # fmt: skip


COSTS = [
    cost_row("class1", "a", 0.01), cost_row("class1", "b", 0.04), cost_row("delta", "a", 4.0),
    cost_row("delta", "b", 4.0), cost_row("mlff", "a", 2.0), cost_row("mlff", "b", 8.0),
    cost_row("UFF", "a", 0.01), cost_row("UFF", "b", 0.01), cost_row("class1", "c", 99.0),
    cost_row("B3LYP", "a", 1e4, source="ledger"), cost_row("B3LYP", "b", 1e4, source="ledger"),
    cost_row("class1", "a", 0.02, MD_STEP),
]  # fmt: skip
SURVIVAL = [
    {"method": method, "temperature_kelvin": str(kelvin), "trajectories": "8", "died": str(died),
     "survival": "0", "common_survival": str(1 - died / 8), "common_low": "0.1",
     "common_high": "1.0", "common_picoseconds": "20"}
    for method, kelvin, died in (("class1", 300, 0), ("class1", 500, 0), ("class1", 1000, 8),
                                 ("delta", 500, 0), ("mlff", 300, 0), ("mlff", 500, 4))
]  # fmt: skip


@pytest.fixture
def rows():
    return standings(KINDS, MOLECULES, GEOMETRIES, COSTS, SURVIVAL, hottest=500.0, seed=0)


def test_every_measure_and_cost_has_every_method_that_can_be_there(rows):
    found = views(rows)
    assert list(found) == [
        (measure, cost)
        for measure in (FORCE, "relative energy RMSE", PROFILE)
        for cost in (ENERGY_AND_FORCE, MD_STEP)
    ]
    assert [r["method"] for r in found[FORCE, ENERGY_AND_FORCE]] == list(KINDS)
    assert "B3LYP" not in [r["method"] for r in found[FORCE, MD_STEP]]  # its cost is not known


def test_numbers_are_those_of_the_tables(rows):
    found = {r["method"]: r for r in views(rows)[FORCE, ENERGY_AND_FORCE]}
    one = found["class1"]
    assert one["error"] == pytest.approx(CLASS1)
    assert 7.0 <= one["error_low"] < CLASS1 < one["error_high"] <= 9.0
    assert (one["molecules"], one["missing"]) == (4, 0)
    assert one["split"] == "test"  # what was held out, not what was fitted
    assert one["milliseconds"] == pytest.approx(0.02)  # geometric mean over a and b, which all have
    assert (one["survival"], one["temperature_kelvin"]) == (1.0, 500.0)  # 1000 K is too hot
    assert (found["B3LYP"]["error"], found["B3LYP"]["milliseconds"]) == (0.0, pytest.approx(1e4))
    assert found["mlff"]["survival"] == 0.5 and found["UFF"]["survival"] is None


def test_who_breaks_cannot_push_others_off_and_who_has_no_error_has_no_place(rows):
    found = {r["method"]: r for r in views(rows)[FORCE, ENERGY_AND_FORCE]}
    assert [m for m, r in found.items() if r["on_front"]] == ["class1", "delta", "B3LYP"]
    assert found["mlff"]["dominated_by"] == "delta"
    assert found["UFF"]["on_front"] is None


def test_without_a_held_out_split_the_next_one_is_named():
    rows = standings(KINDS, MOLECULES[:1], [], COSTS, [], hottest=500.0, seed=0)
    (one,) = [r for r in views(rows)[FORCE, ENERGY_AND_FORCE] if r["method"] == "class1"]
    assert (one["split"], one["error"]) == ("train", 6.0)


def test_costs_without_a_common_molecule_are_each_methods_own():
    costs = common_costs([cost_row("a", "x", 2.0), cost_row("b", "y", 8.0)], ENERGY_AND_FORCE)
    assert {m: c["milliseconds"] for m, c in costs.items()} == {
        "a": pytest.approx(2.0), "b": pytest.approx(8.0)
    }  # fmt: skip
    assert common_costs([cost_row("a", "x", "")], ENERGY_AND_FORCE) == {}


def test_stability_is_that_of_the_worst_temperature_that_counts():
    assert lowest_survival(SURVIVAL, "class1", 1000.0)["survival"] == 0.0
    assert lowest_survival(SURVIVAL, "class1", 500.0)["survival"] == 1.0
    assert lowest_survival(SURVIVAL, "mlff", 300.0)["survival"] == 1.0
    assert lowest_survival(SURVIVAL, "nobody", 300.0) == {"survival": None}


def test_table_keeps_all_rows(rows, tmp_path):
    write_table(tmp_path / "front.csv", rows, COLUMNS)
    found = read_table(tmp_path / "front.csv")
    assert len(found) == len(rows) and list(found[0]) == COLUMNS
    assert {row["on_front"] for row in found} == {"True", "False", ""}


def test_still_picture_names_all_methods_and_every_step(rows):
    figure = plot_front(views(rows)[FORCE, ENERGY_AND_FORCE])
    words = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert {"class1", "delta", "B3LYP", "mlff, 50 % survive"} <= set(words)
    assert {"class1 → delta", "delta → B3LYP"} <= set(words)
    assert "held-out molecules" in figure.axes[0].get_ylabel()
    plot_front([])  # says that there is nothing


def test_a_label_never_rounds_a_death_away():
    labels = [label_of({"method": "a", "survival": alive}) for alive in (1.0, 299 / 300, 0.99999)]
    assert labels == ["a", "a, 99.7 % survive", "a, 99.9 % survive"]


def test_labels_keep_off_each_other_and_off_points(rows):
    figure = plot_front(views(rows)[FORCE, ENERGY_AND_FORCE])
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    names = {"class1", "delta", "B3LYP", "mlff, 50 % survive"}
    boxes = [text.get_window_extent(renderer).extents for text in figure.axes[0].texts
             if text.get_text() in names]  # fmt: skip
    assert len(boxes) == 4
    assert not any(overlap(a, b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_crowded_labels_find_places_apart():
    points = [(100.0 + 3 * k, 100.0) for k in range(5)]
    sizes = [(40.0, 10.0)] * 5
    chosen = label_places(points, sizes, (0.0, 0.0, 300.0, 200.0))
    boxes = [label_box(p, s, way) for p, s, way in zip(points, sizes, chosen, strict=True)]
    assert not any(overlap(a, b) for k, a in enumerate(boxes) for b in boxes[:k])
    for box in boxes:
        assert overlap(box, (0.0, 0.0, 300.0, 200.0)) == pytest.approx(400.0)


def test_interactive_picture_says_the_numbers_of_every_method(rows):
    here = views(rows)[FORCE, ENERGY_AND_FORCE]
    figure = interactive_figure(here)
    ends = f"[{here[0]['error_low']:.3g}, {here[0]['error_high']:.3g}]"
    said = {t.name: t.customdata[0] for t in figure.data if t.customdata is not None}
    assert set(said) == {"class1", "delta", "mlff", "B3LYP"}
    assert f"7.91 {ends} kcal/mol/Å" in said["class1"] and "on the front" in said["class1"]
    assert "4 held-out molecules that all methods have" in said["class1"]
    assert "dominated by delta" in said["mlff"] and "50 % [10, 100] of 8" in said["mlff"]
    assert "0, by definition" in said["B3LYP"]
    sizes = {t.name: t.marker.size for t in figure.data if t.customdata is not None}
    assert (sizes["mlff"][1] / sizes["mlff"][0]) ** 2 == pytest.approx(0.5)  # area is survival


def test_page_is_whole_deterministic_and_holds_every_view(rows):
    fragment = front_fragment(rows, "here")
    assert fragment == front_fragment(rows, "here") and 'id="here"' in fragment
    data = json.loads(re.search(r"const views = (.*);\n", fragment)[1])
    assert {(e, c) for e, by_cost in data.items() for c in by_cost} == set(views(rows))
    page = front_page(rows, "A front")
    assert fragment.replace("here", "front") in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)  # nothing from elsewhere
    assert "class1 → delta" in data[FORCE][ENERGY_AND_FORCE]["steps"]


@pytest.mark.parametrize(
    ("milliseconds", "words"), [(0.0123, "12.3 µs"), (4.5, "4.5 ms"), (1e4, "10 s"), (1.0, "1 ms")]
)
def test_times_have_the_unit_that_suits_them(milliseconds, words):
    assert in_time(milliseconds) == words


def test_factors_are_readable():
    assert [in_factors(f) for f in (4.0, 164.5, 1720.3, 3.12e7)] == [
        "× 4", "× 164", "× 1\u202f720", "× 3.1·10⁷"
    ]  # fmt: skip
