"""Which molecule a file holds, which frames of it, and which torsion scans."""

import ase
import ase.io
import h5py
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

from examples import ELEMENTS, FRACTIONS, SMILES, mol_of, read
from forceladder.errors import (
    MoleculeError,
    TooManyFailuresError,
)
from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.listing import ID
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.training_set.dataset import (
    provenance,
)
from forceladder.training_set.importers import identity
from forceladder.training_set.importers.collect import free_id, import_data
from imported_files import (
    ACETATE,
    ETHANOL,
    ETHER,
    HARTREE,
    LEVEL,
    arrow_row,
    imported,
    mapped,
    named,
    near,
    write_arrow,
    write_extxyz,
    write_spice,
    write_torsions,
)

HARD = {
    "c1ccc2c(c1)-c1ccccc1-2": "atoms across its square are as near as bonded ones",
    "[CH3]": "unpaired electrons are not perceived",
    "CCCC[P+](C)(C)C": "RDKit's xyz2mol knows no phosphonium",
}


def embedded(smiles: str, seed: int):
    """A molecule, its atoms shuffled, and positions [atoms, 3] Å."""
    mol = mol_of(smiles)
    AllChem.EmbedMolecule(mol, randomSeed=7)
    AllChem.MMFFOptimizeMolecule(mol)
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    mol = Chem.RenumberAtoms(mol, order)
    return mol, mol.GetConformer().GetPositions()


@pytest.mark.parametrize("smiles", [s for s in SMILES if s not in HARD])
@given(seed=st.integers(0, 2**31))
@settings(max_examples=3)
def test_molecule_is_found_whatever_the_order_of_its_atoms(smiles, seed):
    """From its SMILES and from its geometry alone; the InChIKey judges, stereo included."""
    mol, positions = embedded(smiles, seed)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    for found in (
        identity.molecule_of_smiles(smiles, numbers, positions),
        identity.perceived_molecule(numbers, positions, Chem.GetFormalCharge(mol)),
    ):
        assert [atom.GetAtomicNum() for atom in found.GetAtoms()] == numbers
        assert Chem.MolToInchiKey(found) == read(smiles)["inchikey"]
        assert connectivity_change(found, positions) is None


@pytest.mark.parametrize("smiles", HARD, ids=HARD.values())
def test_what_is_too_hard_to_perceive_is_not_taken_for_the_molecule(smiles):
    mol, positions = embedded(smiles, 1)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    try:
        found = identity.perceived_molecule(numbers, positions, Chem.GetFormalCharge(mol))
        assert Chem.MolToInchiKey(found) != read(smiles)["inchikey"]
    except MoleculeError as error:
        assert error.code == "not_perceived"


def test_isomers_with_the_same_atoms_in_the_same_order_are_kept_apart(tmp_path):
    frames = [
        pair for k in range(4) for pair in ((ETHANOL, near(ETHANOL)[k]), (ETHER, near(ETHER)[k]))
    ]
    write_extxyz(tmp_path / "a.xyz", frames)
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL)
    assert dataset["molecule_id"].values.tolist() == ["there.C2H6O", "there.C2H6O-2"]
    keys = [read("CCO")["inchikey"], read("COC")["inchikey"]]
    assert dataset["inchikey"].values.tolist() == keys
    assert (dataset["flag"].values == "").all()
    energies = [HARTREE * frame["energy"] for m in (ETHANOL, ETHER) for frame in near(m)]
    np.testing.assert_allclose(dataset["energy"].values, energies, rtol=1e-8)


def test_broken_and_hot_frames_are_kept_and_flagged(tmp_path):
    names = ["near-1", "broken", "near-2", "hot", "minimum"]
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, named(ETHANOL, name)) for name in names])
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL)
    assert dataset["flag"].values.tolist() == ["", "connectivity_changed", "", "hot", ""]
    counts = provenance(dataset)["counts"]
    assert counts["hot"] == counts["connectivity_changed"] == 1
    warm = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, hot_kcal_per_atom=13.0)
    assert warm["flag"].values.tolist() == ["", "connectivity_changed", "", "", ""]


def test_a_few_frames_with_a_shifted_hydrogen_are_no_isomer_of_their_own(tmp_path):
    """Acetaldehyde's frames with one of its enol are flagged; as many of each are two molecules."""
    forms = []
    for smiles, order in (("CC=O", range(7)), ("C=CO", [0, 1, 2, 3, 4, 6, 5])):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(mol, randomSeed=1)
        mol = Chem.RenumberAtoms(mol, list(order))
        forms.append(mol.GetConformer().GetPositions())
    numbers = (6, 6, 8, 1, 1, 1, 1)
    few = identity.groups_by_bonds(numbers, [forms[0]] * 10 + [forms[1]], [0.0] * 10 + [-1.0], 0)
    assert few == [list(range(11))]
    many = identity.groups_by_bonds(numbers, [forms[0]] * 9 + [forms[1]], [0.0] * 10, 0)
    assert many == [list(range(9)), [9]]


