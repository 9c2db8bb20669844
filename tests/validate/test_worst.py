"""Worst cases: the geometry, the atom and the numbers of an error that was put there."""

import numpy as np
import pytest

from examples import mol_of
from forceladder.training_set.dataset import row_ranges
from forceladder.validate.plots.worst import flat_coordinates, plot_worst
from forceladder.validate.predictions import as_predictions
from forceladder.validate.worst import COLUMNS, worst_cases


def perfect(dataset):
    return as_predictions(
        ["ours"], dataset["energy"].values[None].copy(), dataset["gradients"].values[None].copy()
    )


def spoilt(dataset, molecule: int, geometry: int, atom: int, error):
    """Predictions that are right but for the gradient of one atom."""
    said = perfect(dataset)
    size = int(dataset["atom_count"].values[molecule])
    first = row_ranges(dataset)["position"][molecule] + geometry * size
    said["predicted_gradients"].values[0, first + atom] += error
    return said


def test_worst_case_is_the_geometry_that_was_spoilt(xtb_set):
    error = np.array([3.0, -4.0, 12.0])
    said = spoilt(xtb_set, 1, 2, 3, error)
    case = worst_cases(xtb_set, said, 3)[0]
    size = int(xtb_set["atom_count"].values[1])
    first = row_ranges(xtb_set)["position"][1] + 2 * size
    force = -xtb_set["gradients"].values[first + 3]
    assert case["molecule"] == xtb_set["molecule_id"].values[1]
    assert (case["geometry"], case["atom"]) == (2, 3)
    assert case["force_error"] == pytest.approx(13.0)
    assert case["force_rmse"] == pytest.approx(13.0 / np.sqrt(3 * size))
    assert case["qm_force"] == pytest.approx(np.linalg.norm(force))
    assert case["predicted_force"] == pytest.approx(np.linalg.norm(force - error))
    assert case["qm_energy"] == pytest.approx(case["predicted_energy"])
    assert set(COLUMNS) <= set(case)


def test_energies_are_relative_to_the_mean_of_the_molecule(xtb_set):
    said = perfect(xtb_set)
    said["predicted_energy"].values[:] *= 2.0
    for case in worst_cases(xtb_set, said, 100):
        assert case["predicted_energy"] == pytest.approx(2.0 * case["qm_energy"], abs=1e-6)


def test_one_case_a_molecule_the_worst_first_and_no_more_than_asked(xtb_set):
    said = perfect(xtb_set)
    said["predicted_gradients"].values[:] += np.random.default_rng(0).normal(
        size=said["predicted_gradients"].shape
    )
    cases = worst_cases(xtb_set, said, 2)
    everything = worst_cases(xtb_set, said, 100)
    assert [c["molecule"] for c in cases] == [c["molecule"] for c in everything[:2]]
    errors = [case["force_rmse"] for case in everything]
    assert errors == sorted(errors, reverse=True)
    assert len({case["molecule"] for case in everything}) == xtb_set.sizes["molecule"]


def test_a_method_without_parameters_has_no_cases(xtb_set):
    said = perfect(xtb_set)
    said["predicted_gradients"].values[:] = np.nan
    said["predicted_energy"].values[:] = np.nan
    assert worst_cases(xtb_set, said, 3) == []
    plot_worst(xtb_set, [])


def test_flat_molecules_keep_their_bonds_apart():
    mol = mol_of("CC(=O)Nc1ccc(O)cc1")
    x = flat_coordinates(mol)
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    distance[np.diag_indices(len(x))] = np.inf
    assert distance.min() > 0.5
    for bond in mol.GetBonds():
        assert 0.9 < distance[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] < 2.2


def test_every_case_has_its_panel_and_its_numbers(xtb_set):
    said = spoilt(xtb_set, 0, 1, 0, 5.0)
    cases = worst_cases(xtb_set, said, 2)
    figure = plot_worst(xtb_set, cases)
    words = " ".join(text.get_text() for axis in figure.axes for text in axis.texts)
    assert f"off by {cases[0]['force_error']:.3g}" in words
