"""A prmtop and an inpcrd are the force field, by OpenMM's reader and by ParmEd's."""

import warnings

import numpy as np
import openmm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openmm import app

from exports import CHLORIDE, EXPORTED, assert_agrees, exported, ours, place
from force_fields import CLASS1
from forceladder.errors import MissingProgramError
from forceladder.export.amber import evaluate, missing, refusal, write_amber
from forceladder.export.amber.evaluation import read_system
from forceladder.export.amber.files import cosines_of
from forceladder.export.openmm.evaluation import CLASS1_FORCES, force_groups

pytest.importorskip("parmed", reason="ParmEd is not installed here; pip install parmed.")

# Nine digits of a bond's length and force constant: 1e-8 Å on some hundreds of kcal/mol/Å²
ENERGY, GRADIENT = 2e-5, 5e-5
SEEDS = st.integers(0, 2**31)


def written(smiles, folder, seed=0, **more):
    """Parameters, positions as the inpcrd rounds them, and the two files."""
    parameters, x = exported(smiles, seed, **more), np.round(place(smiles, seed), 7)
    return parameters, x, *write_amber(parameters, x, folder, "molecule")


@pytest.mark.parametrize("smiles", EXPORTED)
def test_files_are_the_training_code(smiles):
    """At the positions that the inpcrd holds, whose seven decimals are all that is lost."""
    for seed in range(3):
        parameters, x = exported(smiles, seed), np.round(place(smiles, seed), 7)
        found = evaluate(parameters, x)
        assert_agrees(smiles, parameters, found, x, ENERGY, GRADIENT)


@pytest.mark.parametrize("smiles", EXPORTED)
def test_decimals_of_the_inpcrd_are_within_the_tolerance_of_the_proof(smiles):
    parameters, x = exported(smiles), place(smiles)
    assert_agrees(smiles, parameters, evaluate(parameters, x), x, 1e-4, 1e-3)


