"""Every spelling of a molecule is the same molecule; every row that is none says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import ELEMENTS, FRACTIONS, SMILES, mol_of, read
from forceladder.errors import ConfigError, MoleculeError
from forceladder.molecules import read as room
from forceladder.molecules.read import check_splits, drawn_split, read_row, reject_duplicates


def spelling(mol: Chem.Mol, style: str, random) -> str:
    """The molecule's SMILES from a random atom on, in one of the styles that people write."""
    if style == "hydrogens":
        mol = Chem.AddHs(mol)
    if style == "kekule":
        mol = Chem.Mol(mol)
        Chem.Kekulize(mol, clearAromaticFlags=True)
    order = random.sample(range(mol.GetNumAtoms()), mol.GetNumAtoms())
    mol = Chem.RenumberAtoms(mol, order)
    if style == "mapped":
        for number, atom in enumerate(mol.GetAtoms(), start=1):
            atom.SetAtomMapNum(number)
    return Chem.MolToSmiles(
        mol, canonical=False, kekuleSmiles=style == "kekule", allBondsExplicit=style == "bonds",
        allHsExplicit=style == "brackets",
    )  # fmt: skip


STYLES = ["plain", "hydrogens", "kekule", "mapped", "bonds", "brackets"]


@given(st.sampled_from(SMILES), st.sampled_from(STYLES), st.randoms(use_true_random=False))
def test_every_spelling_of_a_molecule_gives_the_same_molecule(smiles, style, random):
    assert read(spelling(Chem.MolFromSmiles(smiles), style, random)) == read(smiles)


@pytest.mark.parametrize("smiles", SMILES)
@pytest.mark.parametrize("v3000", [False, True])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_drawn_and_embedded_molecules_are_the_same_as_their_smiles(smiles, v3000, dimensions):
    mol = Chem.MolFromSmiles(smiles)
    if dimensions == 2:
        AllChem.Compute2DCoords(mol)
    else:
        mol = Chem.AddHs(mol)
        assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
    row = {"id": "example", "source": Chem.MolToMolBlock(mol, forceV3000=v3000), "format": "sdf"}
    assert read_row(row, ELEMENTS, 100, FRACTIONS) == read(smiles)


@pytest.mark.parametrize("smiles", SMILES)
def test_mapped_smiles_names_the_molecule_and_its_atom_order(smiles):
    molecule = read(smiles)
    mol = room.molecule_from_mapped_smiles(molecule["mapped_smiles"])
    assert room.mapped_smiles(mol) == molecule["mapped_smiles"]
    assert Chem.MolToInchiKey(mol) == molecule["inchikey"]
    assert molecule["inchikey"] == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(smiles)
    if "[H]" not in smiles:  # a hydrogen that carries stereochemistry stands where it is written
        heavy = [atom.GetAtomicNum() > 1 for atom in mol.GetAtoms()]
        assert heavy == sorted(heavy, reverse=True)


@pytest.mark.parametrize("smiles", SMILES)
def test_mapped_smiles_numbers_its_atoms_as_a_permuted_string_says(smiles):
    """Writing the same mapped molecule from another atom on changes no row."""
    mapped = read(smiles)["mapped_smiles"]
    mol = Chem.RenumberAtoms(mol_of(smiles), list(range(mol_of(smiles).GetNumAtoms()))[::-1])
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(mol.GetNumAtoms() - atom.GetIdx())
    again = room.molecule_from_mapped_smiles(Chem.MolToSmiles(mol, canonical=False))
    assert room.mapped_smiles(again) == mapped


@pytest.mark.parametrize("smiles", ["CCO", "[CH3:1][OH:1]", "[CH4:2]"])
def test_smiles_that_maps_not_every_atom_is_no_mapped_smiles(smiles):
    with pytest.raises(ValueError, match="does not map its atoms to 1…N"):
        room.molecule_from_mapped_smiles(smiles)


# rows that are rejected


