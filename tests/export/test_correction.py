"""A correction in OpenMM is the one that was fitted, and never part of a stored System."""

import numpy as np
import openmm
import pytest
import torch

from force_fields import VARIETY, dataset_of, geometry_of, shaken, topology
from forceladder.energy.neighbours import bonds_between
from forceladder.errors import VersionError
from forceladder.export.openmm.correction import attach_correction, bonds_between_atoms
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.model.potential import rung_surface
from ladder import LADDER, ladder_rung

MLFF, DELTA = LADDER["mlff"], LADDER["delta"]
FAR = "CCCCCCCO"  # atoms further apart than all layers reach


def attached(smiles, terms=MLFF, **options):
    model = ladder_rung(topology(smiles), terms)
    (parameters,) = molecule_parameters(model, dataset_of(smiles))
    return model, attach_correction(openmm_system(parameters), model, parameters, **options)


@pytest.mark.parametrize("terms", [MLFF, DELTA])
@pytest.mark.parametrize("smiles", [*VARIETY, FAR])
def test_attached_correction_is_the_training_code(smiles, terms):
    """Which searches for neighbours where OpenMM's takes every atom."""
    model, system = attached(smiles, terms)
    x = shaken(smiles, 1, 0.1)
    ours = rung_surface(model, geometry_of(topology(smiles), [x]))
    energy, gradient = openmm_energy_and_gradient(system, x)
    assert energy == pytest.approx(float(ours.energy), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(gradient, ours.gradient, rtol=0, atol=1e-8)
    assert np.abs(gradient).max() > 1e-3


def test_single_precision_is_enough_for_dynamics():
    x = shaken("CC(=O)NC", 1, 0.1)
    (energy, gradient), (single, single_gradient) = (
        openmm_energy_and_gradient(attached("CC(=O)NC", dtype=dtype)[1], x)
        for dtype in (torch.float64, torch.float32)
    )
    size = np.abs(gradient).max()
    assert single == pytest.approx(energy, rel=1e-5)
    np.testing.assert_allclose(single_gradient, gradient, rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("smiles", [*VARIETY, FAR])
def test_bonds_between_atoms_are_those_of_the_training_code(smiles):
    graph, atoms = topology(smiles), len(dataset_of(smiles)["mass"])
    one, other = torch.meshgrid(torch.arange(atoms), torch.arange(atoms), indexing="ij")
    expected = bonds_between(graph, one, other).numpy()
    np.testing.assert_array_equal(
        bonds_between_atoms(atoms, graph.atoms["bond"].tolist()), expected * (one != other).numpy()
    )


def test_stored_system_has_no_correction_and_is_left_as_it_is():
    model = ladder_rung(topology("CO"), DELTA)
    (parameters,) = molecule_parameters(model, dataset_of("CO"))
    system = openmm_system(parameters)
    before = openmm.XmlSerializer.serialize(system)
    whole = attach_correction(system, model, parameters)
    assert openmm.XmlSerializer.serialize(system) == before
    assert "Python" not in before and "correction" not in before
    added = [force for force in whole.getForces() if force.getName() == "correction"]
    assert len(added) == 1
    groups = [force.getForceGroup() for force in whole.getForces()]
    assert len(set(groups)) == len(groups)


def test_system_of_a_rung_without_mechanical_terms_is_its_masses():
    (parameters,) = molecule_parameters(ladder_rung(topology("CO"), MLFF), dataset_of("CO"))
    system = openmm_system(parameters)
    assert system.getNumForces() == 0
    assert [system.getParticleMass(i)._value for i in range(6)] == parameters["mass"]


def test_model_of_another_rung_is_an_error_that_names_the_molecule():
    (parameters,) = molecule_parameters(ladder_rung(topology("CO"), MLFF), dataset_of("CO"))
    other = ladder_rung(topology("CO"), MLFF, cutoff_angstrom=5.0)
    with pytest.raises(VersionError, match="molecule-0 and the model are not of one rung"):
        attach_correction(openmm_system(parameters), other, parameters)
