"""What the OpenFF toolkit and Interchange make of an .offxml is the force field."""

import numpy as np
import pytest

from exports import CHLORIDE, EXPORTED, assert_agrees, exported, ours, place
from force_fields import CLASS1
from forceladder.openff.offxml import evaluate, missing
from forceladder.openff.packages import HOW

pytest.importorskip(
    "openff.interchange", reason=f"openff-interchange is not installed here; {HOW}."
)


@pytest.mark.parametrize("smiles", EXPORTED)
def test_file_is_the_training_code(smiles):
    assert missing() is None
    for seed in range(2):
        parameters, x = exported(smiles, seed), place(smiles, seed)
        assert_agrees(smiles, parameters, evaluate(parameters, x), x, 1e-9, 1e-8)


@pytest.mark.parametrize("term", CLASS1)
def test_a_rung_of_one_term_is_that_term(term):
    smiles = "CC(=O)NC"
    parameters, x = exported(smiles, terms=[term]), place(smiles)
    assert_agrees(smiles, parameters, evaluate(parameters, x), x, 1e-9, 1e-8)


def test_negative_amplitudes_keep_their_sign_and_add_no_constant():
    parameters, x = exported("CC", terms=["torsion_cosine"]), place("CC")
    rows = parameters["terms"]["torsion_cosine"]["atoms"]
    for sign in (1.0, -1.0):
        parameters["terms"]["torsion_cosine"]["amplitude"] = [[0.0, 0.0, sign * 2.0]] * len(rows)
        ((energy, _),) = evaluate(parameters, x).values()
        assert np.sign(energy) == sign
        assert energy == pytest.approx(ours("CC", parameters, CLASS1, x)[0], abs=1e-9)


@pytest.mark.parametrize("smiles", ["CCCCCCCCCC", "CC(C)(C)C(C)(C)C"])
def test_many_equivalent_hydrogens_take_no_time(smiles):
    parameters, x = exported(smiles), place(smiles)
    assert_agrees(smiles, parameters, evaluate(parameters, x), x, 1e-9, 1e-8)


def test_single_atom_has_no_terms():
    assert evaluate(exported(CHLORIDE), place(CHLORIDE)) == {}
