"""Every class II term is LAMMPS', alone and all together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lammps_oracle
from force_fields import REFERENCES, VARIETY, geometry_of, random_parameters, shaken, topology
from forceladder.energy.total import energy_and_gradient

SEEDS = st.integers(0, 2**31)
TERMS = sorted(lammps_oracle.TERMS)
# four-coordinate centres of four kinds of neighbours, S and P among the centres
MOLECULES = (*VARIETY, "C[C@](N)(F)C=O", "CS(=O)(=O)[O-]", "C[P+](C)(C)C", "C#CC1CC1")


def judged(smiles, seed, noise, active):
    """Energy and gradient of the active terms, ours and LAMMPS'."""
    graph, x = topology(smiles), shaken(smiles, seed, noise)
    parameters = random_parameters(graph, seed, TERMS)
    for term in set(TERMS) - set(active):  # LAMMPS has them all: zero, but for the references
        for name, values in parameters[term].items():
            if not name.startswith(tuple(REFERENCES)):
                values.zero_()
    ours = {term: parameters[term] for term in active}
    energy, gradient = energy_and_gradient(ours, geometry_of(graph, [x]))
    expected = lammps_oracle.energy_and_gradient(graph.atoms, parameters, x)
    return (float(energy), gradient.numpy()), expected


@pytest.mark.parametrize("active", [*([term] for term in TERMS), TERMS], ids=[*TERMS, "all"])
@settings(max_examples=40)
@given(SEEDS, st.sampled_from(MOLECULES), st.sampled_from([0.05, 0.1, 0.5]))
def test_term_equals_lammps(active, seed, smiles, noise):
    """Energies to 1e-11 and forces to 1e-10; amplitudes and couplings of both signs.

    An angle within 0.06° of a straight line, where LAMMPS shortens forces, is not among the
    distorted geometries; the sign of its χ does not matter to K χ².
    """
    (energy, gradient), (expected, expected_gradient) = judged(smiles, seed, noise, active)
    size = 1.0 + np.abs(expected_gradient).max()
    assert energy == pytest.approx(expected, rel=1e-11, abs=1e-11 * size)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("term", TERMS)
def test_judge_has_an_opinion_on_the_term(term):
    """Neither side is zero, where an agreement would say nothing."""
    _, (energy, gradient) = judged("CC(=O)NC", 0, 0.1, [term])
    assert abs(energy) > 0.01
    assert np.abs(gradient).max() > 1.0