def test_the_smiles_of_a_file_wins_over_its_bonds(tmp_path):
    """Even a file of broken frames alone is the molecule that the user names, if one is whole."""
    frames = [named(ETHANOL, "broken")] * 3 + [named(ETHANOL, "minimum")]
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, frame) for frame in frames])
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, smiles="OCC")
    assert dataset["flag"].values.tolist() == ["connectivity_changed"] * 3 + [""]


def test_charge_of_an_extxyz_file_is_the_users_to_say(tmp_path):
    write_extxyz(tmp_path / "a.xyz", [(ACETATE, frame) for frame in near(ACETATE)])
    dataset = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, charge=-1)
    assert dataset["inchikey"].values.tolist() == [read("CC(=O)[O-]")["inchikey"]]
    with pytest.raises(TooManyFailuresError, match=r"no bond orders .* charge 0\."):
        imported(tmp_path / "a.xyz", level_of_theory=LEVEL)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"unreadable": "nothing."}, "parse_failed"),
        ({"mapped_smiles": "CCO"}, "parse_failed"),
        ({"mapped_smiles": "not a molecule"}, "parse_failed"),
        ({"mapped_smiles": mapped(ETHER)}, None),
        ({"mapped_smiles": mapped(ACETATE)}, "atoms_disagree"),
        ({"smiles": "C1CC"}, "parse_failed"),
        ({"smiles": "COC"}, "atoms_disagree"),
        ({"smiles": "CO"}, "atoms_disagree"),
        ({"smiles": "CCO", "net_charge": 1}, "charge_mismatch"),
        ({"smiles": "CCO", "multiplicity": "2"}, "impossible_multiplicity"),
        ({"smiles": "C.O"}, "several_components"),
        ({"net_charge": 1}, "not_perceived"),
    ],
)
def test_a_molecule_that_cannot_be_is_rejected_by_code(said, code):
    said = {"label": "x", "atomic_numbers": ETHANOL["atomic_numbers"]} | said
    frame = near(ETHANOL)[0]
    conformers = [{"energy": 0.0, "positions": np.array(frame["positions"])}]
    try:
        identity.identified(said, conformers, 0, ELEMENTS)
        found = None
    except MoleculeError as error:
        found = error.code
    assert found == code


def test_rejected_molecules_are_listed_and_the_others_imported(tmp_path):
    """A lone atom, which needs no forces, two waters, and an element that is not allowed."""
    water = Chem.AddHs(Chem.MolFromSmiles("O.O"))
    AllChem.EmbedMolecule(water, randomSeed=1)
    lone = ase.Atoms("H", [[0.0, 0.0, 0.0]], info={"energy": -13.6})
    pair = ase.Atoms("OOHHHH", water.GetConformer().GetPositions() * [[3, 1, 1]])
    iodine = ase.Atoms("IH", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.6]])
    for atoms in (pair, iodine):
        atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.zeros((len(atoms), 3)))
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, frame) for frame in near(ETHANOL)])
    ase.io.write(tmp_path / "a.xyz", [lone, pair, iodine], format="extxyz", append=True)
    settings = {"format": "extxyz", "level_of_theory": LEVEL}
    allowed = ["H", "C", "N", "O"]
    dataset, rejected = import_data("there", tmp_path / "a.xyz", settings, allowed, FRACTIONS)
    assert dataset["molecule_id"].values.tolist() == ["there.C2H6O"]
    codes = {"there.H": "single_atom", "there.HI": "element_not_allowed"}
    found = {line["id"]: line["code"] for line in rejected}
    assert found.pop("there.H4O2") in ("several_components", "not_perceived")
    assert found == codes
    assert provenance(dataset)["counts"]["rejected_molecules"] == 3


def test_unfinished_calculations_are_left_out_and_counted(tmp_path):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL, "two": ETHER})
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["one/dft_total_energy"][1] = np.nan
        file["two/dft_total_energy"][:] = np.nan
    dataset, rejected = import_data("there", tmp_path / "a.hdf5", {"format": "spice"})
    assert dataset["conformer_count"].values.tolist() == [3]
    assert provenance(dataset)["counts"]["unfinished"] == 1
    assert [(line["id"], line["code"]) for line in rejected] == [("there.two", "nothing_finished")]


