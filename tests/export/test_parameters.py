"""Parameter files hold what the model said, molecule by molecule, with units."""

import json

import numpy as np
import pytest
import torch

from force_fields import VARIETY, dataset_of, geometry_of, shaken, topology
from forceladder.energy.terms import TERMS
from forceladder.energy.total import energy_and_gradient
from forceladder.errors import MoleculeError
from forceladder.export.engines import ENGINES, engine_module
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters, renumbered, terms_as_tensors
from ladder import LADDER, ladder_rung


@pytest.fixture(scope="module", params=LADDER)
def terms(request):
    return LADDER[request.param]


@pytest.fixture(scope="module")
def model(terms):
    return ladder_rung(topology(*VARIETY), terms, 1)


@pytest.fixture(scope="module")
def parameters(model):
    return molecule_parameters(model, dataset_of(*VARIETY))


def test_file_gives_the_energy_that_the_model_gives(model, parameters):
    """Through JSON and back, molecule by molecule against the batch, to the last digits."""
    graph, x = topology(*VARIETY), [shaken(smiles, 1, 0.1) for smiles in VARIETY]
    with torch.no_grad():
        terms = model(graph).terms
    energies, gradients = energy_and_gradient(terms, geometry_of(graph, x))
    slopes = np.split(gradients.numpy(), np.cumsum(graph.atom_count.tolist())[:-1])
    for row, smiles in enumerate(VARIETY):
        again = terms_as_tensors(json.loads(json.dumps(parameters[row], allow_nan=False)))
        energy, slope = energy_and_gradient(again, geometry_of(topology(smiles), [x[row]]))
        assert float(energy) == pytest.approx(float(energies[row]), rel=1e-12, abs=1e-11)
        np.testing.assert_allclose(slope, slopes[row], rtol=1e-11, atol=1e-9)


def test_molecule_alone_gets_the_same_file(model, parameters):
    for row, smiles in enumerate(VARIETY):
        (alone,) = molecule_parameters(model, dataset_of(smiles))
        together = parameters[row]
        assert alone.keys() == together.keys()
        for name in {"charge", "mass", "lj_sigma", "lj_epsilon"} & alone.keys():
            np.testing.assert_allclose(alone[name], together[name], rtol=1e-12, atol=1e-13)
        for term in alone["terms"]:
            assert alone["terms"][term]["atoms"] == together["terms"][term]["atoms"]
            for name in TERMS[term].parameters:
                np.testing.assert_allclose(
                    alone["terms"][term][name], together["terms"][term][name], rtol=1e-12,
                    atol=1e-13,
                )  # fmt: skip


def test_atoms_are_counted_within_the_molecule(parameters):
    for one in parameters:
        atoms = len(one["atomic_number"])
        for term in one["terms"]:
            rows = np.reshape(one["terms"][term]["atoms"], -1)
            assert ((rows >= 0) & (rows < atoms)).all()


def test_every_number_has_a_unit(parameters):
    for one in parameters:
        units = one["units"]
        numbers = {"mass", "charge", "lj_sigma", "lj_epsilon"} & one.keys()
        assert set(units) == numbers | {"terms"}
        for term, values in one["terms"].items():
            assert set(values) == {"atoms", *units["terms"][term]}


def test_identity_travels_with_the_numbers(parameters):
    dataset = dataset_of(*VARIETY)
    assert [one["id"] for one in parameters] == dataset["molecule_id"].values.tolist()
    assert [one["mapped_smiles"] for one in parameters] == dataset["mapped_smiles"].values.tolist()
    numbers = [number for one in parameters for number in one["atomic_number"]]
    assert numbers == dataset["atomic_number"].values.tolist()
    for one, net in zip(parameters, dataset["net_charge"].values, strict=True):
        assert sum(one.get("charge", [net])) == pytest.approx(net, abs=1e-12)


def test_atoms_say_what_their_rung_uses_and_nothing_else(terms, model, parameters):
    with torch.no_grad():
        found = model(topology(*VARIETY))
    for name, of_terms in (
        ("charge", {"coulomb"}),
        ("lj_sigma", {"lennard_jones", "lennard_jones_96"}),
        ("lj_epsilon", {"lennard_jones", "lennard_jones_96"}),
    ):
        if of_terms & set(terms):
            together = [number for one in parameters for number in one[name]]
            assert together == getattr(found, name).tolist()
        else:
            assert not any(name in one for one in parameters)
    for one in parameters:
        assert ("correction" in one) == ("correction" in terms)
    if "correction" in terms:
        rows = [row for one in parameters for row in one["correction"]["embedding"]]
        assert rows == found.embedding.tolist()


def test_element_without_a_prior_is_an_error_that_names_it(model):
    dataset = dataset_of("O").copy(deep=True)
    dataset["atomic_number"].values[0] = 34
    with pytest.raises(MoleculeError, match="no prior for atomic number 34") as caught:
        molecule_parameters(model, dataset)
    assert caught.value.code == "element_unknown"


@pytest.mark.parametrize("rung", ["class1", "class2"])
@pytest.mark.parametrize("smiles", ["CC(=O)N[C@@H](C)C#N", "CS(=O)(=O)OC1CC1"])
def test_another_order_of_the_atoms_is_the_same_molecule_to_every_engine(smiles, rung):
    """Whichever end of a row its atoms are then listed from."""
    model = ladder_rung(topology(smiles), LADDER[rung])
    (one,) = molecule_parameters(model, dataset_of(smiles))
    x, random = shaken(smiles, 1, 0.1), np.random.default_rng(0)
    order = random.permutation(len(x)).tolist()
    other = renumbered(one, order, "another order")
    moved = x[np.argsort(order)]

    def assert_same(found, expected):
        energy, gradient = expected
        assert found[0] == pytest.approx(energy, rel=1e-9)
        np.testing.assert_allclose(found[1][order], gradient, rtol=0, atol=1e-6)

    ours = (
        openmm_energy_and_gradient(openmm_system(p), at) for p, at in ((other, moved), (one, x))
    )
    assert_same(*ours)
    for name in ENGINES:
        module = engine_module(name)
        if name == "offxml" or module.refusal(one) or module.missing():
            continue
        found, expected = module.evaluate(other, moved), module.evaluate(one, x)
        assert found.keys() == expected.keys()
        for terms, said in found.items():
            assert_same(said, expected[terms])
