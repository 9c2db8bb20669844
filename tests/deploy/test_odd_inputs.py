"""Whatever comes in, out come parameters, or one sentence that says why not."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from rdkit import Chem
from rdkit.Chem import AllChem

import forceladder
from examples import ELEMENTS
from forceladder.deploy.inputs import MOST_ATOMS, molecule_from
from forceladder.errors import MoleculeError
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from small_releases import save_release

pytestmark = pytest.mark.filterwarnings("ignore::forceladder.errors.DomainWarning")

# a peptide with ends charged, a macrolide of 118 atoms, a cyclodextrin's ring of acetals, …
PARAMETRIZED = (
    "C[C@H](NC(=O)CNC(=O)[C@H](Cc1ccccc1)NC(=O)[C@@H]([NH3+])CO)C(=O)[O-]",
    "CC[C@@H]1[C@@]([C@@H]([C@H](C(=O)[C@@H](C[C@@]([C@@H]([C@H]([C@@H]([C@H](C(=O)O1)C)O[C@H]2C[C@@]"
    "([C@H]([C@@H](O2)C)O)(C)OC)C)O[C@H]3[C@@H]([C@H](C[C@H](O3)C)N(C)C)O)(C)O)C)C)O)(C)O",
    "C1CCCCCCCCCCCCCCCCCCC1", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    "O=S(=O)(O)c1ccccc1", "OCl(=O)(=O)=O", "[O-]S(=O)(=O)[O-]", "COP(=O)([O-])OC", "CS(C)(=O)=O",
    "CS(=C)C", "C[S+](C)[CH2-]", "FI(F)F", "C[I+]C", "CN(=O)=O", "[O-][O+]=O", "CN=[N+]=[N-]",
    "[C-]#[O+]", "C[N+]#[C-]", "[O-][n+]1ccccc1", "Cn1cc[n+](C)c1", "c1cc2cccccc-2c1",
    "[CH3]", "[CH2]", "[O][O]", "[N]=O", "CC[O]", "C=C=C=C", "S=C=S", "C#C", "C12C3C4C1C5C2C3C45",
    "F/C(Cl)=C(Br)/I", "C[S@](=O)c1ccccc1", "CC(F)(Cl)Br", "C/C=N/O", "[H][H]", "II", "O", "[OH-]",
    "[NH4+]", "[Cl-]", "[H+]", "[C]", "[H:3][O:1][H:2]", "c1ccccc1[N+]([O-])=O name",
)  # fmt: skip

REFUSED = {
    "": "parse_failed", " \t": "parse_failed", "CCO\nCCC": "parse_failed", "C>>C": "parse_failed",
    "C1CC": "parse_failed", "c1cccc1": "parse_failed", "C(C)(C)(C)(C)C": "parse_failed",
    "[CH5]": "parse_failed", "CN(C)(C)(C)C": "parse_failed", "é\0": "parse_failed",
    "ethanol": "parse_failed", "InChI=1S/CH4/h1H4": "parse_failed",
    "[Na+].[Cl-]": "several_components", "CC(=O)[O-].[Na+]": "several_components",
    "O.O": "several_components", "[2H]OC": "isotope_label", "[13CH4]": "isotope_label",
    "[Fe]": "element_not_fitted", "C[Mg]Br": "element_not_fitted", "[He]": "element_not_fitted",
    "[Pt](N)(N)(Cl)Cl": "element_not_fitted", "*C": "element_not_fitted",
    "C->[Fe]": "bond_order", "C$C": "bond_order", "C~C": "pattern",
    "FS(F)(F)(F)(F)F": "too_many_neighbours", "FP(F)(F)(F)F": "too_many_neighbours",
    "B": "no_lennard_jones_type", "C[Si](C)(C)C": "no_lennard_jones_type",
    "C" * 400: "too_many_atoms", "C" * 20000: "too_many_atoms",
    "[CH3:1][OH:2]": "partly_mapped", "[H:1][O:2][H:2]": "partly_mapped",
    "nowhere.sdf": "unreadable", "/nowhere/else.mol2": "unreadable",
}  # fmt: skip


class Broken:
    def to_rdkit(self):
        raise RuntimeError("no toolkit\nat all")


class Strange:
    def to_rdkit(self):
        return "CCO"


def with_positions(smiles: str, value: float) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    mol.GetConformer().SetAtomPosition(0, [value, 0.0, 0.0])
    return mol


OBJECTS = [
    (None, "not_a_molecule"), (6, "not_a_molecule"), (float("nan"), "not_a_molecule"),
    (b"CCO", "not_a_molecule"), (["CCO"], "not_a_molecule"), ({}, "not_a_molecule"),
    (np.zeros((3, 3)), "not_a_molecule"), (Broken(), "not_a_molecule"),
    (Strange(), "not_a_molecule"), (Path("protein.pdb"), "unknown_format"),
    (Path("."), "unknown_format"), (Chem.Mol(), "parse_failed"), (Chem.RWMol(), "parse_failed"),
    (Chem.MolFromSmarts("[C,N]O"), "pattern"), (Chem.MolFromSmarts("CO"), "pattern"),
    (Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False), "parse_failed"),
    (with_positions("CO", float("nan")), "positions_not_finite"),
    (with_positions("CO", float("inf")), "positions_not_finite"),
    (Chem.RemoveHs(with_positions("CO", 1.0)), "hydrogens_missing"),
]  # fmt: skip


def mol_block(smiles: str = "CO") -> str:
    return Chem.MolToMolBlock(with_positions(smiles, 0.0))


FILES = {
    "empty.sdf": ("", "several_molecules"),
    "blank.mol": ("\n\n\n", "several_molecules"),
    "dollars.sdf": ("$$$$\n$$$$\n", "several_molecules"),
    "two.sdf": (f"{mol_block()}$$$$\n{mol_block()}$$$$\n", "several_molecules"),
    "words.sdf": ("these\nare\nno\nmolecules\n", "parse_failed"),
    "cut.mol": (mol_block()[:200], "parse_failed"),
    "count.mol": ("\n\n\n999999  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n", "parse_failed"),
    "salt.mol": (mol_block("[Na+].[Cl-]"), "several_components"),
    "any_bond.mol": (mol_block().replace("  1  2  1", "  1  2  8"), "pattern"),
    "deuterium.mol": (mol_block().replace(" H   0", " D   0"), "isotope_label"),
    "bytes.sdf": (bytes(range(256)), "unreadable"),
    "nothing.mol2": ("no molecule", "several_molecules"),
    "cut.mol2": ("@<TRIPOS>MOLECULE\nm\n 5 4 1\nSMALL\nNO_CHARGES\n", "parse_failed"),
    "one.MOL2": ("@<TRIPOS>MOLECULE\n", "parse_failed"),
}


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """Fitted, they say, to every element that there are rules for."""
    folder = save_release(tmp_path_factory.mktemp("release"), elements=ELEMENTS)
    return {rung: forceladder.load(folder, rung) for rung in ("class1", "delta")}


@pytest.fixture(scope="module", params=["class1", "delta"])
def field(request, fields):
    return fields[request.param]


def check_parametrized(molecule):
    """Charges add up, and the engine has finite numbers at its geometry."""
    net = Chem.GetFormalCharge(molecule.mol)
    assert sum(molecule.parameters["charge"]) == pytest.approx(net, abs=1e-9)
    energy, gradient = openmm_energy_and_gradient(molecule.to_openmm(), molecule.positions())
    assert np.isfinite(energy) and np.isfinite(gradient).all()
    assert molecule.table() and str(molecule)


def check_refused(error: MoleculeError, code: str):
    assert error.code == code
    sentence = str(error)
    assert sentence.endswith(".") and len(sentence.splitlines()) == 1 and len(sentence) < 250


@pytest.mark.parametrize("smiles", PARAMETRIZED)
def test_odd_molecule_is_parametrized(field, smiles):
    check_parametrized(field.parametrize(smiles))


@pytest.mark.parametrize("smiles", REFUSED)
def test_text_that_cannot_be_parametrized_is_refused_in_a_sentence(field, smiles):
    with pytest.raises(MoleculeError) as caught:
        field.parametrize(smiles)
    check_refused(caught.value, REFUSED[smiles])


@pytest.mark.parametrize("source, code", OBJECTS, ids=lambda value: type(value).__name__)
def test_object_that_is_no_molecule_is_refused_in_a_sentence(field, source, code):
    with pytest.raises(MoleculeError) as caught:
        field.parametrize(source)
    check_refused(caught.value, code)


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_no_molecule_is_refused_in_a_sentence(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content, code = FILES[name]
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(MoleculeError) as caught:
        molecule_from(name)
    check_refused(caught.value, code)


def test_folder_named_like_a_file_is_refused(tmp_path):
    (tmp_path / "m.sdf").mkdir()
    with pytest.raises(MoleculeError, match="Is a directory"):
        molecule_from(tmp_path / "m.sdf")


def test_largest_molecule_that_is_taken(fields):
    found = fields["class1"].parametrize("C" * ((MOST_ATOMS - 2) // 3))
    assert found.mol.GetNumAtoms() == 998
    assert len(found.parameters["terms"]["coulomb"]["atoms"]) > 490_000
    assert any("times the 13 of the largest" in sentence for sentence in found.warnings)


def test_a_molecule_without_a_geometry_has_parameters_all_the_same(fields):
    """A triple bond in a ring of seven may be more than ETKDG can do."""
    found = fields["class1"].parametrize("C1#CCCCCC1")
    assert found.table()
    try:
        assert np.isfinite(found.positions()).all()
    except MoleculeError as error:
        check_refused(error, "conformer_failed")


@settings(max_examples=300)
@given(strategies.text(max_size=30))
def test_any_text_is_a_molecule_or_refused(text):
    try:
        molecule_from(text)
    except MoleculeError as error:
        assert len(str(error).splitlines()) == 1


@settings(max_examples=150)
@given(strategies.lists(strategies.sampled_from(
    "C N O S P F Cl c n o [O-] [NH3+] [CH2] [S+] [H] = # ( ) 1 2 / \\ [C@H] [C@@H] . * [Fe]".split()
), min_size=1, max_size=9))  # fmt: skip
def test_words_of_smiles_in_any_order_are_parametrized_or_refused(fields, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = fields["class1"].parametrize("".join(words))
        except MoleculeError as error:
            assert len(str(error).splitlines()) == 1
            return
    assert np.isfinite([row["value"] for row in found.table()]).all()
    net = Chem.GetFormalCharge(found.mol)
    assert sum(found.parameters["charge"]) == pytest.approx(net, abs=1e-9)
