"""The SMIRKS of an .offxml: they find their atoms, in this molecule and in no other.

`tests/openff/test_offxml.py` has the OpenFF packages run the file.
"""

from xml.etree import ElementTree

import pytest
from rdkit import Chem

from examples import mol_of
from exports import CHLORIDE, EXPORTED, exported
from force_fields import dataset_of, topology
from forceladder.export.offxml import Smirks, entries, offxml, refusal
from forceladder.export.parameters import molecule_parameters
from ladder import LADDER, ladder_rung

LARGE = ("CCCCCCCCCC", "CC(C)(C)C(C)(C)C", "C1CC2CCC1C2")


def matches(smirks: str, mol) -> set[tuple]:
    """Atoms of the tags, in their order, of every match."""
    pattern = Chem.MolFromSmarts(smirks)
    tags = sorted((a.GetAtomMapNum(), a.GetIdx()) for a in pattern.GetAtoms() if a.GetAtomMapNum())
    found = mol.GetSubstructMatches(pattern, uniquify=False, maxMatches=10**6)
    return {tuple(match[k] for _, k in tags) for match in found}


def rows(smiles):
    parameters = exported(smiles)
    smirks = Smirks(parameters)
    return [
        (tuple(atoms), smirks(atoms))
        for _, found in entries(parameters).values()
        for atoms, _ in found
    ]


@pytest.mark.parametrize("smiles", [s for s in EXPORTED if s != CHLORIDE] + [*LARGE])
def test_smirks_finds_its_atoms_and_equivalent_ones_alone(smiles):
    mol = mol_of(smiles)
    ranks = list(Chem.CanonicalRankAtoms(skeleton(mol), breakTies=False))
    for atoms, smirks in rows(smiles):
        found = matches(smirks, mol)
        assert atoms in found, smirks
        kinds = [ranks[atom] for atom in atoms]
        assert all([ranks[atom] for atom in one] == kinds for one in found), smirks


def skeleton(mol):
    """Elements and bonds alone."""
    plain = Chem.RWMol()
    for atom in mol.GetAtoms():
        new = Chem.Atom(atom.GetAtomicNum())
        new.SetNoImplicit(True)
        plain.AddAtom(new)
    for bond in mol.GetBonds():
        plain.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), Chem.BondType.SINGLE)
    found = plain.GetMol()
    found.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(found)
    return found


@pytest.mark.parametrize(
    "smiles, other",
    [("CCC", "CCCC"), ("CC(=O)[O-]", "CC(=O)OC"), ("CC(=O)NC", "CCC(=O)N"), ("[H][H]", "O"),
     ("O", "CO"), ("C1CC1", "C1CCC1"), ("CC#N", "C[N+]#[C-]")],
)  # fmt: skip
def test_smirks_fits_no_other_molecule(smiles, other):
    assert not any(matches(smirks, mol_of(other)) for _, smirks in rows(smiles))
    assert all(matches(smirks, mol_of(smiles)) for _, smirks in rows(smiles))


@pytest.mark.parametrize("smiles", LARGE)
def test_matches_do_not_grow_with_the_hydrogens(smiles):
    """A toolkit goes through every match of every SMIRKS."""
    mol = mol_of(smiles)
    for _, smirks in rows(smiles):
        pattern = Chem.MolFromSmarts(smirks)
        # a branched carbon may turn its three methyls, and a tagged hydrogen may be any of three
        assert len(mol.GetSubstructMatches(pattern, uniquify=False, maxMatches=10**6)) <= 72 * 9


def test_file_has_a_section_for_every_term_and_all_digits():
    parameters = exported("CCO")
    root = ElementTree.fromstring(offxml(parameters))
    sections = [name for name in entries(parameters) if name != "ImproperTorsions"]
    assert [section.tag for section in root] == sections
    lengths = [float(bond.get("length").split()[0]) for bond in root.find("Bonds")]
    assert lengths == parameters["terms"]["bond_harmonic"]["length"]
    charges = [float(item.get("charge1").split()[0]) for item in root.find("LibraryCharges")]
    assert charges == parameters["charge"]


def test_equivalent_atoms_with_charges_of_their_own_are_refused():
    parameters = exported("C", terms=["bond_harmonic", "coulomb"])
    assert refusal(parameters) is None
    parameters["charge"][1] += 0.1
    assert "atoms 2 and 3 of molecule-0" in refusal(parameters)


@pytest.mark.parametrize("rung", ["class2", "delta", "mlff"])
def test_other_rungs_are_refused_by_what_has_no_form(rung):
    model = ladder_rung(topology("CCO"), LADDER[rung])
    (parameters,) = molecule_parameters(model, dataset_of("CCO"))
    assert ("bond_quartic" if rung == "class2" else "neural") in refusal(parameters)
