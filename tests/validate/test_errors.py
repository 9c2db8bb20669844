"""Error tables, against numbers worked out by hand."""

import numpy as np
import pytest

from forceladder.validate.errors import molecule_errors, split_errors


class FakeArrays(dict):
    """Datasets as far as the error tables look at them: names, values, counts."""

    class Values:
        def __init__(self, values):
            self.values = np.asarray(values)

    def __init__(self, **arrays):
        super().__init__({name: self.Values(values) for name, values in arrays.items()})


def dataset(unknown=()):
    """Two molecules of one and two atoms, with two and three conformers; gradients of the
    conformers `unknown` are not known."""
    gradients = np.zeros((2 * 1 + 3 * 2, 3))
    for conformer in unknown:
        gradients[[[0], [1], [2, 3], [4, 5], [6, 7]][conformer]] = np.nan
    counts = {
        f"{table}_count": [0, 0] for table in ("bond", "angle", "torsion", "improper", "pair")
    }
    return FakeArrays(
        molecule_id=["one", "two"], split=["train", "test"], atom_count=[1, 2],
        conformer_count=[2, 3], scan_count=[0, 0], grid_count=[0] * 5, hessian_count=[0] * 5,
        energy=[0.0, 2.0, 5.0, 6.0, 7.0], gradients=gradients, **counts,
    )  # fmt: skip


def predictions():
    energy = [100.0, 100.0, 5.0, 6.0, 7.0]
    gradients = np.concatenate([np.full((2, 3), 3.0), np.full((6, 3), -0.5)])
    return FakeArrays(
        method=["ours"], predicted_energy=[energy], predicted_gradients=gradients[None]
    )


def test_energies_are_compared_relative_to_each_molecules_mean():
    one, two = molecule_errors(dataset(), predictions(), seed=0)
    assert one["energy_rmse"] == pytest.approx(1.0)  # 0 and 2 against a constant
    assert two["energy_rmse"] == pytest.approx(0.0, abs=1e-12)


def test_force_error_is_the_root_mean_square_of_components():
    one, two = molecule_errors(dataset(), predictions(), seed=0)
    assert (one["force_rmse"], two["force_rmse"]) == (3.0, 0.5)
    assert (one["force_components"], two["force_components"]) == (6, 18)


def test_only_known_gradients_count_and_all_energies_do():
    one, two = molecule_errors(dataset(unknown=[1, 2, 4]), predictions(), seed=0)
    assert (one["force_rmse"], two["force_rmse"]) == (3.0, 0.5)
    assert (one["force_components"], two["force_components"]) == (3, 6)
    assert (one["conformers"], two["conformers"]) == (2, 3)
    assert one["energy_rmse"] == pytest.approx(1.0)


def test_molecule_with_energies_alone_has_an_energy_error_and_no_force_error():
    one, two = molecule_errors(dataset(unknown=[0, 1]), predictions(), seed=0)
    assert np.isnan(one["force_rmse"]) and one["force_components"] == 0
    assert one["energy_rmse"] == pytest.approx(1.0)
    two["split"] = one["split"]
    (entry,) = split_errors([one, two], seed=0)
    assert (entry["molecules"], entry["missing"]) == (2, 0)
    assert entry["force_rmse"] == 0.5
    assert entry["energy_rmse"] == pytest.approx(
        np.sqrt(2 / 5)
    )  # two conformers 1 off, three right


def rows(errors, split="test"):
    return [
        {"method": "m", "molecule": str(k), "split": split, "conformers": 2, "force_components": 6,
         "force_rmse": error, "energy_rmse": error}
        for k, error in enumerate(errors)
    ]  # fmt: skip


def test_pooled_error_of_a_split_is_the_root_of_the_mean_square():
    (entry,) = split_errors(rows([3.0, 4.0]), seed=0)
    assert entry["force_rmse"] == pytest.approx(np.sqrt(12.5))
    assert entry["force_rmse_low"] is None  # two molecules make no interval


def test_interval_covers_the_pooled_error_and_is_the_same_for_the_same_seed():
    values = list(np.random.default_rng(0).uniform(1.0, 5.0, 30))
    (entry,) = split_errors(rows(values), seed=3)
    assert entry["force_rmse_low"] < entry["force_rmse"] < entry["force_rmse_high"]
    assert split_errors(rows(values), seed=3) == [entry]


