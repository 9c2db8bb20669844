"""A geometry is of the stereoisomer that was drawn until it is clearly of another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem
from scipy.spatial.transform import Rotation

from examples import SMILES, mol_of
from force_fields import embedded
from forceladder.molecules.sampling import sampled_frames
from forceladder.molecules.stereo import (
    UNDECIDABLE,
    cisness,
    handedness,
    stereo_change,
    stereo_elements,
)

MORE = ("C[S@@](=O)CC", "C[P@](F)Cl", "CC(C)(C)/N=N/C", "C[C@@H]1C[C@H]1F", "Cl/C=C/Br")
STEREO = [smiles for smiles in (*SMILES, *MORE) if set(smiles) & set("@/\\")]
MIRROR = np.array([-1.0, 1.0, 1.0])


def centres(mol) -> set[str]:
    return {
        f"{atom.GetSymbol()}{atom.GetIdx() + 1}"
        for atom in mol.GetAtoms()
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    }


@pytest.mark.parametrize("smiles", [*SMILES, *MORE])
def test_geometry_of_the_drawing_has_its_stereochemistry(smiles):
    mol, positions = mol_of(smiles), embedded(smiles)
    assert stereo_change(mol, positions) is None
    assert all(value > 0.7 for _, _, value in stereo_elements(mol, positions))


@pytest.mark.parametrize("smiles", STEREO)
def test_mirror_image_inverts_every_centre_and_no_double_bond(smiles):
    mol, positions = mol_of(smiles), embedded(smiles)
    mirrored = {name: value for name, _, value in stereo_elements(mol, positions * MIRROR)}
    for name, _, value in stereo_elements(mol, positions):
        assert mirrored[name] == pytest.approx(-value if name in centres(mol) else value)
    if not centres(mol):
        assert stereo_change(mol, positions * MIRROR) is None


def isomers(mol):
    """Copies of a molecule with one stereo element turned over, and the name of that one."""
    for atom in mol.GetAtoms():
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED:
            other = Chem.Mol(mol)
            other.GetAtomWithIdx(atom.GetIdx()).InvertChirality()
            yield f"{atom.GetSymbol()}{atom.GetIdx() + 1}", other
    for bond in mol.GetBonds():
        if bond.GetStereo() in (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOZ):
            is_trans = bond.GetStereo() == Chem.BondStereo.STEREOE
            other = Chem.Mol(mol)
            other.GetBondWithIdx(bond.GetIdx()).SetStereo(
                Chem.BondStereo.STEREOCIS if is_trans else Chem.BondStereo.STEREOTRANS
            )
            ends = bond.GetBeginAtom(), bond.GetEndAtom()
            yield "=".join(f"{a.GetSymbol()}{a.GetIdx() + 1}" for a in ends), other


@pytest.mark.parametrize("smiles", STEREO)
def test_geometry_of_a_diastereomer_is_told_by_the_one_element_that_differs(smiles):
    """RDKit embeds the other isomer, so it is the judge of what every tag means."""
    mol, embedded_one = mol_of(smiles), False
    for name, other in isomers(mol):
        if AllChem.EmbedMolecule(other, randomSeed=3) != 0:
            continue  # a strained one, such as a trans bond in a small ring
        positions = other.GetConformer().GetPositions()
        changed = [n for n, _, v in stereo_elements(mol, positions) if v < -UNDECIDABLE]
        assert changed == [name]
        assert stereo_change(mol, positions).startswith(name)
        embedded_one = True
    assert embedded_one


@given(st.integers(0, 10**6), st.sampled_from(STEREO))
def test_turning_moving_and_renumbering_change_no_number(seed, smiles):
    random = np.random.default_rng(seed)
    mol, positions = mol_of(smiles), embedded(smiles)
    order = random.permutation(len(positions))
    moved = Rotation.random(rng=random).apply(positions) + random.normal(size=3)
    renumbered = Chem.RenumberAtoms(mol, [int(i) for i in order])
    before = sorted(value for _, _, value in stereo_elements(mol, positions))
    after = sorted(value for _, _, value in stereo_elements(renumbered, moved[order]))
    assert after == pytest.approx(before, abs=1e-9)


def test_tetrahedron_and_half_turned_double_bond_have_closed_forms():
    corners = np.array([[1.0, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]])
    assert abs(handedness(np.zeros(3), corners)) == pytest.approx(1.0, abs=1e-12)
    assert handedness(np.zeros(3), corners[[1, 0, 2, 3]]) == -handedness(np.zeros(3), corners)
    sign = np.sign(handedness(np.zeros(3), corners))
    assert sign * handedness(np.zeros(3), 3.0 * corners[:3]) == pytest.approx(1.0, abs=1e-12)
    for degrees, value in ((0, 1.0), (60, 0.5), (90, 0.0), (120, -0.5), (180, -1.0)):
        angle = np.radians(degrees)
        first, last = [-0.5, np.sqrt(0.75), 0], [1.5, *np.sqrt(0.75) * np.array([1, 0])]
        last[1:] = np.sqrt(0.75) * np.array([np.cos(angle), np.sin(angle)])
        found = cisness(*map(np.array, (first, [0.0, 0, 0], [1.0, 0, 0], last)))
        assert found == pytest.approx(value, abs=1e-12)


def through_the_plane(smiles: str, height: float) -> tuple[Chem.Mol, np.ndarray, float]:
    """CHFClBr squashed along the axis of its C-H bond, so that it is at `height` of a
    tetrahedron's; negative ones have turned over."""
    mol, positions = mol_of(smiles), embedded(smiles).copy()
    carbon = next(a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "C")
    arms = positions - positions[carbon]
    hydrogen = next(a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "H")
    axis = arms[hydrogen] / np.linalg.norm(arms[hydrogen])
    along = arms @ axis
    halogens = [i for i in range(5) if i not in (carbon, hydrogen)]
    plane = arms - np.outer(along, axis)
    arms[halogens] = plane[halogens] + height * np.outer(along, axis)[halogens]
    arms[hydrogen] = height * arms[hydrogen] + (1 - abs(height)) * plane[halogens[0]]
    return mol, arms, stereo_elements(mol, arms)[0][2]


def test_flattened_centre_is_undecidable_and_accepted_until_it_is_past_the_plane():
    values = []
    for height in np.linspace(1.0, -1.0, 41):
        mol, positions, value = through_the_plane("F[C@H](Cl)Br", height)
        assert (stereo_change(mol, positions) is not None) == (value < -UNDECIDABLE)
        values.append(value)
    assert values[0] > 0.9 and values[-1] < -0.9
    assert any(-UNDECIDABLE <= value < 0.0 for value in values), "none was on the edge"


@pytest.mark.parametrize("smiles", ["CN(F)Cl", "CC(N)C(=O)O", "C/C=N/O"])
def test_amine_may_invert(smiles):
    """Only what the drawing says counts: N has no tag, so its mirror image is as drawn."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    assert stereo_change(mol, mol.GetConformer().GetPositions() * MIRROR) is None


@pytest.mark.parametrize("smiles", ["C[S@](=O)c1ccccc1", "C[C@@H]1C[C@H]1F", "C/C=N/O", "F/C=C\\F"])
def test_frames_of_hot_dynamics_are_far_from_undecidable(smiles):
    mol = mol_of(smiles)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    frames = sampled_frames(
        numbers, embedded(smiles), 0, 1, temperature=1000.0, count=20, interval=50,
        timestep=1.0, friction=10.0, seed=1,
    )  # fmt: skip
    for frame in frames:
        assert min(value for _, _, value in stereo_elements(mol, frame)) > 0.5
