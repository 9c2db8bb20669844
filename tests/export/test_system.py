"""The exported system is the force field, term by term, exclusions and scaling included."""

import math

import numpy as np
import openmm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openmm import unit

import oracles
from examples import mol_of
from force_fields import (
    CLASS1,
    VARIETY,
    dataset_of,
    geometry_of,
    random_parameters,
    random_rung,
    shaken,
    topology,
)
from forceladder.energy.terms import TERMS
from forceladder.energy.total import energy_and_gradient, term_energy_and_gradient
from forceladder.errors import ConfigError
from forceladder.export.openmm.evaluation import (
    context_at,
    force_energy_and_gradient,
    openmm_energy_and_gradient,
)
from forceladder.export.openmm.evaluation import (
    energy_and_gradient as energy_and_gradient_of_context,
)
from forceladder.export.openmm.system import home, openmm_system
from forceladder.export.openmm.units import openmm_factor
from forceladder.export.parameters import molecule_parameters, terms_as_tensors
from ladder import CLASS2

MOLECULES = (
    *VARIETY, "[OH-]", "CCCCCC", "C[C@H](N)C(=O)O", "C1CC1C1CCC1"
)  # fmt: skip
RUNGS = {"class1": CLASS1, "class2": CLASS2}
SEEDS = st.integers(0, 2**31)


def parameters_of(smiles, seed=0, terms=CLASS1):
    model = random_rung(topology(smiles), seed, terms=terms, fit_lennard_jones=True)
    return molecule_parameters(model, dataset_of(smiles))[0]


def parameters_of_term(term, smiles, seed):
    """Of one term, over the widest ranges; and the same as tensors."""
    graph = topology(smiles)
    values = random_parameters(graph, seed, [term])[term]
    rows = {name: value.tolist() for name, value in values.items()}
    masses = dataset_of(smiles)["mass"].values.tolist()
    atoms = graph.atoms[TERMS[term].table].tolist()
    return {"mass": masses, "terms": {term: {"atoms": atoms, **rows}}}, values


@pytest.mark.parametrize("rung", RUNGS)
@settings(max_examples=20)
@given(st.sampled_from(MOLECULES), SEEDS, st.sampled_from([0.05, 0.1, 0.5]))
def test_system_is_the_training_code(rung, smiles, seed, noise):
    """Off the exactly straight line, where OpenMM shortens the force of an angle."""
    parameters = parameters_of(smiles, seed, RUNGS[rung])
    x = shaken(smiles, seed, noise)
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology(smiles), [x]))
    size = 1.0 + float(ours[1].abs().max())
    assert energy == pytest.approx(float(ours[0]), rel=1e-9, abs=1e-9 * size)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=1e-8 * size)


@pytest.mark.parametrize("term", [name for name in TERMS if home(name) != "nonbonded"])
@settings(max_examples=8)
@given(st.sampled_from(MOLECULES), SEEDS, st.sampled_from([0.05, 0.5]))
def test_each_term_alone_is_the_training_code(term, smiles, seed, noise):
    parameters, values = parameters_of_term(term, smiles, seed)
    x = shaken(smiles, seed, noise)
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    ours = term_energy_and_gradient(term, values, geometry_of(topology(smiles), [x]))
    size = 1.0 + float(ours[1].abs().max())
    assert energy == pytest.approx(float(ours[0]), rel=1e-9, abs=1e-9 * size)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=1e-8 * size)


@settings(max_examples=40)
@given(st.sampled_from(MOLECULES), SEEDS)
def test_nonbonded_energy_has_openmms_own_exclusions_and_scaling(smiles, seed):
    """createExceptionsFromBonds is the judge: small rings are where 1–3 and 1–4 overlap."""
    parameters, x = parameters_of(smiles, seed), shaken(smiles, seed, 0.1)
    judge = oracles.nonbonded_force(
        parameters["bonds"], parameters["charge"], parameters["lj_sigma"], parameters["lj_epsilon"]
    )
    expected, expected_gradient = oracles.openmm_energy_and_gradient(judge, x)
    terms = {k: v for k, v in terms_as_tensors(parameters).items() if k in CLASS1[-2:]}
    energy, gradient = energy_and_gradient(terms, geometry_of(topology(smiles), [x]))
    size = 1.0 + np.abs(expected_gradient).max()
    assert float(energy) == pytest.approx(expected, rel=1e-9, abs=1e-9 * size)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-8 * size)


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("smiles", MOLECULES)
def test_system_survives_its_xml(rung, smiles):
    """As a release stores it; nothing is rounded."""
    system, x = openmm_system(parameters_of(smiles, terms=RUNGS[rung])), shaken(smiles, 0, 0.1)
    again = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    (energy, gradient), (again_energy, again_gradient) = (
        openmm_energy_and_gradient(one, x) for one in (system, again)
    )
    assert again_energy == energy
    np.testing.assert_array_equal(again_gradient, gradient)


