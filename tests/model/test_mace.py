"""MACE as the term `correction` is a potential as good as ours, and what its package computes."""

import builtins
import subprocess
import sys
from functools import lru_cache

import numpy as np
import pytest
import torch

from conftest import SCRIPTS
from force_fields import (
    VARIETY,
    dataset_of,
    dataset_of_mapped,
    geometry_of,
    shaken,
    topology,
    untrained_rung,
)
from forceladder.energy.topology import topology_of
from forceladder.errors import MissingProgramError
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.fit.loop import fit_rung
from forceladder.model.checkpoint import load_model, save_model
from forceladder.model.corrections import make_correction
from forceladder.model.corrections.mace import ATOMIC_NUMBERS
from forceladder.model.potential import rung_surface
from forceladder.molecules.topology import FEATURE_ELEMENTS
from forceladder.units import EV_IN_KCAL
from ladder import LADDER, ladder_rung
from physics import Physics
from small_fits import rung_settings, same_weights, splits

SETTINGS = {
    "architecture": "mace", "cutoff_angstrom": 3.0, "layers": 2, "channels": 4, "message_degree": 1,
    "max_degree": 2, "correlation": 2, "radial_functions": 5, "hidden": 4,
    "max_energy_kcal_per_atom": None,
}  # fmt: skip


# of TorchScript, which e3nn compiles its products with
pytestmark = pytest.mark.filterwarnings("ignore:.*TorchScript.*", "ignore:.*torch.jit.*")


@pytest.fixture(scope="module", autouse=True)
def mace():
    """The package's modules; without them the tests of this file are skipped."""
    return pytest.importorskip("mace.modules", reason="mace-torch is not installed")


def mace_rung(graph, terms=LADDER["mlff"], **changes):
    return ladder_rung(graph, terms, settings=SETTINGS, **changes)


@lru_cache
def one_model():
    """MACE knows nothing of the graph, and e3nn takes half a second to make one."""
    return mace_rung(topology("C"))


class TestMace(Physics):
    relative = 1e-10

    def potential(self, molecules, positions):
        graph = topology_of(dataset_of_mapped(molecules))
        found = rung_surface(one_model(), geometry_of(graph, positions))
        parts = torch.split(found.gradient, graph.atom_count.tolist())
        return found.energy.numpy(), [part.numpy() for part in parts]


def test_untrained_it_is_zero():
    graph = topology(*VARIETY)
    model = untrained_rung(graph, terms=["correction"], correction=SETTINGS)
    found = rung_surface(model, geometry_of(graph, [shaken(m, 0, 0.1) for m in VARIETY]))
    assert not found.energy.any() and not found.gradient.any()


@pytest.mark.parametrize("smiles", VARIETY)
def test_energy_is_what_a_calculator_of_the_package_says(smiles):
    """Through its own neighbour list and its own batches, as those use it who have only MACE."""
    from ase import Atoms
    from mace.data import AtomicData, config_from_atoms
    from mace.tools import AtomicNumberTable, torch_geometric

    graph, x = topology(smiles), shaken(smiles, 1, 0.1)
    model = mace_rung(graph)
    found = rung_surface(model, geometry_of(graph, [x]))
    atoms = Atoms(graph.atomic_number.numpy(), x)
    torch.set_default_dtype(torch.float64)
    try:
        data = AtomicData.from_config(
            config_from_atoms(atoms), AtomicNumberTable(list(ATOMIC_NUMBERS)), 3.0
        )
        (batch,) = torch_geometric.dataloader.DataLoader([data], batch_size=1)
        said = model.correction.network(batch.to_dict())
    finally:
        torch.set_default_dtype(torch.float32)
    energy, forces = (said[name].detach() * EV_IN_KCAL for name in ("energy", "forces"))
    torch.testing.assert_close(found.energy, energy, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(found.gradient, -forces, rtol=1e-9, atol=1e-9)
    assert float(found.gradient.abs().max()) > 1e-3


@pytest.mark.parametrize("bound", [None, 0.5])
def test_an_atom_that_left_has_no_energy_and_no_atom_breaks_the_bound(bound):
    graph, x = topology("CCO"), shaken("CCO", 1, 0.1)
    x[-1] += 1000.0
    model = mace_rung(graph, max_energy_kcal_per_atom=bound, strength=100.0)
    geometry = geometry_of(graph, [x])
    found = rung_surface(model, geometry)
    assert not found.gradient[-1].any() and bool(found.gradient[:-1].any())
    assert bound is None or abs(float(found.energy)) <= bound * (len(x) - 1)


def test_elements_are_those_that_molecules_have_features_of():
    from rdkit import Chem

    table = Chem.GetPeriodicTable()
    assert [table.GetElementSymbol(z) for z in ATOMIC_NUMBERS] == list(FEATURE_ELEMENTS)


@pytest.mark.parametrize("terms", [LADDER["mlff"], LADDER["delta"]])
def test_openmm_has_it_as_the_training_code(terms, tmp_path):
    """Written, read and attached, as a release is."""
    smiles = "CC(=O)NC"
    graph, x = topology(smiles), shaken(smiles, 1, 0.1)
    save_model(mace_rung(graph, terms), tmp_path)
    model = load_model(tmp_path)
    (parameters,) = molecule_parameters(model, dataset_of(smiles))
    system = attach_correction(openmm_system(parameters), model, parameters)
    energy, gradient = openmm_energy_and_gradient(system, x)
    ours = rung_surface(model, geometry_of(graph, [x]))
    assert energy == pytest.approx(float(ours.energy), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(gradient, ours.gradient, rtol=0, atol=1e-8)


def test_fit_learns_and_says_the_same_twice(xtb_set):
    settings = rung_settings(
        "mlff", 12, optimizer="adam", conformers_per_batch=10, learning_rate=0.03
    )
    settings["correction"] = SETTINGS | {"max_degree": 1, "message_degree": 0}
    whole, history = fit_rung(*splits(xtb_set), settings, 0)
    again, _ = fit_rung(*splits(xtb_set), settings, 0)
    assert same_weights(whole, again)
    errors = history["train_force_rmse"][np.isfinite(history["train_force_rmse"])]
    assert errors[-1] < 0.9 * errors[0]


def test_nobody_need_have_imported_the_package_before():
    """e3nn alone does not load with a torch that reads no pickles; mace sees to that."""
    code = f"from forceladder.model.corrections import make_correction as m; m({SETTINGS}, 8)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, cwd=SCRIPTS)


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch, tmp_path):
    """Of a new model, and of a stored one, which is not broken."""
    save_model(one_model(), tmp_path)
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "mace":
            raise ImportError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingProgramError, match="pip install mace-torch"):
        make_correction(SETTINGS, 8)
    with pytest.raises(MissingProgramError, match="pip install mace-torch"):
        load_model(tmp_path)
