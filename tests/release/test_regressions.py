"""A significant regression stops a release unless it is waived; the report says all of it."""

import pytest

from forceladder import files
from forceladder.errors import GateError
from forceladder.release import regressions
from forceladder.release.decision import require_release
from forceladder.release.shown import read_shown
from forceladder.release.view import changes_of
from forceladder.tables import read_table, write_table
from small_runs import release, texts, words

SETTINGS = {"regression_significance": 0.05, "regression_tolerance_fraction": 0.05}
REASON = "Its QM was recomputed, and the old one was of another conformer."
ROW = {
    "kind": "molecule", "name": "CCO", "split": "test", "quantity": "force_rmse",
    "unit": "kcal/mol/Å", "conformers": 9, "old": 4.0, "new": 5.0, "difference": 1.0,
    "low": 0.5, "high": 1.5, "p_value": 0.01,
}  # fmt: skip


def judged(waivers=(), **changes):
    (row,) = regressions.judged_changes(
        "class1", [ROW | changes], {"CCO": "train"}, SETTINGS, waivers
    )
    return row


def as_read(rows, tmp_path):
    write_table(tmp_path / "changes.csv", rows, regressions.COLUMNS)
    return read_table(tmp_path / "changes.csv")


@pytest.mark.parametrize(
    ("changes", "change"),
    [
        ({}, "worse"),
        ({"p_value": 0.06}, "same"),
        ({"new": 4.1, "difference": 0.1}, "same"),  # 2.5 %, less than the tolerance
        ({"new": 3.0, "difference": -1.0}, "better"),
        ({"new": float("nan"), "difference": float("nan"), "p_value": float("nan")}, "worse"),
        ({"old": float("nan"), "difference": float("nan"), "p_value": float("nan")},
         "not comparable"),
    ],
)  # fmt: skip
def test_worse_is_what_is_significant_and_large(changes, change):
    assert judged(**changes)["change"] == change


def test_the_phrase_says_then_and_now_and_that_the_split_moved(tmp_path):
    assert regressions.blocking(as_read([judged()], tmp_path)) == [
        "class1: molecule CCO (test, train then) got worse, force RMSE 4 → 5 kcal/mol/Å "
        "(+25 %, p = 0.01)"
    ]


def test_what_has_no_number_any_more_blocks_and_says_so(tmp_path):
    gone = dict.fromkeys(("new", "difference", "p_value", "low", "high"), float("nan"))
    assert regressions.blocking(as_read([judged(**gone)], tmp_path)) == [
        "class1: molecule CCO (test, train then) got worse, force RMSE 4 kcal/mol/Å and now no "
        "number"
    ]


def test_the_report_has_the_largest_change_first_whatever_else_has_no_size(tmp_path):
    none = dict.fromkeys(("old", "difference", "p_value"), float("nan"))
    rows = [judged(name="small", new=4.4, difference=0.4), judged(**none),
            judged(name="large", new=8.0, difference=4.0),
            judged(new=float("nan"), difference=float("nan")),
            judged(name="middle", new=6.0, difference=2.0)]  # fmt: skip
    found = changes_of(as_read(rows, tmp_path), [])["worse"]
    assert [row["name"] for row in found] == ["CCO", "large", "middle", "small"]


def test_a_waiver_is_for_its_own_rung_and_name(tmp_path):
    waivers = [
        {"rung": "class1", "regression": "CCO", "reason": REASON},
        {"rung": "class2", "regression": "CCO", "reason": REASON},
    ]
    rows = as_read([judged(waivers)], tmp_path)
    assert regressions.blocking(rows) == []
    assert regressions.idle_waivers(rows, waivers) == waivers[1:]
    assert judged(waivers[1:])["waiver"] == ""


def test_gates_and_trajectories_are_said_with_the_sign_that_is_worse():
    force, survival = "max_test_force_rmse_kcal_per_angstrom", "min_nvt_survival_fraction"

    def gates(one, other):
        return [
            {"rung": "class1", "gate": force, "value": str(one), "limit": "10"},
            {"rung": "class1", "gate": survival, "value": str(other), "limit": "1"},
        ]

    found = regressions.gate_changes(gates(5.0, 1.0), gates(6.0, 0.5), 0.05)
    assert [row["change"] for row in found] == ["worse", "worse"]
    found = regressions.gate_changes(gates(5.0, 0.5), gates(5.4, 1.0), 0.05)
    assert [row["change"] for row in found] == ["same", "better"]  # 0.4 of a limit of 10
    found = regressions.gate_changes(gates("", 1.0), gates(5.0, 1.0), 0.05)
    assert [row["change"] for row in found] == ["not comparable", "same"]
    found = regressions.gate_changes(gates(5.0, 1.0), gates("", 1.0), 0.05)
    assert [row["change"] for row in found] == ["worse", "same"]

    def trajectories(alive, drift):
        drifts = {"0.5 fs": drift, "1 fs": 9.0}
        return [{"molecule": "CCO", "survival": {"300 K": alive}, "nve_drift": drifts}]

    found = regressions.stability_changes(
        "class1", trajectories(1.0, -0.1), trajectories(0.5, 0.2), 0.05, 0.5
    )
    assert [(row["quantity"], row["change"]) for row in found] == [
        ("survival at 300 K", "worse"), ("NVE drift at 0.5 fs", "worse"),
    ]  # fmt: skip
    broke = regressions.stability_changes(
        "class1", trajectories(1.0, -0.1), trajectories(1.0, None), 0.05, 0.5
    )
    assert [row["change"] for row in broke] == ["same", "worse"]  # no drift: it died
    assert regressions.blocking([{**row, "old_split": "", "split": ""} for row in found]) == []


def test_regression_and_low_version_stop_a_release_and_a_waiver_lets_it_go(small_run, tmp_path):
    def compare(rows, refusal=""):
        write_table(small_run.folder / "changes.csv", rows, regressions.COLUMNS)
        known = {"name": "small", "version": "0.0.9", "level": "Y", "why": ["it moved"]}
        known["manifest_sha256"] = "0" * 64
        files.write_json(small_run.folder / "previous.json", known | {"refusal": refusal})
        for name, file in {"changes": "changes.csv", "previous": "previous.json"}.items():
            small_run.shown[name] = str(small_run.folder / file)
        small_run.shown["changes_plot"] = small_run.picture("changes")
        return texts(small_run)

    too_low = "release.version is 0.1.0, but it must be 1.0.0 or later"
    said = compare([judged(), judged(name="CO", new=3.0, difference=-1.0)], too_low)
    assert "Not released, for 2 reasons" in words(said["report"])
    with pytest.raises(GateError) as caught:
        release(small_run, tmp_path / "first")
    for text in (*(said[name] for name in ("report", "summary", "card")), str(caught.value)):
        assert too_low in text and "molecule CCO (test, train then) got worse" in text
    assert "since 0.0.9: 1 got worse (0 waived), 1 got better, of 2 comparisons" in said["summary"]

    waiver = {"rung": "class1", "regression": "CCO", "reason": REASON}
    idle = {"rung": "class2", "regression": "water", "reason": REASON}
    small_run.config["waivers"] = [waiver, idle]
    said = compare([judged([waiver])])
    for name in ("report", "card"):
        assert REASON in said[name]
        assert "The waiver of water for class2 is not needed." in said[name]
    folder = release(small_run, tmp_path / "second")
    assert (folder / "validation/changes.csv").is_file()
    assert files.read_json(folder / "manifest.json")["previous"]["version"] == "0.0.9"
    require_release(read_shown(small_run.shown, ["class1", "class2"]), "report.html")
