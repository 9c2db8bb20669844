"""Rungs and baselines as methods: their surfaces are what the training code and RDKit say."""

import numpy as np
import pytest
import torch

from forceladder.energy.topology import topology_of
from forceladder.training_set.dataset import molecule_positions, row_ranges
from forceladder.validate.methods import method_surfaces
from forceladder.validate.predictions import baseline_predictions, rung_predictions
from ladder import LADDER, ladder_rung
from rule_folders import exported


@pytest.mark.parametrize("rung", LADDER)
def test_a_rungs_surfaces_are_its_predictions_but_for_atomic_energies(xtb_set, rung, tmp_path):
    model = ladder_rung(topology_of(xtb_set), LADDER[rung])
    predicted = rung_predictions(rung, model, xtb_set)
    ranges, seen = row_ranges(xtb_set), 0
    for index, name, mol, surface in method_surfaces(
        xtb_set, rung, *exported(tmp_path, model, xtb_set)
    ):
        assert name == xtb_set["molecule_id"].values[index]
        assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == (
            xtb_set["atomic_number"].values[slice(*ranges["atom"][index : index + 2])].tolist()
        )
        energy, gradient = surface.many(molecule_positions(xtb_set, index)[:3])
        first = ranges["conformer"][index]
        expected = predicted["predicted_energy"].values[0, first : first + 3]
        np.testing.assert_allclose(energy - energy[0], expected - expected[0], atol=1e-7)
        first = ranges["position"][index]
        rows = predicted["predicted_gradients"].values[0, first : first + gradient[..., 0].size]
        np.testing.assert_allclose(gradient.reshape(-1, 3), rows, atol=1e-6)
        seen += 1
    assert seen == xtb_set.sizes["molecule"]


def test_a_correction_can_be_had_in_single_precision(xtb_set, tmp_path):
    model = ladder_rung(topology_of(xtb_set), LADDER["mlff"])
    folders = exported(tmp_path, model, xtb_set)
    exact, single = (
        next(method_surfaces(xtb_set, "mlff", *folders, dtype)).surface
        for dtype in (torch.float64, torch.float32)
    )
    x = molecule_positions(xtb_set, 0)[0]
    difference = np.abs(exact(x)[1] - single(x)[1]).max()
    assert 0.0 < difference < 1e-3


def test_baselines_predict_what_their_surfaces_say(xtb_set):
    said = baseline_predictions("UFF", xtb_set)
    ranges = row_ranges(xtb_set)
    for index, _, _, surface in method_surfaces(xtb_set, "UFF"):
        energy, gradient = surface.many(molecule_positions(xtb_set, index))
        rows = slice(*ranges["conformer"][index : index + 2])
        np.testing.assert_array_equal(said["predicted_energy"].values[0, rows], energy)
        rows = slice(*ranges["position"][index : index + 2])
        np.testing.assert_array_equal(
            said["predicted_gradients"].values[0, rows], gradient.reshape(-1, 3)
        )