def test_bootstrap_interval_holds_the_true_value_about_as_often_as_it_says():
    """Errors of known distribution: the 95 % interval must cover in 88 to 99 % of trials."""
    random = np.random.default_rng(1)
    truth = np.sqrt(np.mean(random.gamma(4.0, 1.0, 2_000_000) ** 2))
    hits = 0
    for trial in range(120):
        (entry,) = split_errors(rows(list(random.gamma(4.0, 1.0, 40))), seed=trial)
        hits += entry["force_rmse_low"] <= truth <= entry["force_rmse_high"]
    assert 0.88 <= hits / 120 <= 0.99


def test_molecules_without_parameters_are_counted_and_left_out():
    (entry,) = split_errors(rows([3.0, float("nan"), 4.0]), seed=0)
    assert (entry["molecules"], entry["missing"]) == (2, 1)
    assert entry["force_rmse"] == pytest.approx(np.sqrt(12.5))


def test_a_molecule_whose_forces_alone_are_no_numbers_is_missing_too():
    one, two = rows([3.0, 4.0])
    (entry,) = split_errors([one, two | {"force_rmse": float("nan")}], seed=0)
    assert (entry["molecules"], entry["missing"]) == (1, 1)
    assert entry["force_rmse"] == entry["energy_rmse"] == 3.0


def test_a_method_without_any_parameters_has_no_error():
    (entry,) = split_errors(rows([float("nan")]), seed=0)
    assert entry["force_rmse"] is None and entry["missing"] == 1


def many_geometries(energy, gradients, unknown=()):
    """One molecule of one atom; a method that says zero everywhere."""
    counts = {
        f"{table}_count": [0] for table in ("bond", "angle", "torsion", "improper", "pair", "scan")
    }
    gradients = np.repeat(np.asarray(gradients, float)[:, None], 3, axis=1)
    gradients[list(unknown)] = np.nan
    size = len(energy)
    reference = FakeArrays(
        molecule_id=["one"], split=["test"], atom_count=[1], conformer_count=[size],
        grid_count=[0] * size, hessian_count=[0] * size, energy=energy, gradients=gradients,
        **counts,
    )  # fmt: skip
    said = FakeArrays(
        method=["ours"], predicted_energy=np.zeros((1, size)),
        predicted_gradients=np.zeros((1, size, 3)),
    )  # fmt: skip
    return molecule_errors(reference, said, seed=0)[0]


def test_equal_errors_of_all_geometries_leave_no_doubt_of_a_molecules_error():
    row = many_geometries([1.0, -1.0] * 4, [2.0] * 8)
    assert row["force_rmse_low"] == row["force_rmse_high"] == pytest.approx(2.0)
    row = many_geometries([3.0] * 8, [2.0] * 8)
    assert row["energy_rmse"] == row["energy_rmse_high"] == 0.0  # a constant is no error


def test_interval_of_a_molecule_is_as_wide_as_the_spread_of_its_geometries_says():
    """Delta method: RMSE = √(mean of squares), so its error is s(squares) / (2 RMSE √n)."""
    random = np.random.default_rng(2)
    energy, forces = random.normal(0.0, 1.0, 400), random.normal(0.0, 2.0, 400)
    row = many_geometries(energy, forces)
    for quantity, values in (("force", forces), ("energy", energy - energy.mean())):
        rmse = row[f"{quantity}_rmse"]
        expected = 2 * 1.96 * (values**2).std() / (2.0 * rmse * np.sqrt(400))
        width = row[f"{quantity}_rmse_high"] - row[f"{quantity}_rmse_low"]
        assert width == pytest.approx(expected, rel=0.2)
        assert row[f"{quantity}_rmse_low"] < rmse < row[f"{quantity}_rmse_high"]


def test_two_geometries_make_no_interval():
    row = many_geometries([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], unknown=[1])
    assert row["force_rmse_low"] is None and row["energy_rmse_low"] is not None
    assert row["force_rmse"] == pytest.approx(np.sqrt(5.0))
