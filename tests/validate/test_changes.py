"""What got worse: differences by hand, p-values by closed forms, and no verdict out of nothing."""

import copy
import itertools

import numpy as np
import pytest
import torch

from force_fields import topology
from forceladder.export.parameters import molecule_parameters
from forceladder.training_set.dataset import row_ranges
from forceladder.validate.changes import Subject, changes, compare_models, compared, holm
from forceladder.validate.errors import molecule_errors, split_errors
from forceladder.validate.parameter_shifts import parameter_shifts
from forceladder.validate.plots.changes import plot_changes
from forceladder.validate.predictions import as_predictions, rung_predictions
from ladder import LADDER, ladder_rung


def predictions(dataset, seed, noise):
    """The reference with noise on it: kcal/mol and kcal/mol/Å."""
    rng = np.random.default_rng(seed)
    energy, gradients = dataset["energy"].values, dataset["gradients"].values
    return as_predictions(
        ["x"],
        (energy + noise * rng.standard_normal(energy.shape))[None],
        (gradients + noise * rng.standard_normal(gradients.shape))[None],
    )


def by_name(rows, kind, quantity):
    return {r["name"]: r for r in rows if r["kind"] == kind and r["quantity"] == quantity}


def oxygens(mol) -> dict:
    rows = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 8]
    return {"oxygen": rows} if rows else {}


def test_errors_of_both_are_those_of_the_error_tables(xtb_set):
    old, new = predictions(xtb_set, 1, 1.0), predictions(xtb_set, 2, 1.5)
    rows = changes(xtb_set, old, new, seed=1)
    for given, which in ((old, "old"), (new, "new")):
        table = molecule_errors(xtb_set, given, seed=1)
        for quantity in ("force_rmse", "energy_rmse"):
            found = by_name(rows, "molecule", quantity)
            for row in table:
                assert found[row["molecule"]][which] == pytest.approx(row[quantity], rel=1e-12)
            found = by_name(rows, "split", quantity)
            for row in split_errors(table, seed=1):
                assert found[row["split"]][which] == pytest.approx(row[quantity], rel=1e-12)


def test_a_functional_group_has_the_errors_of_its_own_atoms(xtb_set):
    """A new force field that errs on oxygens alone: by hand √(mean of squares)."""
    old, new = predictions(xtb_set, 1, 1.0), predictions(xtb_set, 1, 1.0)
    repeats = row_ranges(xtb_set)["position"]
    numbers, first = xtb_set["atomic_number"].values, row_ranges(xtb_set)["atom"]
    oxygen = np.concatenate([
        np.tile(numbers[first[m] : first[m + 1]] == 8, xtb_set["conformer_count"].values[m])
        for m in range(len(repeats) - 1)
    ])  # fmt: skip
    new["predicted_gradients"].values[0, oxygen] += 2.0
    rows = changes(xtb_set, old, new, seed=1, groups=oxygens)
    (row,) = by_name(rows, "group", "force_rmse").values()
    error = new["predicted_gradients"].values[0, oxygen] - xtb_set["gradients"].values[oxygen]
    assert row["new"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-12)
    assert row["difference"] > 0 and row["p_value"] < 0.01
    assert by_name(rows, "group", "energy_rmse") == {}  # energies belong to no atom
    for name, one in by_name(rows, "molecule", "force_rmse").items():
        assert (one["difference"] > 0) == ("O" in name.upper()), name


def test_the_same_predictions_have_not_changed(xtb_set):
    same = predictions(xtb_set, 1, 1.0)
    for row in changes(xtb_set, same, same, seed=1, groups=oxygens):
        assert row["difference"] == 0.0 and row["p_value"] == 1.0
        assert row["low"] == row["high"] == 0.0


def test_exchanging_old_and_new_turns_every_sign_and_keeps_every_p(xtb_set):
    one, other = predictions(xtb_set, 1, 1.0), predictions(xtb_set, 2, 1.2)
    forth, back = changes(xtb_set, one, other, seed=1), changes(xtb_set, other, one, seed=1)
    for a, b in zip(forth, back, strict=True):
        assert a["difference"] == -b["difference"]
        assert (a["low"], a["high"]) == pytest.approx((-b["high"], -b["low"]), abs=1e-12)
        assert a["p_value"] == pytest.approx(b["p_value"], abs=1e-12)


