"""A release in the hands of its user: every rung loads, parametrizes and simulates."""

import warnings

import numpy as np
import pytest
import torch
from openmm import app, unit

import forceladder
from force_fields import geometry_of, topology
from forceladder.energy.topology import topology_of
from forceladder.errors import CorruptFileError, DomainWarning, MoleculeError
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.model.potential import rung_surface
from forceladder.training_set.build import topology_dataset
from ladder import LADDER, ladder_rung
from small_releases import TRAINING, save_release


@pytest.mark.parametrize("rung", LADDER)
def test_system_is_the_rung(release, rung):
    """Energies of OpenMM have no atomic energies in them; these models have none."""
    molecule = forceladder.load(release, rung).parametrize("CC(=O)NC")
    x = molecule.positions() + np.random.default_rng(0).normal(scale=0.05, size=(12, 3))
    energy, gradient = openmm_energy_and_gradient(molecule.to_openmm(), x)
    described = {
        "id": "amide", "mapped_smiles": molecule.parameters["mapped_smiles"], "inchikey": "",
        "net_charge": 0, "split": "",
    }  # fmt: skip
    graph = topology_of(topology_dataset([described]))
    ours = rung_surface(molecule.model, geometry_of(graph, [x]))
    assert energy == pytest.approx(float(ours.energy), rel=1e-9)
    np.testing.assert_allclose(gradient, ours.gradient, rtol=0, atol=1e-8)


def test_charges_of_the_user_take_the_place_of_the_force_fields(release):
    """Atoms as in the SMILES, hydrogens last; what rounding left over is spread evenly."""
    field = forceladder.load(release, "class1")
    charges = [0.5, -0.8, 0.0, 0.0, 0.0, 0.3003]
    given = field.parametrize("CO", charges=charges).parameters
    np.testing.assert_allclose(given["charge"], np.array(charges) - 0.0003 / 6, atol=1e-15)
    own = field.parametrize("CO").parameters
    assert max(np.abs(np.subtract(own["charge"], charges))) > 1e-3
    terms = {name: term for name, term in own["terms"].items() if name != "coulomb"}
    assert {k: v for k, v in given["terms"].items() if k != "coulomb"} == terms


@pytest.mark.parametrize("smiles", ["OC", "CO", "[H]OC([H])([H])[H]"])
def test_bespoke_parameters_are_found_in_whichever_order_the_atoms_are(tmp_path, smiles):
    """And given in the order that was asked for: the same energy of the same geometry."""
    known = "[C:3]([O:1][H:6])([H:2])([H:4])[H:5]"
    molecule = {"id": "", "mapped_smiles": known, "inchikey": "", "net_charge": 0, "split": ""}
    model, graph = (
        ladder_rung(topology("CO"), LADDER["class2"]),
        topology_of(topology_dataset([molecule])),
    )
    save_release(tmp_path / "plain", {"class2": model})
    with torch.no_grad():
        said = model.deviations(graph, model.encoder(graph))
    model.offsets[known] = {head: torch.full_like(v, 0.2) for head, v in said.items()}
    save_release(tmp_path / "bespoke", {"class2": model})
    plain, field = (forceladder.load(tmp_path / name) for name in ("plain", "bespoke"))
    by_element = {"C": -0.1, "O": -0.5, "H": 0.1}

    def charges(mol):
        return [
            0.3 if atom.GetSymbol() == "H" and atom.GetNeighbors()[0].GetSymbol() == "O"
            else by_element[atom.GetSymbol()] for atom in mol.GetAtoms()
        ]  # fmt: skip

    first = field.parametrize(known)
    first = field.parametrize(known, charges(first.mol))
    asked = field.parametrize(smiles, charges(field.parametrize(smiles).mol))
    place = asked.mol.GetSubstructMatch(first.mol)  # of each atom of the first
    x = first.positions() + np.random.default_rng(0).normal(scale=0.05, size=(6, 3))
    expected, gradient = openmm_energy_and_gradient(first.to_openmm(), x)
    energy, found = openmm_energy_and_gradient(asked.to_openmm(), x[np.argsort(place)])
    assert energy == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(found[list(place)], gradient, rtol=0, atol=1e-9)
    assert (
        asked.parameters["mapped_smiles"] == plain.parametrize(smiles).parameters["mapped_smiles"]
    )
    other, _ = openmm_energy_and_gradient(
        plain.parametrize(smiles, charges(asked.mol)).to_openmm(), x[np.argsort(place)]
    )
    assert abs(other - expected) > 1e-2


def test_mapped_smiles_gives_charges_their_order(release):
    field = forceladder.load(release, "class1")
    charges = [0.0, 0.0, 0.3, 0.0, -0.8, 0.5]
    smiles = "[H:1][C:6]([H:2])([H:4])[O:5][H:3]"
    found = field.parametrize(smiles, charges).parameters["charge"]
    assert found == pytest.approx(charges, abs=1e-15)


