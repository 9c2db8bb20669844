"""OpenFF Molecules in, parameters out."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

import forceladder
from force_fields import topology
from forceladder.deploy.inputs import mol2_entries
from forceladder.errors import MoleculeError
from ladder import LADDER, ladder_rung
from small_releases import save_release

toolkit = pytest.importorskip("openff.toolkit", reason="OpenFF's packages are not installed")


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    models = {"class1": ladder_rung(topology("CCO"), LADDER["class1"])}
    return forceladder.load(save_release(tmp_path_factory.mktemp("release"), models))


@pytest.mark.parametrize("smiles", ["c1ccoc1", "CC(=O)[O-]", "N[C@@H](C)C(=O)O", "COC(=O)CN"])
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


def mini_drug_bank() -> list[str]:
    """Every eighth of the toolkit's own odd molecules, as mol2."""
    path = Path(toolkit.__file__).parent / "data/molecules/MiniDrugBank_tripos.mol2"
    return mol2_entries(path.read_text())[::8]


@pytest.mark.filterwarnings("ignore::forceladder.errors.DomainWarning")
def test_mini_drug_bank_is_parametrized_or_refused_in_a_sentence(tmp_path):
    elements = ["H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I"]
    models = {"class1": ladder_rung(topology("CCO"), LADDER["class1"])}
    field = forceladder.load(save_release(tmp_path, models, elements))
    refused = []
    for number, entry in enumerate(mini_drug_bank()):
        path = tmp_path / f"{number}.mol2"
        path.write_text(entry)
        try:
            found = field.parametrize(path)
        except MoleculeError as error:
            refused.append(str(error))
            continue
        theirs = Chem.MolFromMol2Block(entry, removeHs=False)
        assert found.parameters["atomic_number"] == [a.GetAtomicNum() for a in theirs.GetAtoms()]
        net = Chem.GetFormalCharge(theirs)
        assert sum(found.parameters["charge"]) == pytest.approx(net, abs=1e-9)
        assert found.positions().shape == (theirs.GetNumAtoms(), 3)
    # of all 371, five: isonitriles, whose charges mol2 cannot say, and what RDKit cannot read
    assert len(refused) == 2
    assert all(len(sentence.splitlines()) == 1 for sentence in refused)