def piece(old, new):
    return np.stack([np.square(old), np.square(new), np.ones(len(old))], axis=1).astype(float)


@pytest.mark.parametrize(
    ("count", "blocks"), [(2, 2), (3, 3), (4, 2), (5, 3), (8, 4), (15, 8), (16, 6)]
)
def test_few_conformers_cannot_show_more_than_coins(count, blocks):
    """All of them worse by far: 2 · 2⁻ᵇ; blocks are of 1, of 2 from 4 on, of 3 from 16 on."""
    subject = Subject("molecule", "x", "", {0: piece([1.0] * count, [9.0] * count)})
    exact = 2.0 * 0.5**blocks
    spread = np.sqrt(exact / 40_000)
    assert compared(subject, 40_000, 1)["p_value"] == pytest.approx(exact, abs=5 * spread)


def test_resampling_is_that_of_all_possible_draws_and_exchanges():
    """Three conformers have 27 equally likely draws and 8 exchanges; they can be written down."""
    old, new = np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 3.5])
    row = compared(Subject("molecule", "x", "", {0: piece(old, new)}), 200_000, 1)

    def difference(one, other):
        return np.sqrt(np.mean(np.square(other))) - np.sqrt(np.mean(np.square(one)))

    drawn = [difference(old[list(d)], new[list(d)]) for d in itertools.product(range(3), repeat=3)]
    exchanged = [
        difference(np.where(e, new, old), np.where(e, old, new))
        for e in itertools.product((True, False), repeat=3)
    ]
    assert row["difference"] == pytest.approx(difference(old, new), rel=1e-12)
    beyond = np.mean(np.abs(exchanged) >= row["difference"] - 1e-12)
    assert 0 < beyond < 1
    assert row["p_value"] == pytest.approx(beyond, abs=0.006)
    exact = np.percentile(np.repeat(drawn, 1000), [2.5, 97.5])
    assert (row["low"], row["high"]) == pytest.approx(tuple(exact), abs=1e-9)


def test_neighbours_are_drawn_and_exchanged_together():
    """Five conformers and two: three blocks and two have 2⁵ exchanges and 5³ · 2² draws."""
    olds = [np.array([1.0, 2.0, 3.0, 2.0, 1.0]), np.array([4.0, 1.0])]
    news = [np.array([2.0, 1.0, 3.5, 2.5, 1.5]), np.array([4.5, 2.0])]
    pieces = {m: piece(*both) for m, both in enumerate(zip(olds, news, strict=True))}
    row = compared(Subject("split", "test", "", pieces), 100_000, 1)

    exchanged = []
    for toss in itertools.product((False, True), repeat=5):
        turned = [np.array(toss)[[0, 0, 1, 1, 2]], np.array(toss)[[3, 4]]]
        pairs = zip(turned, olds, news, strict=True)
        one, two = zip(*[(np.where(t, n, o), np.where(t, o, n)) for t, o, n in pairs], strict=True)
        exchanged.append(rms(np.concatenate(two)) - rms(np.concatenate(one)))
    assert row["difference"] == pytest.approx(exchanged[0], rel=1e-12)
    beyond = np.mean(np.abs(exchanged) >= row["difference"] - 1e-12)
    assert 2 * 0.5**5 < beyond < 0.5
    assert row["p_value"] == pytest.approx(beyond, abs=0.008)

    drawn = []
    for starts in itertools.product(range(5), repeat=3):
        rows = [(start + k) % 5 for start in starts for k in range(2)]  # six, for five
        for pair in itertools.product(range(2), repeat=2):
            sides = [
                (5 / 6 * (long[rows] ** 2).sum() + (short[list(pair)] ** 2).sum()) / 7
                for long, short in (olds, news)
            ]
            drawn.append(np.sqrt(sides[1]) - np.sqrt(sides[0]))
    exact = np.percentile(np.repeat(drawn, 1000), [2.5, 97.5])
    assert (row["low"], row["high"]) == pytest.approx(tuple(exact), abs=0.01)


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def test_frames_that_err_alike_are_not_taken_for_so_many_witnesses():
    """Two equally good force fields along 64 frames, errors of which every four are one."""
    random, called = np.random.default_rng(5), 0
    for trial in range(200):
        old, new = np.repeat(random.standard_normal((2, 16)), 4, axis=1)
        row = compared(Subject("molecule", "x", "", {0: piece(old, new)}), 400, trial)
        called += row["p_value"] < 0.05
    assert 2 <= called <= 20  # 10 are expected, with a spread of 3; frame by frame it was 74