@pytest.mark.parametrize(
    "charges, code",
    [
        ([0.0] * 5, "charges_incomplete"),
        ([0.0] * 7, "charges_incomplete"),
        ([float("nan")] + [0.0] * 5, "charges_incomplete"),
        ([0.002] + [0.0] * 5, "charges_do_not_add_up"),
    ],
)
def test_charges_that_cannot_be_meant_are_refused(release, charges, code):
    with pytest.raises(MoleculeError) as caught:
        forceladder.load(release, "class1").parametrize("CO", charges=charges)
    assert caught.value.code == code


def test_element_that_was_not_fitted_is_refused(release):
    with pytest.raises(MoleculeError, match="holds Cl"):
        forceladder.load(release, "mlff").parametrize("CCl")


# the domain


def said(field, smiles, **options) -> list[str]:
    """Sentences of a molecule; the Python warnings are the same."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = field.parametrize(smiles, **options).warnings
    assert [str(one.message) for one in caught] == found
    assert all(one.category is DomainWarning and one.filename == __file__ for one in caught)
    return found


def test_training_molecules_are_parametrized_without_a_word(release):
    field = forceladder.load(release, "class1")
    for smiles in TRAINING:
        assert said(field, smiles, strict=True) == []


def test_what_is_unlike_the_training_set_is_flagged_or_refused(release):
    field = forceladder.load(release, "class1")
    (sentence,) = [one for one in said(field, "C[N+](C)(C)C") if one.startswith("N2")]
    assert "N2 (NX4 charge +1: C, C, C, C) is like no atom of the training set" in sentence
    assert any("net charge is -2" in one for one in said(field, "[O-]C(=O)CC(=O)[O-]"))
    with pytest.raises(MoleculeError, match="net charge is -2 e") as caught:
        field.parametrize("[O-]C(=O)CC(=O)[O-]", strict=True)
    assert caught.value.code == "outside_domain"
    with pytest.warns(DomainWarning):
        assert "unlike the training set: N2" in str(field.parametrize("C[N+](C)(C)C"))


def test_release_that_knows_no_domain_says_so_once(tmp_path):
    model = ladder_rung(topology("CO"), LADDER["class1"])
    save_release(tmp_path, {"class1": model}, training=None)
    with pytest.warns(DomainWarning, match=r"has no domain\.json") as caught:
        field = forceladder.load(tmp_path)
    assert caught[0].filename == __file__
    assert said(field, "C[N+](C)(C)C") == []
    with pytest.raises(MoleculeError, match="to be strict by"):
        field.parametrize("CO", strict=True)


@pytest.mark.parametrize("content", ["{}", "[1]", "{", '{"molecules": 1}'])
def test_damaged_domain_is_named(tmp_path, content):
    save_release(tmp_path, {"class1": ladder_rung(topology("CO"), LADDER["class1"])})
    (tmp_path / "domain.json").write_text(content)
    with pytest.raises(CorruptFileError, match=r"domain\.json"):
        forceladder.load(tmp_path)


def test_class1_is_a_ligand_beside_water_of_amber(release):
    """The System of the ligand alone, and of a molecule of TIP3P, do not see each other far off."""
    molecule = forceladder.load(release, "class1").parametrize("CC(=O)NC")
    field = app.ForceField("amber14/tip3p.xml")
    field.registerTemplateGenerator(forceladder.template_generator(molecule))
    both = app.Modeller(molecule.topology(), molecule.positions() * unit.angstrom)
    water = app.Topology()
    residue = water.addResidue("HOH", water.addChain())
    names = (("O", "O"), ("H1", "H"), ("H2", "H"))
    o, *hydrogens = (water.addAtom(n, app.Element.getBySymbol(s), residue) for n, s in names)
    for hydrogen in hydrogens:
        water.addBond(o, hydrogen)
    shape = np.array([[0.0, 0.0, 0.0], [0.09572, 0.0, 0.0], [-0.024, 0.09266, 0.0]])
    both.add(water, (shape + 1e3) * unit.nanometer)
    system = field.createSystem(both.topology, constraints=None, rigidWater=False)
    x = np.array(both.positions.value_in_unit(unit.angstrom))
    energy, gradient = openmm_energy_and_gradient(system, x)
    alone = openmm_energy_and_gradient(molecule.to_openmm(), x[:12])
    bare = app.ForceField("amber14/tip3p.xml").createSystem(water, rigidWater=False)
    others = openmm_energy_and_gradient(bare, x[12:])
    assert energy == pytest.approx(alone[0] + others[0], abs=1e-5)
    np.testing.assert_allclose(gradient[:12], alone[1], rtol=0, atol=1e-5)
