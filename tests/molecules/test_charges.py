"""Charges of the user reach the topology, on the atoms that they were given to."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import ELEMENTS, FRACTIONS, mol_of
from forceladder.errors import ConfigError, MoleculeError
from forceladder.molecules.listing import molecule_rows
from forceladder.molecules.read import molecule_of, read_row
from forceladder.molecules.topology import topology_arrays, user_charges
from forceladder.training_set.build import topology_dataset

MOLECULES = ("CC(=O)[O-]", "C[C@H](N)C(=O)O", "c1ccoc1", "F/C=C/Cl", "C[N+](=O)[O-]", "OCC#N")


def read(row):
    return read_row(row, ELEMENTS, max_atoms=100, split_fractions=FRACTIONS)


def gasteiger(mol) -> np.ndarray:
    """Charges by RDKit, equal on equivalent atoms: a name tag that any drawing agrees on."""
    AllChem.ComputeGasteigerCharges(mol)
    charges = np.array([float(atom.GetProp("_GasteigerCharge")) for atom in mol.GetAtoms()])
    return charges + (Chem.GetFormalCharge(mol) - charges.sum()) / len(charges)


def shuffled(smiles, seed):
    order = np.random.default_rng(seed).permutation(mol_of(smiles).GetNumAtoms())
    return Chem.RenumberAtoms(mol_of(smiles), [int(i) for i in order])


def sdf_text(mol, charges) -> str:
    mol = Chem.Mol(mol)
    AllChem.EmbedMolecule(mol, randomSeed=1)
    for atom, charge in zip(mol.GetAtoms(), charges, strict=True):
        if charge is not None:
            atom.SetDoubleProp("PartialCharge", float(charge))
    Chem.CreateAtomDoublePropertyList(mol, "PartialCharge")
    return Chem.SDWriter.GetText(mol)


def mapped_row(mol, charges) -> str:
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return f"a,{Chem.MolToSmiles(mol)},{' '.join(f'{charge:.9f}' for charge in charges)}"


@pytest.mark.parametrize("smiles", MOLECULES)
@pytest.mark.parametrize("form", ["sdf", "csv"])
def test_charges_stay_on_their_atoms_through_the_canonical_order(tmp_path, smiles, form):
    for seed in range(3):
        mol = shuffled(smiles, seed)
        charges, path = gasteiger(mol), tmp_path / f"molecules.{form}"
        if form == "sdf":
            path.write_text(sdf_text(mol, charges))
        else:
            path.write_text("id,smiles,charges\n" + mapped_row(mol, charges) + "\n")
        (row,) = molecule_rows(path)
        molecule = read(row)
        (dataset,) = [topology_dataset([molecule])]
        expected = gasteiger(molecule_of(molecule))
        np.testing.assert_allclose(dataset["user_charge"].values, expected, atol=1e-5)
        assert dataset["user_charge"].values.sum() == pytest.approx(
            molecule["net_charge"], abs=1e-12
        )


def test_molecule_without_charges_says_nothing_of_them():
    molecule = read({"id": "a", "source": "CCO", "format": "smiles"})
    assert "charges" not in molecule
    assert np.isnan(topology_arrays(molecule_of(molecule))["user_charge"]).all()
    assert np.isnan(user_charges(mol_of("CCO"))).all()


MAPPED = "[O:1]([H:2])[H:3]"


@pytest.mark.parametrize(
    "row, code",
    [
        ({"source": MAPPED, "charges": "-0.8 0.4"}, "charges_incomplete"),
        ({"source": MAPPED, "charges": "-0.8 0.4 0.41"}, "charges_do_not_add_up"),
        ({"source": "O", "charges": "-0.8 0.4 0.4"}, "parse_failed"),  # which atom is which?
        ({"source": "[OH2:1]", "charges": "-0.8 0.4 0.4"}, "charges_incomplete"),
    ],
)
def test_charges_that_cannot_be_meant_are_refused(row, code):
    with pytest.raises(MoleculeError) as caught:
        read({"id": "a", "format": "smiles", **row})
    assert caught.value.code == code


def test_sdf_with_charges_on_some_atoms_is_refused():
    mol = mol_of("CO")
    text = sdf_text(mol, [0.1, *[None] * (mol.GetNumAtoms() - 1)])
    with pytest.raises(MoleculeError) as caught:
        read({"id": "a", "source": text, "format": "sdf"})
    assert caught.value.code == "charges_incomplete"


def test_sdf_of_heavy_atoms_alone_cannot_bring_charges():
    text = sdf_text(Chem.RemoveHs(mol_of("CO")), [0.4, -0.4])
    with pytest.raises(MoleculeError) as caught:
        read({"id": "a", "source": text, "format": "sdf"})
    assert caught.value.code == "charges_incomplete"


def test_words_among_charges_are_an_error_of_the_file(tmp_path):
    path = tmp_path / "molecules.csv"
    path.write_text(f"id,smiles,charges\nwater,{MAPPED},-0.8 0.4 plus\n")
    with pytest.raises(ConfigError, match="line 2: charges holds 'plus'"):
        molecule_rows(path)
