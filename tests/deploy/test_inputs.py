"""One molecule, however it is given, has one set of parameters, in the order of its atoms."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from rdkit import Chem
from rdkit.Chem import AllChem

import forceladder
from force_fields import embedded
from forceladder.deploy.inputs import molecule_from
from forceladder.errors import MoleculeError
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.molecules.read import mapped_smiles

SMILES = "CC(=O)NCO"


@pytest.fixture(scope="module")
def field(release):
    return forceladder.load(release, "class2")


@pytest.fixture(scope="module")
def mol():
    """With hydrogens, a geometry, and charges that say which atom is which."""
    mol = Chem.AddHs(Chem.MolFromSmiles(SMILES))
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    charges = np.linspace(-0.4, 0.4, mol.GetNumAtoms())
    for atom, charge in zip(mol.GetAtoms(), charges - charges.mean(), strict=True):
        atom.SetDoubleProp("PartialCharge", charge)
    Chem.CreateAtomDoublePropertyList(mol, "PartialCharge")
    return mol


def mol2_text(mol, charges) -> str:
    """The molecule as other programs write it; RDKit cannot."""
    kinds = {"C": "C.3", "O": "O.3", "N": "N.3", "H": "H"}
    kind = {atom.GetIdx(): kinds[atom.GetSymbol()] for atom in mol.GetAtoms()}
    for bond in mol.GetBonds():
        if bond.GetBondTypeAsDouble() == 2:
            for atom in (bond.GetBeginAtom(), bond.GetEndAtom()):
                kind[atom.GetIdx()] = f"{atom.GetSymbol()}.2"
    lines = ["@<TRIPOS>MOLECULE", "m", f"{mol.GetNumAtoms()} {mol.GetNumBonds()} 1 0 0"]
    lines += ["SMALL", "USER_CHARGES", "", "@<TRIPOS>ATOM"]
    for atom, (x, y, z) in zip(mol.GetAtoms(), mol.GetConformer().GetPositions(), strict=True):
        i = atom.GetIdx()
        name = f"{i + 1} {atom.GetSymbol()}{i + 1} {x:.6f} {y:.6f} {z:.6f}"
        lines.append(f"{name} {kind[i]} 1 UNL {charges[i]:.6f}")
    lines.append("@<TRIPOS>BOND")
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtomIdx() + 1, bond.GetEndAtomIdx() + 1
        lines.append(f"{bond.GetIdx() + 1} {ends[0]} {ends[1]} {bond.GetBondTypeAsDouble():g}")
    return "\n".join(lines) + "\n"


def carried(mol) -> list[float]:
    return [atom.GetDoubleProp("PartialCharge") for atom in mol.GetAtoms()]


@pytest.fixture
def sources(mol, tmp_path) -> dict:
    """Form → the molecule in that form, atoms in one order."""
    with Chem.SDWriter(str(tmp_path / "m.sdf")) as writer:
        writer.write(mol)
    Chem.MolToMolFile(mol, str(tmp_path / "m.mol"))
    (tmp_path / "m.mol2").write_text(mol2_text(mol, carried(mol)))
    return {
        "smiles": SMILES,
        "mapped": mapped_smiles(mol),
        "sdf": tmp_path / "m.sdf",
        "mol": str(tmp_path / "m.mol"),
        "mol2": tmp_path / "m.mol2",
        "rdkit": mol,
    }


FORMS = ("smiles", "mapped", "sdf", "mol", "mol2", "rdkit")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_molecule_has_the_same_parameters(field, sources, mol, form):
    found = field.parametrize(sources[form], charges="force_field")
    expected = field.parametrize(SMILES)
    assert found.parameters["mapped_smiles"] == mapped_smiles(mol)
    # sums over neighbours depend on the order of bonds, in the last digits
    x = mol.GetConformer().GetPositions()
    one, two = (openmm_energy_and_gradient(m.to_openmm(), x) for m in (found, expected))
    assert one[0] == pytest.approx(two[0], rel=1e-12)
    np.testing.assert_allclose(one[1], two[1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", ["sdf", "mol", "mol2", "rdkit"])
def test_the_geometry_that_came_is_the_one_that_is_given(field, sources, mol, form):
    digits = {"rdkit": 0.0, "mol2": 1e-6, "sdf": 1e-4, "mol": 1e-4}[form]  # that the files have
    found = field.parametrize(sources[form]).positions()
    np.testing.assert_allclose(found, mol.GetConformer().GetPositions(), rtol=0, atol=digits)


def test_first_of_several_conformers_is_given_and_the_others_kept(field, mol):
    mol = Chem.Mol(mol)
    AllChem.EmbedMultipleConfs(mol, 3, randomSeed=5)
    found = field.parametrize(mol)
    np.testing.assert_array_equal(found.positions(), mol.GetConformer(0).GetPositions())
    assert found.mol.GetNumConformers() == 3


@settings(max_examples=15)
@given(strategies.permutations(range(13)))
def test_parameters_follow_the_order_of_the_atoms(field, order):
    """Methyl glycinate's torsions, couplings and charges move with their atoms."""
    mol = Chem.AddHs(Chem.MolFromSmiles("COC(=O)CN"))
    shuffled = Chem.RenumberAtoms(mol, [int(atom) for atom in order])
    one, two = field.parametrize(mol), field.parametrize(shuffled)
    elements = [atom.GetAtomicNum() for atom in shuffled.GetAtoms()]
    assert two.parameters["atomic_number"] == elements
    np.testing.assert_allclose(
        two.parameters["charge"], np.array(one.parameters["charge"])[order], rtol=0, atol=1e-12
    )
    x = np.random.default_rng(0).normal(scale=2.0, size=(13, 3))  # any will do
    expected, gradient = openmm_energy_and_gradient(one.to_openmm(), x)
    energy, found = openmm_energy_and_gradient(two.to_openmm(), x[order])
    assert energy == pytest.approx(expected, rel=1e-10)
    np.testing.assert_allclose(found, gradient[order], rtol=0, atol=1e-8)


