"""Environments of atoms: equal where chemistry is, different where it is not."""

import pytest
from hypothesis import given, strategies
from rdkit import Chem

from examples import SMILES, mol_of, read
from forceladder.molecules.domain import Domain, atom_environments, departures, domain_of


def environments(smiles: str) -> list[str]:
    return atom_environments(Chem.AddHs(Chem.MolFromSmiles(smiles)))


def domain(*smiles: str) -> Domain:
    return domain_of(read(one)["mapped_smiles"] for one in smiles)


def test_names_are_what_a_chemist_would_say():
    assert environments("CC(=O)[O-]")[1:4] == [
        "CX3: C, 1.5 O, 1.5 O", "OX1 charge -0.5: 1.5 C", "OX1 charge -0.5: 1.5 C"
    ]  # fmt: skip
    assert "CX3 aromatic: H, 1.5 C, 1.5 O" in environments("c1ccoc1")
    assert "CX4 ring of 3: C, C, H, H" in environments("C1CC1")
    assert "CX4 ring: C, C, H, H" in environments("C1CCCCC1")
    assert "NX1: 3 C" in environments("CC#N")
    assert environments("[OH-]") == ["OX1 charge -1: H", "HX1: O"]
    assert environments("[Cl-]") == ["ClX0 charge -1: alone"]


@pytest.mark.parametrize("smiles", SMILES)
def test_every_molecule_is_within_a_domain_that_holds_it(smiles):
    assert departures(mol_of(smiles), domain(smiles, "CCO")) == []


@given(strategies.sampled_from(SMILES), strategies.randoms(use_true_random=False))
def test_environments_do_not_depend_on_the_order_of_atoms(smiles, random):
    mol = mol_of(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)
    moved = atom_environments(Chem.RenumberAtoms(mol, order))
    assert moved == [atom_environments(mol)[atom] for atom in order]


@pytest.mark.parametrize(
    "drawn, equal",
    [("CC([O-])=O", "CC(=O)[O-]"), ("NC(=[NH2+])N", "NC(N)=[NH2+]"), ("C1=CC=CC=C1C", "Cc1ccccc1")],
)
def test_resonance_forms_are_one(drawn, equal):
    assert sorted(environments(drawn)) == sorted(environments(equal))


@pytest.mark.parametrize(
    "smiles, said",
    [
        ("CC(=O)[O-]", "net charge is -1 e; those of the training set are 0 to 0"),
        ("C" * 13, "41 atoms, more than 4 times the 9"),
        ("CN", "N2 (NX3: C, H, H) is like no atom"),
        ("[CH3]", "C1 (CX3: H, H, H) is like no atom"),
        ("COC", "O2 (OX2: C, C)"),
        ("C1CO1", "ring of 3"),
    ],
)
def test_departures_say_what_is_strange(smiles, said):
    assert any(said in sentence for sentence in departures(mol_of(smiles), domain("CCO", "C")))


def test_longer_chain_of_what_is_known_is_within():
    assert departures(mol_of("CCCCCCCCO"), domain("CCO", "CCC")) == []


def test_domain_counts_molecules_once_for_an_environment():
    found = domain("CCC", "CC", "C[NH3+]")
    assert found.molecules == 3 and found.atoms == 11 and found.net_charge == [0, 1]
    assert found.elements == ["C", "H", "N"]
    assert found.environments == {
        "CX4: C, C, H, H": 1, "CX4: C, H, H, H": 2, "CX4: H, H, H, N": 1, "HX1: C": 3,
        "HX1: N": 1, "NX4 charge +1: C, H, H, H": 1,
    }  # fmt: skip
    assert list(found.environments) == sorted(found.environments)