@pytest.mark.parametrize("smiles", EXPORTED)
def test_parmed_reads_the_same_from_the_files(smiles, tmp_path):
    import parmed

    parameters, x, prmtop, inpcrd = written(smiles, tmp_path, seed=1)
    parm = parmed.load_file(str(prmtop), xyz=str(inpcrd))
    np.testing.assert_allclose(parm.coordinates.reshape(-1, 3), x, rtol=0, atol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system = parm.createSystem(nonbondedMethod=app.NoCutoff, removeCMMotion=False)
    found = force_groups(system, x, CLASS1_FORCES, parameters)
    assert_agrees(smiles, parameters, found, x, ENERGY, GRADIENT)


@pytest.mark.parametrize("smiles", EXPORTED)
def test_pairs_three_bonds_apart_are_listed_once_and_nearer_ones_are_excluded(smiles, tmp_path):
    """OpenMM's own search of the bonds is the judge; small rings and straight chains are where
    torsions alone would list too many or too few."""
    parameters, _, prmtop, _ = written(smiles, tmp_path)
    system = read_system(prmtop)
    (force,) = [f for f in system.getForces() if isinstance(f, openmm.NonbondedForce)]
    judge = openmm.NonbondedForce()
    for k in range(force.getNumParticles()):
        judge.addParticle(*force.getParticleParameters(k))
    judge.createExceptionsFromBonds([tuple(b) for b in parameters["bonds"]], 1 / 1.2, 0.5)

    def exceptions(one):
        found = {}
        for k in range(one.getNumExceptions()):
            i, j, product, sigma, epsilon = one.getExceptionParameters(k)
            well = epsilon._value
            found[min(i, j), max(i, j)] = (product._value, well, sigma._value if well else 0.0)
        return found

    theirs, expected = exceptions(force), exceptions(judge)
    assert theirs.keys() == expected.keys()
    for pair, values in expected.items():
        assert theirs[pair] == pytest.approx(values, rel=1e-7, abs=1e-9), pair


def test_each_pair_is_marked_on_one_torsion_and_across_a_straight_chain_on_a_silent_one():
    butyne = cosines_of(exported("CC#CC"))
    silent = [one for improper, one in butyne if not improper and one.amplitude == 0.0]
    assert len(silent) == 7  # the two ends, and H of each methyl with the carbon two further on
    assert {len(set(one.atoms)) for one in silent} == {4}
    assert not [one for _, one in cosines_of(exported("CCO")) if one.amplitude == 0.0]


@pytest.mark.parametrize("term", CLASS1)
def test_a_rung_of_one_term_is_that_term(term):
    smiles = "CC(=O)NC"
    parameters, x = exported(smiles, terms=[term]), np.round(place(smiles), 7)
    assert_agrees(smiles, parameters, evaluate(parameters, x), x, ENERGY, GRADIENT)


def test_negative_amplitudes_keep_their_sign_and_add_no_constant():
    parameters, x = exported("CC", terms=["torsion_cosine"]), np.round(place("CC"), 7)
    rows = parameters["terms"]["torsion_cosine"]["atoms"]
    for sign in (1.0, -1.0):
        parameters["terms"]["torsion_cosine"]["amplitude"] = [[0.0, 0.0, sign * 2.0]] * len(rows)
        ((energy, _),) = evaluate(parameters, x).values()
        assert np.sign(energy) == sign
        expected, _ = ours("CC", parameters, ["torsion_cosine"], x)
        assert energy == pytest.approx(expected, abs=1e-7)


@settings(max_examples=10)
@given(st.sampled_from(["CC(=O)[O-]", "C[NH3+]", CHLORIDE, "C[N+](=O)[O-]"]), SEEDS)
def test_charges_add_up_to_the_net_charge(tmp_path_factory, smiles, seed):
    parameters, _, prmtop, _ = written(smiles, tmp_path_factory.mktemp("amber"), seed)
    charges = app.AmberPrmtopFile(str(prmtop))._prmtop.getCharges()
    np.testing.assert_allclose(charges, parameters["charge"], rtol=0, atol=1e-8)
    assert sum(charges) == pytest.approx(round(sum(parameters["charge"])), abs=1e-7)


def test_straight_chain_has_finite_forces(tmp_path):
    """Exactly straight, where the torsion of a silent cosine has no plane."""
    parameters = exported("C#C", terms=["bond_harmonic", "lennard_jones", "coulomb"])
    x = np.array([[0.0, 0, 0], [1.2, 0, 0], [-1.06, 0, 0], [2.26, 0, 0]])
    found = evaluate(parameters, x)
    assert all(np.isfinite(gradient).all() for _, gradient in found.values())
    assert_agrees("C#C", parameters, found, x, ENERGY, GRADIENT)


def test_molecule_is_recognized_in_the_topology(tmp_path):
    parameters, _, prmtop, _ = written("N[C@@H](CS)C=O", tmp_path)
    top = app.AmberPrmtopFile(str(prmtop)).topology
    assert [a.element.atomic_number for a in top.atoms()] == parameters["atomic_number"]
    bonds = {frozenset((a.index, b.index)) for a, b in top.bonds()}
    assert bonds == {frozenset(bond) for bond in parameters["bonds"]}
    assert len({atom.name for atom in top.atoms()}) == top.getNumAtoms()
    masses = [read_system(prmtop).getParticleMass(k)._value for k in range(top.getNumAtoms())]
    np.testing.assert_allclose(masses, parameters["mass"], rtol=1e-8)


def test_same_parameters_are_the_same_files(tmp_path):
    first, second = (written("CCO", tmp_path / name)[2:] for name in "ab")
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_pair_that_is_not_mixed_from_its_atoms_is_refused():
    parameters = exported("CCO")
    assert refusal(parameters) is None
    parameters["terms"]["lennard_jones"]["epsilon"][3] *= 1.001
    assert "1–4 scaling" in refusal(parameters)


def test_without_parmed_it_says_what_to_install(monkeypatch, tmp_path):
    assert missing() is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingProgramError, match="pip install parmed"):
        write_amber(exported("CCO"), place("CCO"), tmp_path, "molecule")
