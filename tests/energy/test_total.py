"""The sum over terms is a potential energy surface."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

import oracles
from examples import mol_of, read
from force_fields import (
    CLASS1,
    CLASS2,
    VARIETY,
    dataset_of_mapped,
    geometry_of,
    random_parameters,
    random_rung,
    shaken,
    topology,
    untrained_rung,
)
from forceladder.energy.terms import TERMS
from forceladder.energy.topology import topology_of
from forceladder.energy.total import energy_and_gradient, term_energy_and_gradient
from forceladder.fields import TABLES
from forceladder.molecules.read import molecule_from_mapped_smiles
from physics import Physics, enantiomer

SEEDS = st.integers(0, 2**31)


class RungPhysics(Physics):
    """The battery on the parameters that a graph network writes."""

    def model(self, graph):
        raise NotImplementedError

    def potential(self, molecules, positions):
        graph = topology_of(dataset_of_mapped(molecules))
        with torch.no_grad():
            terms = self.model(graph)(graph).terms
        energies, gradients = energy_and_gradient(terms, geometry_of(graph, positions))
        ends = np.cumsum(graph.atom_count.tolist())
        return energies.numpy(), np.split(gradients.numpy(), ends[:-1])


class TestUntrainedClass1(RungPhysics):
    def model(self, graph):
        return untrained_rung(graph)


class TestClass1WithRandomWeights(RungPhysics):
    def model(self, graph):
        return random_rung(graph, seed=5)


class TestUntrainedClass2(RungPhysics):
    def model(self, graph):
        return untrained_rung(graph, terms=CLASS2)


class TestClass2WithRandomWeights(RungPhysics):
    def model(self, graph):
        return random_rung(graph, seed=5, terms=CLASS2)


def test_enantiomer_of_the_battery_is_the_other_one():
    for smiles, chiral in (("C[C@H](N)C(=O)O", True), ("CC(=O)[O-]", False)):
        other = molecule_from_mapped_smiles(enantiomer(read(smiles)["mapped_smiles"]))
        assert (Chem.MolToInchiKey(mol_of(smiles)) != Chem.MolToInchiKey(other)) == chiral


@settings(max_examples=20)
@given(SEEDS, st.lists(st.sampled_from(VARIETY), min_size=1, max_size=4))
def test_total_is_the_sum_of_openmms_forces(seed, molecules):
    """Molecule by molecule in OpenMM, in one ragged batch with two conformers each here."""
    graph = topology(*molecules)
    terms = [term for term in CLASS1 if term != "coulomb"]  # all pairs of a system; test_terms
    parameters = random_parameters(graph, seed, terms)
    positions = [np.stack([shaken(m, s, 0.1) for s in (seed, seed + 1)]) for m in molecules]
    energy, gradient = energy_and_gradient(parameters, geometry_of(graph, positions))
    first = {"atom": np.cumsum([0, *graph.atom_count.tolist()])}
    first |= {table: np.cumsum([0, *graph.count[table].tolist()]) for table in TABLES}
    expected, slopes = [], []
    for m in range(len(molecules)):
        for x in positions[m]:
            total, slope = 0.0, 0.0
            for term in terms:
                table = TERMS[term].table
                rows = slice(first[table][m], first[table][m + 1])
                plain = {name: v[rows].numpy() for name, v in parameters[term].items()}
                atoms = (graph.atoms[table][rows] - first["atom"][m]).tolist()
                found = oracles.openmm_energy_and_gradient(oracles.FORCES[term](atoms, plain), x)
                total, slope = total + found[0], slope + found[1]
                if term == "torsion_cosine":
                    total += oracles.torsion_offset(plain)
            expected.append(total)
            slopes.append(slope)
    size = 1.0 + np.abs(np.concatenate(slopes)).max()
    np.testing.assert_allclose(energy, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(gradient, np.concatenate(slopes), rtol=0, atol=1e-9 * size)


def test_energy_and_gradient_are_sums_over_terms():
    graph = topology("CC(=O)NC", "O")
    geometry = geometry_of(graph, [shaken("CC(=O)NC", 0, 0.1), shaken("O", 0, 0.1)])
    parameters = random_parameters(graph, 1)
    energy, gradient = energy_and_gradient(parameters, geometry)
    parts = [term_energy_and_gradient(term, parameters[term], geometry) for term in TERMS]
    torch.testing.assert_close(energy, sum(part[0] for part in parts), rtol=1e-13, atol=1e-11)
    torch.testing.assert_close(gradient, sum(part[1] for part in parts), rtol=1e-13, atol=1e-10)