def test_holm_by_hand():
    """0.01·4, then 0.02·3, 0.03·2 raised to it, 0.9·1; a NaN takes no part."""
    found = holm([0.03, 0.01, float("nan"), 0.9, 0.02])
    assert found[:2] == pytest.approx([0.06, 0.04]) and np.isnan(found[2])
    assert found[3:] == pytest.approx([0.9, 0.06])
    assert holm([]) == []


def test_of_many_pairs_that_do_not_differ_few_are_called_changed(xtb_set):
    """Family-wise error of 5 %: 2 of 40 comparisons of noise with noise, 6 with p = 0.01."""
    called = 0
    for seed in range(20):
        old, new = (predictions(xtb_set, 2 * seed + k, 1.0) for k in (100, 101))
        for quantity in ("force_rmse", "energy_rmse"):
            rows = by_name(changes(xtb_set, old, new, seed), "split", quantity)
            called += any(row["p_value"] < 0.05 for row in rows.values())
    assert called <= 6


def test_what_has_no_parameters_cannot_be_compared(xtb_set):
    old, new = predictions(xtb_set, 1, 1.0), predictions(xtb_set, 2, 1.0)
    first = row_ranges(xtb_set)["position"]
    new["predicted_gradients"].values[0, first[3] : first[4]] = np.nan
    name = str(xtb_set["molecule_id"].values[3])
    row = by_name(changes(xtb_set, old, new, 1), "molecule", "force_rmse")[name]
    assert np.isnan(row["difference"]) and np.isnan(row["p_value"])


@pytest.fixture(scope="module")
def models():
    """A class1 model, and the same with every bond longer than its head says."""
    old = ladder_rung(topology("CCO"), LADDER["class1"])
    new = copy.deepcopy(old)
    with torch.no_grad():
        new.readouts["bond_harmonic"].outer[-1].bias += torch.tensor([0.1, 0.0]).double()
    return old, new


def test_shifts_are_those_of_the_parameters(xtb_set, models):
    old, new = (molecule_parameters(model, xtb_set) for model in models)
    rows = {(r["term"], r["parameter"]): r for r in parameter_shifts(old, new)}
    length = rows["bond_harmonic", "length"]
    before = np.concatenate([p["terms"]["bond_harmonic"]["length"] for p in old])
    after = np.concatenate([p["terms"]["bond_harmonic"]["length"] for p in new])
    assert length["numbers"] == len(before)
    assert length["scale"] == pytest.approx(np.std(before))
    assert length["rms_shift"] == pytest.approx(np.sqrt(np.mean((after - before) ** 2)))
    worst = np.argmax(np.abs(after - before))
    assert (length["old"], length["new"]) == (before[worst], after[worst])
    assert length["unit"] == "angstrom" and length["molecule"] in set(xtb_set["molecule_id"].values)
    moved = {key for key, row in rows.items() if row["largest_shift"]}
    assert moved == {("bond_harmonic", "length")}


def test_models_are_compared_and_drawn(xtb_set, models):
    new = rung_predictions("new", models[1], xtb_set)
    rows, shifts = compare_models(xtb_set, *models, new, 1, oxygens)
    assert shifts[0]["parameter"] == "gradient" and shifts[0]["rms_shift"] > 0
    shown = [
        row | {"rung": "class1", "relative": row["difference"] / row["old"], "change": "worse"}
        for row in rows
    ]
    figure = plot_changes(shown, most=5)
    assert len(figure.axes[0].get_yticklabels()) == 5
    assert plot_changes([]).axes[0].texts[0].get_text() == "no molecule can be compared"


def test_a_network_alone_is_compared_by_its_gradients(xtb_set):
    old, new = (ladder_rung(topology("CCO"), LADDER["mlff"], seed=seed) for seed in (0, 1))
    rows, shifts = compare_models(xtb_set, old, new, rung_predictions("new", new, xtb_set), 1, None)
    assert [row["parameter"] for row in shifts] == ["gradient"]
    assert {row["kind"] for row in rows} == {"split", "molecule"}
