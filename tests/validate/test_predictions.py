"""Predictions are the rung's energies, in the order of the data, whatever the chunks."""

import numpy as np
import pytest
import torch

from force_fields import geometry_of
from forceladder.energy.topology import topology_of
from forceladder.model.potential import rung_surface
from forceladder.training_set.dataset import molecule_positions
from forceladder.validate import predictions
from forceladder.validate.predictions import chunks, rung_predictions
from ladder import LADDER, ladder_rung


@pytest.mark.parametrize("rung", LADDER)
@pytest.mark.parametrize("size", [10, 70, 2000])
def test_predictions_are_the_surface_of_the_rung(xtb_set, rung, size, monkeypatch):
    """All conformers at once are the judge; energies keep the zero of their atoms."""
    monkeypatch.setattr(predictions, "POSITIONS_PER_CHUNK", size)
    graph = topology_of(xtb_set)
    model = ladder_rung(graph, LADDER[rung])
    model.atomic_energy.copy_(torch.arange(119.0))
    found = rung_predictions("name", model, xtb_set)
    positions = [molecule_positions(xtb_set, m) for m in range(xtb_set.sizes["molecule"])]
    energy, gradient = rung_surface(model, geometry_of(graph, positions))
    assert found["method"].values.tolist() == ["name"]
    np.testing.assert_allclose(found["predicted_energy"].values[0], energy, rtol=1e-10)
    np.testing.assert_allclose(found["predicted_gradients"].values[0], gradient, atol=1e-8)


def test_chunks_hold_every_conformer_once_in_order_and_are_no_larger_than_they_may(monkeypatch):
    monkeypatch.setattr(predictions, "POSITIONS_PER_CHUNK", 100)
    conformers, atoms = [3, 0, 40, 1, 2], [10, 5, 9, 300, 60]
    found = chunks(conformers, atoms)
    flat = [(m, int(c)) for picks in found for m, kept in picks for c in kept]
    assert flat == [(m, c) for m, count in enumerate(conformers) for c in range(count)]
    for picks in found:
        rows = sum(len(kept) * atoms[m] for m, kept in picks)
        assert rows <= 100 or [len(kept) for _, kept in picks] == [1]
