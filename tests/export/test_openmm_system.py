"""The exported system is the force field, exclusions and scaling included."""

import numpy as np
import openmm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from examples import mol_of
from force_fields import (
    CLASS1,
    NETWORK,
    VARIETY,
    dataset_of,
    geometry_of,
    random_rung,
    shaken,
    topology,
)
from forceladder.energy.total import energy_and_gradient
from forceladder.errors import ConfigError
from forceladder.export.openmm_system import openmm_energy_and_gradient, openmm_system
from forceladder.export.parameters import molecule_parameters, terms_as_tensors
from forceladder.model.rung import make_rung

MOLECULES = (*VARIETY, "[OH-]", "CCCCCC", "C[C@H](N)C(=O)O", "C1CC1C1CCC1")


def parameters_of(smiles, seed=0, terms=CLASS1):
    graph = topology(smiles)
    model = random_rung(graph, seed)
    if terms != CLASS1:
        model = make_rung({"terms": terms, **NETWORK}, graph, seed)
    return molecule_parameters(model, dataset_of(smiles))[0]


@settings(max_examples=40)
@given(st.sampled_from(MOLECULES), st.integers(0, 2**31), st.sampled_from([0.05, 0.1, 0.5]))
def test_system_is_the_training_code(smiles, seed, noise):
    """Off the exactly straight line, where OpenMM shortens the force of an angle."""
    parameters, x = parameters_of(smiles, seed), shaken(smiles, seed, noise)
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology(smiles), [x]))
    size = 1.0 + float(ours[1].abs().max())
    assert energy == pytest.approx(float(ours[0]), rel=1e-9, abs=1e-9 * size)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=1e-8 * size)


@settings(max_examples=40)
@given(st.sampled_from(MOLECULES), st.integers(0, 2**31))
def test_nonbonded_energy_has_openmms_own_exclusions_and_scaling(smiles, seed):
    """createExceptionsFromBonds is the judge: small rings are where 1–3 and 1–4 overlap."""
    parameters, x = parameters_of(smiles, seed), shaken(smiles, seed, 0.1)
    bonds = parameters["terms"]["bond_harmonic"]["atoms"]
    judge = oracles.nonbonded_force(
        bonds, parameters["charge"], parameters["lj_sigma"], parameters["lj_epsilon"]
    )
    expected, expected_gradient = oracles.openmm_energy_and_gradient(judge, x)
    terms = {k: v for k, v in terms_as_tensors(parameters).items() if k in CLASS1[-2:]}
    energy, gradient = energy_and_gradient(terms, geometry_of(topology(smiles), [x]))
    size = 1.0 + np.abs(expected_gradient).max()
    assert float(energy) == pytest.approx(expected, rel=1e-9, abs=1e-9 * size)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-8 * size)


@pytest.mark.parametrize("smiles", MOLECULES)
def test_system_survives_its_xml(smiles):
    """As a release stores it; nothing is rounded."""
    system, x = openmm_system(parameters_of(smiles)), shaken(smiles, 0, 0.1)
    again = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    (energy, gradient), (again_energy, again_gradient) = (
        openmm_energy_and_gradient(one, x) for one in (system, again)
    )
    assert again_energy == energy
    np.testing.assert_array_equal(again_gradient, gradient)


def test_each_force_has_a_name_and_a_group_of_its_own():
    system = openmm_system(parameters_of("CC(=O)NC"))
    names = [force.getName() for force in system.getForces()]
    assert names == [*CLASS1[:4], "nonbonded"]
    assert [force.getForceGroup() for force in system.getForces()] == list(range(5))
    x = shaken("CC(=O)NC", 0, 0.1)
    groups = sum(openmm_energy_and_gradient(system, x, groups=1 << g)[0] for g in range(5))
    assert groups == pytest.approx(openmm_energy_and_gradient(system, x)[0], rel=1e-12)


def test_system_has_the_masses_and_no_constraints():
    system = openmm_system(parameters_of("CCO"))
    masses = [system.getParticleMass(i)._value for i in range(system.getNumParticles())]
    assert masses == [atom.GetMass() for atom in mol_of("CCO").GetAtoms()]
    assert system.getNumConstraints() == 0


@pytest.mark.parametrize(
    "terms", [["bond_harmonic"], ["lennard_jones"], ["coulomb"], ["torsion_cosine", "coulomb"]]
)
def test_system_holds_the_terms_of_its_rung_and_no_other(terms):
    parameters, x = parameters_of("CCCC", terms=terms), shaken("CCCC", 0, 0.1)
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology("CCCC"), [x]))
    assert energy == pytest.approx(float(ours[0]), rel=1e-9)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=1e-8)


def test_term_without_a_force_is_an_error_that_names_it():
    parameters = parameters_of("O")
    parameters["terms"]["bond_quartic"] = {"atoms": []}
    with pytest.raises(ConfigError, match="'bond_quartic' has no OpenMM force yet"):
        openmm_system(parameters)


def test_amplitude_of_either_sign_is_exported_as_it_is():
    parameters = parameters_of("CC", terms=["torsion_cosine"])
    rows = len(parameters["terms"]["torsion_cosine"]["atoms"])
    for sign in (1.0, -1.0):
        parameters["terms"]["torsion_cosine"]["amplitude"] = [[0.0, sign * 2.0]] * rows
        x = shaken("CC", 0, 0.1)
        energy, _ = openmm_energy_and_gradient(openmm_system(parameters), x)
        ours, _ = energy_and_gradient(
            terms_as_tensors(parameters), geometry_of(topology("CC"), [x])
        )
        assert energy == pytest.approx(float(ours), rel=1e-10)
        assert np.sign(energy) == sign