@pytest.mark.parametrize("rung", RUNGS)
def test_each_force_is_named_after_its_terms_and_has_a_group_of_its_own(rung):
    """The couplings of centres of two neighbours, and of more, are two forces of one name."""
    system = openmm_system(parameters_of("CC(=O)NCC", terms=RUNGS[rung]))
    names = [force.getName() for force in system.getForces()]
    assert list(dict.fromkeys(names)) == list(dict.fromkeys(map(home, RUNGS[rung])))
    groups = [force.getForceGroup() for force in system.getForces()]
    assert groups == list(range(len(names)))
    context = context_at(system, shaken("CC(=O)NCC", 0, 0.1))
    parts = sum(energy_and_gradient_of_context(context, groups=1 << g)[0] for g in groups)
    assert parts == pytest.approx(energy_and_gradient_of_context(context)[0], rel=1e-12)


def test_couplings_of_one_force_are_told_apart_by_their_strengths():
    parameters, x = parameters_of("CC(=O)NCC", terms=CLASS2), shaken("CC(=O)NCC", 0, 0.1)
    context = context_at(openmm_system(parameters), x)
    before = energy_and_gradient_of_context(context)
    geometry = geometry_of(topology("CC(=O)NCC"), [x])
    for term, values in terms_as_tensors(parameters).items():
        ours = term_energy_and_gradient(term, values, geometry)
        theirs = force_energy_and_gradient(context, home(term), [term])
        assert theirs[0] == pytest.approx(float(ours[0]), rel=1e-9), term
        np.testing.assert_allclose(theirs[1], ours[1], rtol=0, atol=1e-8)
        assert abs(theirs[0]) > 1e-6 or term == "coulomb", term
    after = energy_and_gradient_of_context(context)
    assert after[0] == before[0]
    np.testing.assert_array_equal(after[1], before[1])


@pytest.mark.parametrize(
    "term, parameter", [("bond_angle", "length_1"), ("angle_torsion", "angle_2")]
)
def test_couplings_that_disagree_on_a_reference_are_refused(term, parameter):
    parameters = parameters_of("CCO", terms=CLASS2)
    parameters["terms"][term][parameter][1] += 1e-6
    with pytest.raises(ConfigError, match=r"couplings of the same atoms have .* give them one"):
        openmm_system(parameters)


@pytest.mark.parametrize(("smiles", "directions"), [("O=C=O", 1), ("C", 2)])
def test_straight_angles_at_a_centre_have_finite_forces(smiles, directions):
    """Exactly straight, where an arccosine has no derivative."""
    parameters, values = parameters_of_term("bond_angle", smiles, 0)
    axes = np.concatenate([np.eye(3)[:directions], -np.eye(3)[:directions]])
    (centre,) = {centre for _, centre, _ in parameters["terms"]["bond_angle"]["atoms"]}
    x = np.insert(1.5 * axes, centre, 0.0, axis=0)
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    ours = term_energy_and_gradient("bond_angle", values, geometry_of(topology(smiles), [x]))
    assert energy == pytest.approx(float(ours[0]), rel=1e-9)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=1e-8 * float(ours[1].abs().max()))


def test_planar_centre_has_no_out_of_plane_energy_and_finite_forces():
    """Exactly planar, where the derivative of an arcsine or of a torsion could be at fault."""
    parameters, _ = parameters_of_term("out_of_plane", "C=O", 0)
    plane = np.array([[0.0, 0, 0], [1, 0, 0], [-1, 1, 0], [-1, -2, 0]])
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), plane)
    assert energy == pytest.approx(0.0, abs=1e-28)
    assert np.abs(gradient).max() < 1e-12


def test_system_has_the_masses_and_no_constraints():
    system = openmm_system(parameters_of("CCO"))
    masses = [system.getParticleMass(i)._value for i in range(system.getNumParticles())]
    assert masses == [atom.GetMass() for atom in mol_of("CCO").GetAtoms()]
    assert system.getNumConstraints() == 0


@pytest.mark.parametrize(
    "terms",
    [["bond_harmonic"], ["lennard_jones"], ["coulomb"], ["torsion_cosine", "coulomb"],
     ["lennard_jones_96"], ["bond_quartic", "bond_bond", "lennard_jones_96", "coulomb"]],
)  # fmt: skip
def test_system_holds_the_terms_of_its_rung_and_no_other(terms):
    parameters, x = parameters_of("CCCC", terms=terms), shaken("CCCC", 0, 0.1)
    energy, gradient = openmm_energy_and_gradient(openmm_system(parameters), x)
    ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology("CCCC"), [x]))
    assert energy == pytest.approx(float(ours[0]), rel=1e-9)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=1e-8)


def test_every_term_has_a_force():
    assert all(home(term) for term in TERMS)
    with pytest.raises(ConfigError, match="'bond_quintic' has no OpenMM force yet"):
        home("bond_quintic")


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


OPENMM_UNITS = {
    "kcal": unit.kilocalorie, "mol": unit.mole, "angstrom": unit.angstrom, "radian": unit.radian
}  # fmt: skip


def test_units_of_all_parameters_are_converted_as_openmm_does():
    for term in TERMS.values():
        for written in {*term.parameters.values()} - {"e^2"}:
            first, *rest = (part.partition("^") for part in written.split("/"))
            quantity = OPENMM_UNITS[first[0]] ** 1 * 1.0
            for name, _, power in rest:
                quantity = quantity / OPENMM_UNITS[name] ** int(power or 1)
            expected = quantity.value_in_unit_system(unit.md_unit_system)
            assert math.isclose(openmm_factor(written), expected, rel_tol=1e-12), written
