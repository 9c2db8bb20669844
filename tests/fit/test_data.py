"""A training set becomes the tensors that a fit needs, and loses nothing on the way."""

import numpy as np
import pytest
import torch
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from forceladder.energy.geometry import Geometry
from forceladder.fit.data import conformer_weights, fit_data, relative_energies
from forceladder.fit.loss import mean_square_esp_error
from forceladder.training_set.dataset import row_ranges, select_molecules
from forceladder.units import COULOMB
from small_set import without_grid

SCALE = 2.0  # kcal/mol per atom


def data_of(dataset):
    return fit_data(dataset, conformer_weights(dataset, SCALE))


@pytest.fixture(scope="module")
def data(xtb_set):
    return data_of(xtb_set)


# weights and energies


def test_weights_are_the_documented_function_of_energy_per_atom(xtb_set, data):
    """w = 1 / (1 + (ΔE / (N scale))²), by a loop."""
    energy, conformer = xtb_set["energy"].values, 0
    for atoms, count in zip(
        xtb_set["atom_count"].values, xtb_set["conformer_count"].values, strict=True
    ):
        here = slice(conformer, conformer + count)
        above = energy[here] - energy[here].min()
        expected = 1.0 / (1.0 + (above / (atoms * SCALE)) ** 2)
        np.testing.assert_allclose(data.weight[here], expected, rtol=1e-12)
        conformer += count


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6), st.floats(0.01, 100.0))
def test_weight_is_one_at_the_minimum_half_at_the_scale_and_never_zero(energies, scale):
    low = min(energies)
    every = np.array([*energies, low, low + 3 * scale])  # of water: three atoms
    dataset = xarray.Dataset(
        {
            "energy": ("conformer", every),
            "conformer_count": ("molecule", [len(every)]),
            "atom_count": ("molecule", [3]),
        }
    )
    weight = conformer_weights(dataset, scale)
    assert weight[-2] == 1.0
    assert weight[-1] == pytest.approx(0.5, rel=1e-6)
    assert ((weight > 0.0) & (weight <= 1.0)).all()
    assert (np.diff(weight[np.argsort(every)]) <= 0.0).all()


def test_relative_energies_have_a_weighted_mean_of_zero_and_keep_differences(xtb_set, data):
    energy = torch.as_tensor(xtb_set["energy"].values)
    for molecule in range(len(data.topology.atom_count)):
        here = data.geometry.molecule == molecule
        mean = (data.weight[here] * data.energy[here]).sum() / data.weight[here].sum()
        assert float(mean) == pytest.approx(0.0, abs=1e-8)
        torch.testing.assert_close(
            data.energy[here] - data.energy[here][0], energy[here] - energy[here][0],
            rtol=0, atol=1e-9,
        )  # fmt: skip


@given(st.lists(st.floats(-1e5, 1e5), min_size=14, max_size=14))
def test_a_molecules_own_zero_of_energy_does_not_matter(data, zeros):
    energy = data.energy + torch.tensor(zeros, dtype=torch.float64)[data.geometry.molecule]
    again = relative_energies(energy, data.weight, data.geometry.molecule)
    torch.testing.assert_close(again, data.energy, rtol=0, atol=1e-9)


def test_numbers_are_those_of_the_training_set(xtb_set, data):
    for ours, name in ((data.gradient, "gradients"), (data.dipole, "dipole")):
        np.testing.assert_array_equal(ours, xtb_set[name].values)
    np.testing.assert_array_equal(data.geometry.positions, xtb_set["positions"].values)
    assert isinstance(data.geometry, Geometry)
    assert data.topology.molecule_ids == xtb_set["molecule_id"].values.tolist()


# electrostatic potential


@settings(max_examples=5)
@given(st.integers(0, 2**31))
def test_normal_equations_give_the_brute_force_esp_error(xtb_set, seed):
    some = select_molecules(xtb_set, [0, 2, 3, 6])
    charge = np.random.default_rng(seed).normal(size=some.sizes["atom"])
    found = mean_square_esp_error(torch.as_tensor(charge), data_of(some))
    np.testing.assert_allclose(found, oracles.mean_square_esp_errors(some, charge), rtol=1e-10)


def test_charges_that_made_the_potential_have_no_error(xtb_set):
    """A potential of known charges, the same in every conformer, is found to the last digit."""
    some = select_molecules(xtb_set, [2, 5]).copy(deep=True)
    charge = np.random.default_rng(0).normal(size=some.sizes["atom"])
    ranges = row_ranges(some)
    for m, atoms in enumerate(some["atom_count"].values):
        q = charge[ranges["atom"][m] : ranges["atom"][m + 1]]
        point, first = ranges["grid_point"][m], ranges["position"][m]
        for conformer in range(*ranges["conformer"][m : m + 2]):
            here = slice(point, point + some["grid_count"].values[conformer])
            x = some["positions"].values[first : first + atoms]
            r = np.linalg.norm(some["grid_positions"].values[here][:, None] - x, axis=-1)
            some["esp"].values[here] = COULOMB * (1.0 / r) @ q
            point, first = here.stop, first + atoms
    data = data_of(some)
    error = mean_square_esp_error(torch.as_tensor(charge), data)
    np.testing.assert_allclose(error, 0.0, atol=1e-9 * float(data.esp.square.max()))


def test_molecule_without_a_grid_has_neither_points_nor_error(xtb_set):
    bare = without_grid(xtb_set, [1, 4])
    data = data_of(bare)
    charge = torch.ones(bare.sizes["atom"], dtype=torch.float64)
    error = mean_square_esp_error(charge, data)
    assert data.esp.points[[1, 4]].tolist() == [0.0, 0.0]
    assert error[[1, 4]].tolist() == [0.0, 0.0]
    full = mean_square_esp_error(charge, data_of(xtb_set))
    others = [row for row in range(14) if row not in (1, 4)]
    torch.testing.assert_close(error[others], full[others], rtol=1e-12, atol=0)


def test_molecule_is_in_a_batch_what_it_is_alone(xtb_set, data):
    for row in (0, 3, 13):
        alone = data_of(select_molecules(xtb_set, [row]))
        here = data.geometry.molecule == row
        torch.testing.assert_close(alone.energy, data.energy[here], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(alone.weight, data.weight[here], rtol=1e-12, atol=0)
        torch.testing.assert_close(alone.esp.square[0], data.esp.square[row], rtol=1e-12, atol=0)
