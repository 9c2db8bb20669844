"""OpenFF Molecules in, parameters out."""

import numpy as np
import pytest

import forceladder
from force_fields import topology
from ladder import LADDER, ladder_rung
from small_releases import save_release

toolkit = pytest.importorskip("openff.toolkit", reason="OpenFF's packages are not installed")


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    models = {"class1": ladder_rung(topology("CCO"), LADDER["class1"])}
    return forceladder.load(save_release(tmp_path_factory.mktemp("release"), models))


@pytest.mark.parametrize("smiles", ["c1ccoc1", "CC(=O)[O-]", "N[C@@H](C)C(=O)O", "CN(C)C=O"])
def test_openff_molecule_has_the_parameters_and_order_of_its_atoms(field, smiles):
    molecule = toolkit.Molecule.from_smiles(smiles, allow_undefined_stereo=True)
    molecule.generate_conformers(n_conformers=1)
    found = field.parametrize(molecule)
    numbers = [atom.atomic_number for atom in molecule.atoms]
    assert found.parameters["atomic_number"] == numbers
    x = molecule.conformers[0].m_as("angstrom")
    np.testing.assert_allclose(found.positions(), x, rtol=0, atol=1e-12)
    mapped = field.parametrize(molecule.to_smiles(mapped=True)).parameters
    assert mapped["mapped_smiles"] == found.parameters["mapped_smiles"]
    np.testing.assert_allclose(found.parameters["charge"], mapped["charge"], rtol=0, atol=1e-12)


def test_partial_charges_of_an_openff_molecule_are_taken(field):
    molecule = toolkit.Molecule.from_smiles("CO")
    molecule.partial_charges = toolkit.unit.Quantity(
        np.array([0.2, -0.6, 0.0, 0.0, 0.0, 0.4]), "elementary_charge"
    )
    found = field.parametrize(molecule).parameters["charge"]
    assert found == pytest.approx([0.2, -0.6, 0.0, 0.0, 0.0, 0.4], abs=1e-12)
    own = field.parametrize(molecule, charges="force_field").parameters["charge"]
    assert own == pytest.approx(field.parametrize("CO").parameters["charge"], abs=1e-12)