def test_hydrogens_that_are_written_keep_their_place_and_others_come_last():
    def elements(smiles):
        return "".join(atom.GetSymbol() for atom in molecule_from(smiles).GetAtoms())

    assert elements("CO") == "COHHHH"
    assert elements("[H]OC") == "HOCHHH"
    assert elements("[H:2][O:1][H:3]") == "OHH"


def test_map_numbers_of_a_mol_are_no_order(field):
    """A Mol has an order of its own; what its map numbers mean, only its maker knows."""
    mol = Chem.AddHs(Chem.MolFromSmiles("[CH3:7][OH:3]"))
    assert field.parametrize(mol).parameters["atomic_number"] == [6, 8, 1, 1, 1, 1]


def test_drawings_have_no_geometry(field, tmp_path):
    """Hydrogens are added to them, and their flat coordinates dropped."""
    mol = Chem.MolFromSmiles(SMILES)
    AllChem.Compute2DCoords(mol)
    Chem.MolToMolFile(mol, str(tmp_path / "flat.mol"))
    for source in (mol, tmp_path / "flat.mol"):
        found = field.parametrize(source)
        assert found.mol.GetNumConformers() == 0
        assert found.parameters["mapped_smiles"] == mapped_smiles(molecule_from(SMILES))
        assert np.ptp(found.positions(), axis=0).min() > 0.5


def test_coordinates_left_at_zero_are_no_geometry(mol, tmp_path):
    empty = Chem.Mol(mol)
    empty.RemoveAllConformers()
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.Set3D(True)
    empty.AddConformer(conformer)
    assert molecule_from(empty).GetNumConformers() == 0


def test_the_mol_that_was_given_stays_as_it_is(field):
    mol = Chem.MolFromSmiles("c1ccoc1")
    before = mol.ToBinary(Chem.PropertyPickleOptions.AllProps)
    field.parametrize(mol)
    assert mol.ToBinary(Chem.PropertyPickleOptions.AllProps) == before