@pytest.mark.parametrize(
    "smiles, code, words",
    [
        ("", "parse_failed", "no SMILES"),
        ("   ", "parse_failed", "no SMILES"),
        ("C(C", "parse_failed", "'C(C' is not valid smiles"),
        ("ethanol", "parse_failed", "is not valid"),
        ("C(C)(C)(C)(C)C", "parse_failed", "makes no sense: Explicit valence"),
        ("c1cccc1", "parse_failed", "makes no sense"),
        ("C" * 1000 + "(", "parse_failed", "..."),
        ("CC(=O)[O-].[Na+]", "several_components", "give each a row"),
        ("O.O", "several_components", "more than one molecule"),
        ("[2H]C", "isotope_label", "remove them"),
        ("C[Fe]C", "element_not_allowed", "holds Fe; molecules.elements allows H, B, C"),
        ("*C", "element_not_allowed", "holds *"),
        ("C" * 67, "too_many_atoms", "203 atoms, more than molecules.max_atoms 200"),
        ("OB(O)C", "no_lennard_jones_type", "no row of lennard_jones_sage.csv matches atom 2 (B)"),
        ("FS(F)(F)(F)(F)F", "too_many_neighbours", "has 6 neighbours; angles of more than 4"),
        ("CC(O)F", "stereo_unspecified", "it may be C[C@H](O)F or C[C@@H](O)F"),
        ("CC=CC", "stereo_unspecified", "it may be C/C=C/C or C/C=C\\C"),
        ("CC1CCC(C)CC1", "stereo_unspecified", "list each stereoisomer"),
        ("C[C@H](O)C(O)F", "stereo_unspecified", "list each"),
        ("CS(=O)CC", "stereo_unspecified", "list each"),
        ("CC(=N)N", "stereo_unspecified", "it may be [H]/N=C(/C)N or [H]/N=C(\\C)N"),
    ],
)  # fmt: skip
def test_poisonous_row_is_rejected_with_code_and_sentence(smiles, code, words):
    with pytest.raises(MoleculeError) as caught:
        read(smiles)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "block", ["no mol block", "\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n"]
)
def test_poisonous_mol_block_is_rejected(block):
    with pytest.raises(MoleculeError) as caught:
        read_row({"id": "a", "source": block, "format": "sdf"}, ELEMENTS, 100, FRACTIONS)
    assert caught.value.code == "parse_failed"


@given(st.text())
def test_no_text_whatever_breaks_the_reader(text):
    try:
        read(text)
    except MoleculeError:
        pass


@given(st.text(alphabet="CNOcn()[]=#123@/\\.-+H", max_size=20))
def test_no_string_like_smiles_breaks_the_reader(text):
    try:
        molecule = read(text)
    except MoleculeError:
        return
    assert read(molecule["mapped_smiles"]) == molecule


@pytest.mark.parametrize(
    "smiles",
    ["CN=[N+]=[N-]", "CN=C=O", "CC=C=O", "CC=[N+]=[N-]",  # linear ends know no E and Z
     "C1C2CC3CC1CC(C2)C3", "C1CN2CCC1CC2", "C12C3C4C1C5C2C3C45",  # cages of one shape
     "COP(=O)([O-])OCC", "CP(=O)(O)[O-]", "CS(=O)(=O)[O-]",  # equal oxygens make no centre
     "CN(C)CC", "CC(C)O", "C1CCCC=C1", "NC(=N)N"],
)  # fmt: skip
def test_molecule_of_one_stereoisomer_needs_no_stereo_marks(smiles):
    assert read(smiles)["smiles"] == Chem.CanonSmiles(smiles)


def test_mirror_images_of_a_phosphate_are_the_same_molecule():
    mirrored = [read(f"CO[{tag}](=O)([O-])OCC")["mapped_smiles"] for tag in ("P@", "P@@")]
    assert mirrored == [read("COP(=O)([O-])OCC")["mapped_smiles"]] * 2


def test_thiophosphate_is_a_stereocentre_though_phosphate_is_none():
    with pytest.raises(MoleculeError, match="not specified"):
        read("COP(=O)([S-])OCC")


# charge, multiplicity, split


@pytest.mark.parametrize("smiles", SMILES)
def test_charge_and_formula_are_those_of_the_inchi(smiles):
    molecule = read(smiles)
    layers = Chem.MolToInchi(Chem.MolFromSmiles(smiles)).split("/")
    charge = sum(int(layer[1:]) for layer in layers[1:] if layer[:1] in "qp" and layer[1:])
    if "O-][n+" not in smiles:
        assert molecule["net_charge"] == charge
    assert molecule["net_charge"] == Chem.GetFormalCharge(Chem.MolFromSmiles(smiles))


def test_charge_column_must_agree_with_the_drawing():
    assert read("CC(=O)[O-]", charge="-1")["net_charge"] == -1
    with pytest.raises(MoleculeError, match="says 0, the formal charges add up to -1") as caught:
        read("CC(=O)[O-]", charge="0")
    assert caught.value.code == "charge_mismatch"


@pytest.mark.parametrize(
    "smiles, asked, multiplicity",
    [("C", None, 1), ("[CH3]", None, 2), ("[O][O]", None, 3), ("[CH2]", None, 3),
     ("O=O", "3", 3), ("[CH2]", "1", 1), ("C", "3", 3)],
)  # fmt: skip
def test_multiplicity_is_the_one_asked_for_or_that_of_the_drawn_radicals(
    smiles, asked, multiplicity
):
    columns = {} if asked is None else {"multiplicity": asked}
    assert read(smiles, **columns)["multiplicity"] == multiplicity


@pytest.mark.parametrize(
    "smiles, asked", [("C", "2"), ("C", "0"), ("C", "-1"), ("[CH3]", "1"), ("[H][H]", "5")]
)
def test_multiplicity_that_the_electrons_cannot_have_is_rejected(smiles, asked):
    with pytest.raises(MoleculeError, match=f"multiplicity {asked} is impossible") as caught:
        read(smiles, multiplicity=asked)
    assert caught.value.code == "impossible_multiplicity"