def test_periodic_boundaries_are_ignored_and_said(tmp_path, caplog):
    from forceladder.job import log

    frame = near(ETHANOL)[0]
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, frame)])
    atoms = ase.io.read(tmp_path / "a.xyz")
    atoms.set_cell([20, 20, 20])
    atoms.set_pbc(True)
    ase.io.write(tmp_path / "a.xyz", [atoms], format="extxyz")
    log.propagate = True
    imported(tmp_path / "a.xyz", level_of_theory=LEVEL)
    assert "pbc of 1 frames ignored" in caplog.text


@given(st.lists(st.text(max_size=100), max_size=20))
def test_ids_are_file_names_that_differ_by_more_than_case(labels):
    taken = set()
    ids = [free_id(f"there.{label}", taken) for label in labels]
    assert len({name.lower() for name in ids}) == len(ids)
    assert all(ID.fullmatch(name) for name in ids)


@given(st.integers(1, 6))
def test_at_most_so_many_conformers_are_kept_evenly(limit):
    from forceladder.training_set.importers.collect import thinned

    kept = thinned([{"k": k} for k in range(5)], limit)
    rows = [item["k"] for item in kept]
    assert len(rows) == min(limit, 5)
    assert rows == sorted(set(rows))
    assert rows[0] == 0
    assert limit == 1 or rows[-1] == 4


# scans


def test_scans_of_one_molecule_come_together(tmp_path):
    """Ethanol twice and acetate: two molecules, three scans, angles and atoms from zero."""
    write_torsions(tmp_path / "t.npz", [ETHANOL, ACETATE, ETHANOL])
    dataset = imported(tmp_path / "t.npz", "torsions_npz")
    assert dataset["molecule_id"].values.tolist() == ["there.case-0", "there.case-1"]
    assert dataset["scan_count"].values.tolist() == [2, 1]
    assert dataset["conformer_count"].values.tolist() == [8, 4]
    assert dataset["scan"].values.tolist() == [0] * 4 + [1] * 4 + [0] * 4
    expected = [[1, 0, 2, last, -1, -1, -1, -1] for last in (8, 8, 6)]
    assert dataset["scan_torsions"].values.tolist() == expected
    angles = [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7]
    assert dataset["scan_angle"].values[:, 0].tolist() == angles
    assert np.isnan(dataset["scan_angle"].values[:, 1]).all()
    assert set(dataset["level_of_theory"].values) == {"GFN2-xTB"}
    assert set(dataset["geometry_kind"].values) == {"torsion_scan"}


def rotated_ethanol() -> list[dict]:
    """Ethanol with C–C–O–H on OpenFF's grid: a full turn in steps of 15°."""
    mol = Chem.Mol(molecule_from_mapped_smiles(mapped(ETHANOL)))
    conformer = Chem.Conformer(9)
    conformer.SetPositions(np.array(named(ETHANOL, "near-1")["positions"]))
    mol.AddConformer(conformer)
    frames = []
    for angle in range(-165, 195, 15):
        rdMolTransforms.SetDihedralDeg(mol.GetConformer(), 0, 1, 2, 8, angle)
        positions = mol.GetConformer().GetPositions()
        frames.append({"positions": positions, "energy": 0.0, "gradient": np.zeros((9, 3))})
    return frames


def test_driven_torsion_is_found_from_its_grid(tmp_path):
    """Two drives in one row, then one that is no full turn and stays without a scan."""
    frames = rotated_ethanol()
    rows = [arrow_row(ETHANOL, frames * 2, forces=False), arrow_row(ETHANOL, frames[:10])]
    write_arrow(tmp_path / "a.arrow", rows)
    dataset = imported(tmp_path / "a.arrow", "openff_torsiondrives", level_of_theory=LEVEL)
    assert dataset["scan_count"].values.tolist() == [2, 0]
    for torsion in dataset["scan_torsions"].values.tolist():
        assert torsion in ([0, 1, 2, 8, -1, -1, -1, -1], [8, 2, 1, 0, -1, -1, -1, -1])
    angles = [*range(-165, 195, 15)] * 2
    assert dataset["scan_angle"].values[:48, 0].tolist() == angles
    assert np.isnan(dataset["scan_angle"].values[48:]).all()
    assert dataset["scan"].values.tolist() == [0] * 24 + [1] * 24 + [-1] * 10


@given(st.integers(0, 2**31))
def test_dihedral_angle_is_rdkits(seed):
    corners = np.random.default_rng(seed).normal(size=(4, 3))
    conformer = Chem.Conformer(4)
    conformer.SetPositions(corners)
    mol = identity.skeleton([6, 6, 6, 6], [(0, 1), (1, 2), (2, 3)])
    mol.AddConformer(conformer)
    expected = rdMolTransforms.GetDihedralDeg(mol.GetConformer(), 0, 1, 2, 3)
    difference = torsion_angle(corners[None])[0] - expected
    assert (difference + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1e-6)