@pytest.mark.parametrize("form", ["mol", "mol2", "rdkit"])
def test_a_geometry_without_some_hydrogens_is_refused(mol, tmp_path, form):
    heavy = Chem.RemoveHs(mol)
    Chem.MolToMolFile(heavy, str(tmp_path / "m.mol"))
    (tmp_path / "m.mol2").write_text(mol2_text(heavy, carried(heavy)))
    source = heavy if form == "rdkit" else tmp_path / f"m.{form}"
    with pytest.raises(MoleculeError, match="hydrogens") as caught:
        molecule_from(source)
    assert caught.value.code == "hydrogens_missing"


@pytest.mark.parametrize("form", ["sdf", "rdkit"])
def test_charges_that_a_molecule_carries_are_taken(field, sources, mol, form):
    found = field.parametrize(sources[form]).parameters["charge"]
    np.testing.assert_allclose(found, carried(mol), rtol=0, atol=1e-6)
    own = field.parametrize(sources[form], charges="force_field").parameters["charge"]
    np.testing.assert_allclose(own, field.parametrize(SMILES).parameters["charge"], atol=1e-12)


def test_charges_of_a_mol2_file_are_taken_only_when_asked_for(field, sources, mol):
    """Programs fill the column with whatever they have, be it zeros."""
    found = field.parametrize(sources["mol2"], charges="file").parameters["charge"]
    np.testing.assert_allclose(found, carried(mol), rtol=0, atol=2e-6)
    own = field.parametrize(sources["mol2"]).parameters["charge"]
    np.testing.assert_allclose(own, field.parametrize(SMILES).parameters["charge"], atol=1e-12)


def test_charges_that_are_nowhere_are_not_made_up(field, release, sources):
    refused = {
        "charges_missing": (field, "smiles", "file"),
        "charges_incomplete": (field, "smiles", ["a"] * 13),
        "charges_unused": (forceladder.load(release, "mlff"), "smiles", [0.0] * 13),
    }
    for code, (force_field, form, charges) in refused.items():
        with pytest.raises(MoleculeError) as caught:
            force_field.parametrize(sources[form], charges=charges)
        assert caught.value.code == code
    with pytest.raises(MoleculeError, match="'am1bcc'"):
        field.parametrize(SMILES, charges="am1bcc")


def test_stereochemistry_is_that_of_the_geometry(tmp_path):
    """Of a file without marks for it."""
    mol = Chem.AddHs(Chem.MolFromSmiles("N[C@@H](C)C(=O)O"))
    AllChem.EmbedMolecule(mol, randomSeed=3)
    unmarked = Chem.Mol(mol)
    Chem.RemoveStereochemistry(unmarked)
    Chem.MolToMolFile(unmarked, str(tmp_path / "m.mol"), includeStereo=False)
    assert mapped_smiles(molecule_from(tmp_path / "m.mol")) == mapped_smiles(mol)


def test_conformer_to_start_from_is_the_stereoisomer_that_was_meant(field):
    for smiles in ("N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O"):
        found = field.parametrize(smiles)
        mol = Chem.Mol(found.mol)
        mol.AddConformer(conformer_of(found.positions()))
        Chem.AssignStereochemistryFrom3D(mol)
        assert mapped_smiles(mol) == found.parameters["mapped_smiles"]


def conformer_of(positions) -> Chem.Conformer:
    conformer = Chem.Conformer(len(positions))
    for atom, x in enumerate(np.asarray(positions, float)):
        conformer.SetAtomPosition(atom, x)
    return conformer


def test_embedded_geometry_of_a_file_is_used_by_engines(field, tmp_path):
    """Methanol written with its atoms in an order of our own, and read back."""
    mol = Chem.RenumberAtoms(Chem.AddHs(Chem.MolFromSmiles("CO")), [3, 1, 4, 0, 5, 2])
    mol.AddConformer(conformer_of(embedded("CO")[[3, 1, 4, 0, 5, 2]]))
    Chem.MolToMolFile(mol, str(tmp_path / "m.mol"))
    found = field.parametrize(tmp_path / "m.mol")
    energy, _ = openmm_energy_and_gradient(found.to_openmm(), found.positions())
    expected, _ = openmm_energy_and_gradient(field.parametrize("CO").to_openmm(), embedded("CO"))
    assert energy == pytest.approx(expected, abs=0.1)  # four digits of coordinates
