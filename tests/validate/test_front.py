"""The front, against its definition on random methods and small cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder.validate.front import climb, dominates, judged, steps
from forceladder.validate.plots.front import in_factors, plot_front
from forceladder.validate.survival import survival_interval

POINT = st.tuples(
    st.integers(0, 5).map(float),
    st.integers(1, 5).map(float),
    st.sampled_from([None, 0.0, 0.5, 1.0]),
)
POINTS = st.lists(POINT, min_size=1, max_size=9)


def on_front(points) -> list[bool]:
    """Which of some (error, cost, survival) are on it."""
    rows = [
        {"method": str(k), "error": error, "milliseconds": cost, "survival": survival}
        for k, (error, cost, survival) in enumerate(points)
    ]
    return [row["on_front"] for row in judged(rows)]


@given(POINTS)
def test_front_is_not_empty_and_none_of_it_dominates_another(points):
    members = [p for p, on in zip(points, on_front(points), strict=True) if on]
    assert members
    assert not any(dominates(a, b) for a in members for b in members)


@given(POINTS)
def test_whoever_is_off_the_front_is_dominated_by_one_on_it(points):
    found = on_front(points)
    members = [p for p, on in zip(points, found, strict=True) if on]
    for point, on in zip(points, found, strict=True):
        assert on or any(dominates(member, point) for member in members)


@given(POINTS, st.randoms())
def test_order_does_not_matter_and_duplicates_share_their_place(points, random):
    points = points + points[:1]
    order = list(range(len(points)))
    random.shuffle(order)
    shuffled = on_front([points[k] for k in order])
    assert [on_front(points)[k] for k in order] == shuffled
    assert on_front(points)[0] == on_front(points)[-1]


@given(POINT, POINT, POINT)
def test_dominance_is_a_strict_order(a, b, c):
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    assert not (dominates(a, b) and dominates(b, c)) or dominates(a, c)


@given(POINTS)
def test_one_criterion_alone_leaves_the_best(points):
    """With cost and stability equal, the front is whoever has the lowest error."""
    flat = [(error, 1.0, 1.0) for error, _, _ in points]
    lowest = min(error for error, _, _ in flat)
    assert on_front(flat) == [error == lowest for error, _, _ in flat]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1.0, 1.0, 1.0), (2.0, 2.0, 1.0), True),
        ((1.0, 1.0, 0.9), (2.0, 2.0, 1.0), False),  # it breaks, the other holds
        ((1.0, 1.0, None), (2.0, 2.0, 1.0), False),  # nobody knows whether it breaks
        ((1.0, 1.0, None), (2.0, 2.0, None), True),
        ((1.0, 1.0, 0.0), (2.0, 2.0, None), True),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 0.5), True),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), False),
    ],
)
def test_dominance_as_the_module_says_it(one, other, expected):
    assert dominates(one, other) is expected


def row(method, error, milliseconds, survival=1.0, kind="mechanics"):
    return {
        "error_measure": "force RMSE", "cost_measure": "energy_and_force", "method": method,
        "kind": kind, "error": error, "unit": "kcal/mol/Å", "milliseconds": milliseconds,
        "survival": survival,
    }  # fmt: skip


LADDER = [
    row("class1", 8.0, 0.01), row("class2", 4.0, 0.04), row("delta", 3.0, 4.0),
    row("mlff", 2.0, 3.0, 0.5, "network"), row("slow", 9.0, 1.0), row("QM", 0.0, 8000.0,
    kind="reference"),
]  # fmt: skip


def test_rows_say_who_is_on_the_front_and_who_is_better():
    found = {r["method"]: r for r in judged([*LADDER, row("unknown", None, 1.0)])}
    assert [m for m, r in found.items() if r["on_front"]] == [
        "class1", "class2", "delta", "mlff", "QM"
    ]  # fmt: skip
    assert found["slow"]["dominated_by"] == "class1; class2"
    assert found["unknown"]["on_front"] is None and found["unknown"]["dominated_by"] == ""


def test_stairs_go_down_and_leave_out_who_breaks():
    assert [r["method"] for r in climb(judged(LADDER))] == ["class1", "class2", "delta", "QM"]
    broken = [r | {"survival": 0.5} if r["kind"] != "reference" else r for r in LADDER]
    assert [r["method"] for r in climb(judged(broken))] == ["class1", "class2", "mlff", "QM"]


def survived(alive, trajectories):
    low, high = survival_interval(alive, trajectories)
    return {"survival": alive / trajectories, "survival_low": low, "survival_high": high}


def stairs_of(*survivals) -> str:
    """Methods a, b, … each dearer and better than the one before, as the stairs have them."""
    rows = [row(name, 9.0 - k, 2.0**k) | alive
            for k, (name, alive) in enumerate(zip("abc", survivals, strict=False))]  # fmt: skip
    return "".join(r["method"] for r in climb(judged(rows)))


def test_a_death_that_may_be_chance_takes_nobody_off_the_stairs():
    """38 of 38 survive with a chance of 0.924 at least, 37 of 38 of 0.9993 at most, 25 of 0.804."""
    assert survival_interval(38, 38)[0] == pytest.approx(0.05 ** (1 / 38))
    assert stairs_of(survived(38, 38), survived(37, 38)) == "ab"
    assert stairs_of(survived(38, 38), survived(37, 38), survived(25, 38)) == "ab"
    assert stairs_of(survived(25, 38), survived(25, 38)) == "ab"  # as firm as each other
    assert dominates((1.0, 1.0, 1.0), (1.0, 1.0, 37 / 38))  # the front itself is strict


def test_of_several_that_all_survive_the_surest_one_is_the_measure():
    """4 of 4 tell nothing from 25 of 38; 38 of 38 do."""
    assert stairs_of(survived(4, 4), survived(25, 38)) == "ab"
    for both in ((4, 38), (38, 4)):
        firm = [survived(n, n) for n in both]
        assert stairs_of(*firm, survived(25, 38)) == "ab"


def test_who_was_not_tested_stands_only_beside_others_that_were_not():
    untested = {"survival": None}
    assert stairs_of(untested, survived(30, 38)) == "b"
    assert stairs_of(untested, untested) == "ab"
    assert stairs_of({"survival": 1.0}, {"survival": 0.99}) == "a"  # no intervals


@given(POINTS)
def test_stairs_rise_in_cost_and_fall_in_error(points):
    stairs = climb(judged([row(str(k), *point) for k, point in enumerate(points)]))
    costs, errors = ([r[key] for r in stairs] for key in ("milliseconds", "error"))
    assert costs == sorted(set(costs)) and errors == sorted(set(errors), reverse=True)


def test_price_of_a_step_is_what_it_costs_over_what_it_buys():
    one, _, last = steps(judged(LADDER))
    assert (one["from_method"], one["to_method"]) == ("class1", "class2")
    assert one["error_less"] == 4.0
    assert one["cost_factor"] == pytest.approx(4.0)
    assert one["milliseconds_more"] == pytest.approx(0.03)
    assert one["milliseconds_per_unit"] == pytest.approx(0.0075)
    assert one["factor_per_unit"] == pytest.approx(4.0**0.25)
    assert (last["to_method"], last["error_less"]) == ("QM", 3.0)


@given(POINTS)
def test_steps_add_up_to_the_way_from_the_first_to_the_last(points):
    rows = judged([row(str(k), *point) for k, point in enumerate(points)])
    stairs, found = climb(rows), steps(rows)
    assert len(found) == max(len(stairs) - 1, 0)
    if found:
        assert sum(s["error_less"] for s in found) == pytest.approx(
            stairs[0]["error"] - stairs[-1]["error"]
        )
        assert np.prod([s["cost_factor"] for s in found]) == pytest.approx(
            stairs[-1]["milliseconds"] / stairs[0]["milliseconds"]
        )


def test_a_step_that_saves_next_to_nothing_has_no_factor_for_a_whole_unit():
    """RMSDs of minima lie hundredths of an Å apart: 10⁶ to the power of 1 / 0.01 is no float."""
    rows = [
        {"method": name, "kind": "baseline", "error": error, "milliseconds": cost, "survival": 1.0,
         "error_measure": "RMSD of minima", "cost_measure": "md_step", "unit": "Å"}
        for name, error, cost in (("class1", 0.015, 0.01), ("B3LYP", 0.005, 1e4))
    ]  # fmt: skip
    (step,) = steps(judged(rows))
    assert step["factor_per_unit"] is None
    assert step["milliseconds_per_unit"] == pytest.approx(1e6, rel=1e-4)
    assert in_factors(step["factor_per_unit"]) == "–"
    plot_front(judged([row | {"split": "test"} for row in rows]))