@given(st.integers(1, 60), st.integers(-3, 3))
def test_possible_multiplicities_are_those_of_whole_unpaired_electrons(number, charge):
    """n unpaired among N electrons: n ≤ N, and the others pair up."""
    atom = Chem.Atom(number)
    atom.SetFormalCharge(charge)
    atom.SetNoImplicit(True)
    mol = Chem.RWMol()
    mol.AddAtom(atom)
    electrons = number - charge
    for multiplicity in range(-1, 9):
        unpaired = multiplicity - 1
        possible = 0 <= unpaired <= electrons and (electrons - unpaired) % 2 == 0
        try:
            assert room.checked_multiplicity(mol.GetMol(), str(multiplicity)) == multiplicity
            assert possible
        except MoleculeError:
            assert not possible


def test_split_of_the_row_is_kept():
    assert read("CCO", split="test")["split"] == "test"


def test_stereoisomers_and_charge_states_share_their_split():
    fractions = {"validation": 0.3, "test": 0.3}
    for pair in (("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"), ("C/C=C/C", "C/C=C\\C"),
                 ("CC(=O)O", "CC(=O)[O-]")):  # fmt: skip
        first, second = (
            read_row({"id": "a", "source": s, "format": "smiles"}, ELEMENTS, 100, fractions)
            for s in pair
        )
        assert first["mapped_smiles"] != second["mapped_smiles"]
        assert first["split"] == second["split"]


def test_splits_have_the_sizes_asked_for():
    """4000 draws; a fraction f is off by more than 4 √(f (1 − f)/4000) once in 16,000."""
    fractions = {"validation": 0.2, "test": 0.1}
    drawn = [drawn_split(f"BLOCK{i:09d}-UHFFFAOYSA-N", fractions) for i in range(4000)]
    for split, fraction in {**fractions, "train": 0.7}.items():
        error = abs(drawn.count(split) / 4000 - fraction)
        assert error < 4 * (fraction * (1 - fraction) / 4000) ** 0.5


def test_larger_test_fraction_moves_no_molecule_out_of_the_test_split():
    small, large = ({"validation": 0.1, "test": f} for f in (0.1, 0.2))
    keys = [f"BLOCK{i:09d}" for i in range(500)]
    tests = [{key for key in keys if drawn_split(key, f) == "test"} for f in (small, large)]
    assert tests[0] < tests[1]


def test_second_row_of_a_molecule_is_rejected_by_the_name_of_the_first():
    rows = [("first", "CCO"), ("other", "CO"), ("second", "OCC"), ("third", "C(O)C")]
    molecules = [
        {**read(smiles), "id": name, "line": line} for line, (name, smiles) in enumerate(rows)
    ]
    kept, rejected = reject_duplicates(molecules)
    assert [molecule["id"] for molecule in kept] == ["first", "other"]
    assert [(row["id"], row["line"], row["code"]) for row in rejected] == [
        ("second", 2, "duplicate"), ("third", 3, "duplicate"),
    ]  # fmt: skip
    assert all("the same molecule as first" in row["reason"] for row in rejected)


def test_stereoisomers_and_charge_states_are_no_duplicates():
    pairs = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(=O)O", "CC(=O)[O-]"]
    molecules = [{**read(smiles), "id": smiles} for smiles in pairs]
    assert reject_duplicates(molecules) == (molecules, [])


def listed(*rows):
    return [
        {**read(smiles), "id": smiles, "line": line, "split": split}
        for line, (smiles, split) in enumerate(rows, start=2)
    ]


@pytest.mark.parametrize(
    "pair",
    [("C[C@H](F)Cl", "C[C@@H](F)Cl"), ("CC(=O)O", "CC(=O)[O-]"), ("Oc1ccccn1", "O=c1cccc[nH]1")],
)
def test_near_twins_in_different_splits_are_refused_with_both_lines(pair):
    """Enantiomers have the same energies: one in each split would test what the other taught."""
    first, second = pair
    with pytest.raises(ConfigError, match=r"\(line 2, train\).*\(line 3, test\)"):
        check_splits(listed((first, "train"), (second, "test")))
    check_splits(listed((first, "train"), (second, "train"), ("C", "test")))


def test_a_missing_split_is_named():
    with pytest.raises(ConfigError, match="split 'test'"):
        check_splits(listed(("C", "train"), ("CC", "train")))
    check_splits([])


def test_a_single_atom_is_refused():
    with pytest.raises(MoleculeError, match="nothing can be fitted") as caught:
        read("[Cl-]")
    assert caught.value.code == "single_atom"


def test_isomers_that_cannot_exist_do_not_count_as_unspecified():
    assert read("C1CC2CCC1C2")["smiles"]  # norbornane: its trans isomer is only on paper
