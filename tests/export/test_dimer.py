"""Two copies that feel each other: what the training code makes of two molecules, and LAMMPS."""

import json

import numpy as np
import pytest
import torch

from force_fields import dataset_of, shaken, topology
from forceladder.energy.geometry import Geometry
from forceladder.export.dimer import dimer_parameters, moved
from forceladder.export.lammps import evaluation
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.model.potential import correction_surface, mechanical_surface, neighbours_of
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.units import COULOMB
from ladder import LADDER, ladder_rung

MOLECULES = ("CC(=O)[O-]", "CNC=O", "O")


def rung_and_parameters(name, smiles):
    """Parameters as a release stores them: through JSON."""
    model = ladder_rung(topology(smiles), LADDER[name])
    found = molecule_parameters(model, dataset_of(smiles))[0]
    return model, json.loads(json.dumps(found))


def system_of(model, parameters):
    system = openmm_system(parameters)
    if model.correction is None:
        return system
    return attach_correction(system, model, parameters)


def pair_at(smiles, distance, seed=1):
    """Two different geometries, [2 atoms, 3] Å."""
    one, other = shaken(smiles, seed, 0.05), shaken(smiles, seed + 1, 0.05)
    return np.concatenate([one, other + [0.0, 0.6 * distance, 0.8 * distance]])


def by_training_code(model, smiles, positions):
    """Two molecules of a dataset, the pairs between them added to the table before the model
    writes parameters, and then one molecule by name, so that they share a geometry."""
    two = topology(smiles, smiles)
    size = int(two.atom_count[0])
    between = torch.cartesian_prod(torch.arange(size), torch.arange(size, 2 * size))
    more = torch.zeros(len(between), dtype=torch.bool)
    extended = two._replace(
        atoms={**two.atoms, "pair": torch.cat([two.atoms["pair"], between])},
        pair_is_14=torch.cat([two.pair_is_14, more]),
    )
    with torch.no_grad():
        found = model(extended)
    one = extended._replace(
        atom_count=two.atom_count.sum(0, keepdim=True),
        molecule=torch.zeros_like(two.molecule),
        count={table: torch.tensor([len(rows)]) for table, rows in extended.atoms.items()},
        molecule_ids=["two"],
    )
    geometry = Geometry(one, torch.tensor([1]), torch.as_tensor(positions))
    with torch.no_grad():
        surface = mechanical_surface(found, geometry)
    if model.correction is not None:
        neighbours = neighbours_of(model, geometry)
        surface = surface + correction_surface(model, found.embedding, geometry, neighbours)
    return float(surface.energy.detach()), surface.gradient.detach().numpy()


@pytest.mark.parametrize("rung", ["class1", "delta", "mlff"])  # delta holds class2
@pytest.mark.parametrize("smiles", MOLECULES)
def test_two_copies_are_what_the_training_code_makes_of_two_molecules(rung, smiles):
    model, parameters = rung_and_parameters(rung, smiles)
    system = system_of(model, dimer_parameters(parameters))
    for distance in (3.0, 5.0):
        x = pair_at(smiles, distance)
        expected, slope = by_training_code(model, smiles, x)
        energy, gradient = openmm_energy_and_gradient(system, x)
        size = 1.0 + np.abs(slope).max()
        assert energy == pytest.approx(expected, rel=1e-9, abs=1e-9 * size)
        np.testing.assert_allclose(gradient, slope, rtol=0, atol=1e-8 * size)


@pytest.mark.parametrize("smiles", ["CC(=O)[O-]", "O"])
def test_far_apart_they_are_twice_one(smiles):
    model, parameters = rung_and_parameters("class1", smiles)
    x, distance = shaken(smiles, 1, 0.05), 1e6
    alone, gradient = openmm_energy_and_gradient(system_of(model, parameters), x)
    energy, slope = openmm_energy_and_gradient(
        system_of(model, dimer_parameters(parameters)), np.concatenate([x, x + [0, 0, distance]])
    )
    charge = sum(parameters["charge"])
    assert energy == pytest.approx(2.0 * alone + COULOMB * charge**2 / distance, abs=1e-7)
    np.testing.assert_allclose(slope, np.tile(gradient, (2, 1)), atol=1e-6)


@pytest.mark.skipif(evaluation.missing() is not None, reason="LAMMPS is not installed")
@pytest.mark.parametrize("rung", ["class1", "class2"])
def test_lammps_agrees(rung):
    model, parameters = rung_and_parameters(rung, "CNC=O")
    two, x = dimer_parameters(parameters), pair_at("CNC=O", 4.0)
    energy, gradient = openmm_energy_and_gradient(system_of(model, two), x)
    said = evaluation.evaluate(two, x)
    names = max(said, key=len)  # all terms together
    assert set(names) == {name for name, term in two["terms"].items() if term["atoms"]}
    assert said[names][0] == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(said[names][1], gradient, atol=1e-5)


def test_every_row_of_a_term_has_its_numbers():
    for rung in LADDER:
        for smiles in MOLECULES:
            _, parameters = rung_and_parameters(rung, smiles)
            two, size = dimer_parameters(parameters), len(parameters["mass"])
            assert len(two["mass"]) == len(two["atomic_number"]) == 2 * size
            for name, term in two["terms"].items():
                assert len({len(values) for values in term.values()}) == 1, name
                if name in ("lennard_jones", "lennard_jones_96", "coulomb"):
                    assert len(term["atoms"]) == len(two["pair_is_14"])
                    before = len(parameters["terms"][name]["atoms"])
                    assert len(term["atoms"]) == 2 * before + size**2


def test_its_smiles_maps_both_molecules():
    name = dataset_of("CNC=O")["mapped_smiles"].values[0]
    mol = molecule_from_mapped_smiles(f"{name}.{moved(str(name), 9)}")
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    assert numbers[:9] == numbers[9:] and len(numbers) == 18
