"""Scans turn what turns, cover their grid, and find the lowest geometry at each point."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem
from rdkit.Chem.rdMolTransforms import GetAngleDeg

from examples import SMILES, TORSION_SCANS, mol_of, read
from forceladder.errors import KilledError, MoleculeError, QMError, RelaxationError
from forceladder.molecules import torsion_scans
from forceladder.molecules.conformers import minimized_conformers
from forceladder.molecules.relaxation import relax
from forceladder.molecules.sampling import xtb_gradient
from forceladder.molecules.torsion_scans import (
    coupled_pairs,
    drive_torsions,
    named_torsion,
    planned_scans,
    rotors_by_rule,
    torsion_of,
)

SETTINGS = TORSION_SCANS | {"by_rule": True}
COUNTS = {  # SMILES: inequivalent rotors without and with methyl groups, by hand
    "O": (0, 0), "CC": (0, 1), "CCC": (0, 1), "CC(C)(C)C": (0, 1), "CCCC": (1, 2),
    "CCCCCC": (2, 3), "CCO": (1, 2), "CC(C)(C)O": (1, 2), "CCOCC": (1, 2), "FCCF": (1, 1),
    "OO": (1, 1), "NN": (1, 1), "CSSC": (1, 2), "O=NO": (1, 1), "ON=O": (1, 1),
    "NC=O": (1, 1), "CC(=O)N": (1, 2), "CC(=O)NC": (1, 3), "CC(=O)O": (1, 2), "CC(=O)[O-]": (0, 1),
    "C=C": (0, 0), "C=CC=C": (1, 1), "C=CC": (0, 1), "CC=C=O": (0, 1), "CN=[N+]=[N-]": (0, 1),
    "C#N": (0, 0), "CC#N": (0, 0), "CCC#N": (0, 1), "CC#CC": (0, 0), "C#CCO": (1, 1),
    "N#Cc1ccccc1": (0, 0), "C1CCCCC1": (0, 0), "Cc1ccccc1": (0, 1), "Oc1ccccc1": (1, 1),
    "OCc1ccccc1": (2, 2), "c1ccc(-c2ccccc2)cc1": (1, 1), "c1ccc2c(c1)-c1ccccc1-2": (0, 0),
    "FC(F)(F)c1ccccc1": (1, 1), "C[N+](=O)[O-]": (0, 1), "C[NH3+]": (0, 1), "CC[NH3+]": (0, 2),
    "NC(N)=[NH2+]": (1, 1),
}  # fmt: skip
FULL_CIRCLE = {spacing: list(range(-180 + spacing, 181, spacing)) for spacing in (30, 60, 120)}


@pytest.mark.parametrize("smiles", COUNTS)
def test_rotors_by_rule_are_those_counted_by_hand(smiles):
    mol = mol_of(smiles)
    found = len(rotors_by_rule(mol, methyl_rotors=False)), len(rotors_by_rule(mol, True))
    assert found == COUNTS[smiles]


@given(st.sampled_from(SMILES), st.booleans())
def test_torsion_of_a_rotor_is_a_bent_chain_about_a_bond_outside_rings(smiles, methyl_rotors):
    mol = mol_of(smiles)
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    for j, k in rotors_by_rule(mol, methyl_rotors):
        chain = torsion_of(mol, j, k)
        assert chain[1:3] == [j, k]
        assert len(set(chain)) == 4
        assert all(mol.GetBondBetweenAtoms(*pair) for pair in pairwise(chain))
        assert not mol.GetBondBetweenAtoms(j, k).IsInRing()
        for three in (chain[:3], chain[1:]):
            assert GetAngleDeg(mol.GetConformer(), *three) < 165  # else the torsion is undefined


@given(st.sampled_from(SMILES))
def test_ends_of_a_torsion_are_the_heaviest_neighbours(smiles):
    mol = mol_of(smiles)
    for j, k in rotors_by_rule(mol, True):
        chain = torsion_of(mol, j, k)
        for end, centre, other in (chain[:3], chain[:0:-1]):
            weights = [
                n.GetAtomicNum() for n in mol.GetAtomWithIdx(centre).GetNeighbors()
                if n.GetIdx() != other
            ]  # fmt: skip
            assert mol.GetAtomWithIdx(end).GetAtomicNum() == max(weights)


@given(st.sampled_from([*SMILES, *COUNTS]), st.randoms())
def test_number_of_rotors_does_not_depend_on_the_order_of_atoms(smiles, random):
    mol = mol_of(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)
    shuffled = Chem.RenumberAtoms(mol, order)
    assert len(rotors_by_rule(shuffled, True)) == len(rotors_by_rule(mol, True))


def test_central_bonds_come_first():
    """Octane, atoms 0 to 7: the middle, then outwards."""
    assert rotors_by_rule(mol_of("CCCCCCCC"), True) == [(3, 4), (2, 3), (1, 2), (0, 1)]


@given(st.sampled_from(SMILES))
def test_coupled_pairs_are_all_pairs_of_bonds_with_one_atom_in_common(smiles):
    mol = mol_of(smiles)
    bonds = rotors_by_rule(mol, True)
    pairs = coupled_pairs([torsion_of(mol, *bond) for bond in bonds])
    expected = [{a, b} for a, b in combinations(bonds, 2) if len({*a, *b}) == 3]
    assert [{tuple(one[1:3]), tuple(two[1:3])} for one, two in pairs] == expected


# plans


def test_plan_of_the_rule_keeps_to_its_limits_and_spacings():
    mol = mol_of("CCCCCCCC")
    limited = SETTINGS | {"max_scans_per_molecule": 2, "max_2d_scans_per_molecule": 1}
    assert planned_scans(mol, limited)[0] == [
        {"index": 0, "torsions": [[2, 3, 4, 5]], "spacing_degrees": [15]},
        {"index": 1, "torsions": [[1, 2, 3, 4]], "spacing_degrees": [15]},
        {"index": 2, "torsions": [[2, 3, 4, 5], [1, 2, 3, 4]], "spacing_degrees": [30, 30]},
    ]
    assert planned_scans(mol, SETTINGS | {"by_rule": False}) == ([], [])


def test_what_the_user_names_goes_before_what_came_with_it_and_that_before_the_rule():
    mol = mol_of("OCCO")
    named = {"glycol": ["[O:1][C:2][C:3][O:4]", ["[O:1][C:2][C:3][O:4]", "[H:1][O:2][C:3][C:4]"]]}
    settings = SETTINGS | {"named": named}
    (one, two), _ = planned_scans(mol, settings, "glycol")
    brought = [[[0, 1, 2, 3]]]
    assert one == {"index": 0, "torsions": [[0, 1, 2, 3]], "spacing_degrees": [15]}
    assert two["torsions"][0] == [0, 1, 2, 3]
    assert [mol.GetAtomWithIdx(atom).GetSymbol() for atom in two["torsions"][1]] == list("HOCC")
    assert two["spacing_degrees"] == [30, 30]
    assert planned_scans(mol, settings, "glycol", brought)[0] == [one, two]
    ((alone,), _) = planned_scans(mol, settings, "another", brought)
    assert alone["torsions"] == [[0, 1, 2, 3]]
    assert len(planned_scans(mol, settings, "another")[0]) == 2
    assert planned_scans(mol, settings | {"named": {"glycol": []}}, "glycol", brought)[0] == []


def test_named_torsion_is_its_own_smarts_in_the_order_of_its_numbers():
    mol = mol_of("CC(=O)NC")
    omega = named_torsion(mol, "[CX4:1][C:2](=O)[N:3][CX4:4]")
    assert [mol.GetAtomWithIdx(atom).GetSymbol() for atom in omega] == list("CCNC")
    assert named_torsion(mol, "[CX4:4][C:3](=O)[N:2][CX4:1]") == omega[::-1]


def test_named_torsion_takes_the_first_match_that_can_be_turned():
    """The ring's bonds match as well."""
    mol = mol_of("C1CCCCC1CCC")
    smarts = "[#6:1]~[#6:2]~[#6:3]~[#6:4]"
    found = named_torsion(mol, smarts)
    matches = mol.GetSubstructMatches(Chem.MolFromSmarts(smarts))
    assert any(mol.GetBondBetweenAtoms(*match[1:3]).IsInRing() for match in matches)
    assert not mol.GetBondBetweenAtoms(*found[1:3]).IsInRing()


@pytest.mark.parametrize(
    "smarts, words",
    [
        ("[O:1][C:2][C:3", "is no SMARTS with four atoms :1, :2, :3 and :4"),
        ("[O:1][C:2][C:3]O", "is no SMARTS with four atoms :1, :2, :3 and :4"),
        ("[O:1][C:2][C:3][O:3]", "is no SMARTS with four atoms :1, :2, :3 and :4"),
        ("[F:1][C:2][C:3][O:4]", "matches no chain of four atoms .* in OCC1CC1"),
        ("[C:1]1[C:2][C:3]1.[O:4]", "matches no chain of four atoms"),
        ("[C:1]-!@[C:2]-@[C:3]-@[C:4]", "about a bond outside rings"),
    ],
)
def test_torsion_that_is_none_is_refused_by_name(smarts, words):
    with pytest.raises(MoleculeError, match=words) as caught:
        named_torsion(mol_of("OCC1CC1"), smarts)
    assert caught.value.code == "torsion_not_in_molecule"


@pytest.mark.parametrize(
    "smiles, scan, words",
    [
        ("CC#CC", "[H:1][C:2]-[C:3]#[C:4]", "runs along a straight line at atom 2"),
        ("CC#N", "[H:1][C:2]-[C:3]#[N:4]", "runs along a straight line at atom 2"),
        ("OCCO", ["[O:1][C:2]-[C:3][O:4]"] * 2, "turn about the same bond"),
        ("OCCO", ["[O:1][C:2]-[C:3][O:4]", "[H:1][C:2]-[C:3][H:4]"], "turn about the same bond"),
    ],
)
def test_scan_that_no_relaxation_could_hold_is_left_out_alone(smiles, scan, words):
    settings = SETTINGS | {"named": {"one": [scan]}}
    scans, (sentence,) = planned_scans(mol_of(smiles), settings, "one")
    assert scans == []
    assert words in sentence
    both = SETTINGS | {"named": {"one": [scan, "[*:1]~[!D1;!$(*#*):2]-[!D1;!$(*#*):3]~[*:4]"]}}
    scans, left_out = planned_scans(mol_of("OCCO"), both, "one")
    assert [scan["index"] for scan in scans] == [0]
    assert len(left_out) == 1


# wavefront


def xtb(smiles):
    """GFN2-xTB of a molecule, its symbols and its MMFF94s minima."""
    mol, state = mol_of(smiles), read(smiles)
    gradient = xtb_gradient(mol, state["net_charge"], state["multiplicity"])
    return (
        gradient,
        [a.GetSymbol() for a in mol.GetAtoms()],
        minimized_conformers(mol, 3, 20, 0.3, 1),
    )


def scan_about(torsions, spacing):
    return {"index": 0, "torsions": torsions, "spacing_degrees": [spacing] * len(torsions)}


def patient(gradient, limit):
    """The same gradient for so many calls: what would go on for ever fails."""
    calls = []

    def counted(positions):
        calls.append(positions)
        assert len(calls) < limit
        return gradient(positions)

    return counted


@pytest.fixture(scope="module")
def peroxide():
    """HOOH every 30°."""
    gradient, symbols, minima = xtb("OO")
    scan = scan_about([[2, 0, 1, 3]], 30)
    return gradient, symbols, minima, scan, drive_torsions(gradient, symbols, minima, scan, 100)


def torsion_angle(i, j, k, m) -> float:
    """Degrees, from the projections of both ends on the plane across the axis."""
    axis = (k - j) / np.linalg.norm(k - j)
    one, two = i - j - (i - j) @ axis * axis, m - k - (m - k) @ axis * axis
    return float(np.degrees(np.arctan2(np.cross(one, two) @ axis, one @ two)))


def assert_on_grid(scan, points):
    """Every torsion is at its grid point's angle within 0.1°."""
    for grid, positions in points.items():
        angles = [torsion_angle(*positions[atoms]) for atoms in scan["torsions"]]
        error = np.array(angles) - grid
        assert np.abs((error + 180) % 360 - 180).max() < 0.1


def test_scan_covers_its_grid_and_is_on_it(peroxide):
    *_, scan, points = peroxide
    assert list(points) == [(angle,) for angle in FULL_CIRCLE[30]]
    assert_on_grid(scan, points)


def test_mirror_images_have_equal_energy(peroxide):
    gradient, *_, points = peroxide
    energy = {angle: gradient(positions)[0] for (angle,), positions in points.items()}
    for angle in range(30, 180, 30):
        assert energy[angle] == pytest.approx(energy[-angle], abs=2e-3)
    assert max(energy, key=energy.get) == 0  # cis


def test_no_point_is_above_a_direct_relaxation_from_any_start():
    """HOOOH about one bond: the other must turn where the first does."""
    gradient, symbols, minima = xtb("OOO")
    torsion = torsion_of(mol_of("OOO"), 0, 1)
    points = drive_torsions(gradient, symbols, minima, scan_about([torsion], 60), 100)
    assert list(points) == [(angle,) for angle in FULL_CIRCLE[60]]
    assert len(minima) > 1
    compared = 0
    for angles, positions in points.items():
        lowest = gradient(positions)[0]
        for start in minima:
            try:
                direct = relax(gradient, symbols, start, [torsion], angles)
            except RelaxationError:  # too far to go in one leap
                continue
            compared += direct.converged
            assert not direct.converged or lowest <= direct.energy + 0.01
    assert compared >= 6


def test_two_torsions_make_a_square_grid():
    """HOOOH every 120°; mirror images and the exchange of both ends leave the energy."""
    gradient, symbols, minima = xtb("OOO")
    gradient = patient(gradient, 1000)
    mol = mol_of("OOO")
    scan = scan_about([torsion_of(mol, 0, 1), torsion_of(mol, 1, 2)], 120)
    points = drive_torsions(gradient, symbols, minima, scan, 100)
    grid = FULL_CIRCLE[120]
    assert list(points) == [(one, two) for one in grid for two in grid]
    assert_on_grid(scan, points)
    energy = {angles: gradient(positions)[0] for angles, positions in points.items()}
    assert energy[60, 60] == pytest.approx(energy[-60, -60], abs=0.01)
    assert energy[60, 180] == pytest.approx(energy[180, -60], abs=0.01)
    assert energy[60, 60] < energy[-60, 60] - 0.5  # the ends on one side: they meet


@pytest.mark.parametrize("spacing", [40, 90, 120])
def test_scan_covers_a_grid_of_any_spacing(peroxide, spacing):
    """Of 40° and 120° as well, where the grid from −180° does not meet zero."""
    gradient, symbols, minima, *_ = peroxide
    scan = scan_about([[2, 0, 1, 3]], spacing)
    points = drive_torsions(patient(gradient, 1000), symbols, minima, scan, 100)
    assert [angle for (angle,) in points] == list(range(-180 + spacing, 181, spacing))
    assert_on_grid(scan, points)


def test_scan_comes_to_its_end_from_coordinates_cut_to_a_thousandth(peroxide):
    """torsiondrive knows a job by such digits: 0.123 and 0.12299999 are two, and it never ends."""
    gradient, symbols, minima, *_ = peroxide
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(scale=0.03, size=minima[0].shape)
        starts = [np.round(minima[0] + noise, 3)]
        scan = scan_about([[2, 0, 1, 3]], 90)
        assert len(drive_torsions(patient(gradient, 300), symbols, starts, scan, 100)) == 4


def test_points_that_do_not_converge_are_left_out_and_never_taken_for_low_ones(peroxide):
    """Two steps do not bring a torsion half round; what lies elsewhere has less energy."""
    gradient, symbols, minima, scan, complete = peroxide
    points = drive_torsions(gradient, symbols, minima, scan, 4)
    assert points.keys() <= complete.keys()
    assert_on_grid(scan, points)
    for angles, positions in points.items():
        assert gradient(positions)[0] >= gradient(complete[angles])[0] - 0.01
    with pytest.raises(RelaxationError, match=r"no point of the scan could be relaxed \(\d+ fail"):
        drive_torsions(gradient, symbols, minima, scan, 1)


def test_points_where_the_gradient_fails_are_left_out(peroxide):
    gradient, symbols, minima, *_ = peroxide
    scan = scan_about([[2, 0, 1, 3]], 60)

    def failing(positions):
        if abs(torsion_angle(*positions[[2, 0, 1, 3]])) < 30:
            raise QMError("scf", "no convergence")
        return gradient(positions)

    points = drive_torsions(failing, symbols, minima, scan, 100)
    assert set(FULL_CIRCLE[60]) - {angle for (angle,) in points} == {0}
    assert_on_grid(scan, points)


def test_gradient_that_always_fails_ends_the_scan_and_a_killed_engine_the_job(peroxide):
    _, symbols, minima, scan, _ = peroxide

    def failing(error):
        def gradient(positions):
            raise error

        return gradient

    with pytest.raises(RelaxationError, match="no point of the scan could be relaxed"):
        drive_torsions(failing(QMError("scf", "none")), symbols, minima, scan, 100)
    with pytest.raises(KilledError):
        drive_torsions(failing(KilledError("killed twice")), symbols, minima, scan, 100)


def test_scan_says_nothing(peroxide, capfd):
    gradient, symbols, minima, *_ = peroxide
    drive_torsions(gradient, symbols, minima, scan_about([[2, 0, 1, 3]], 120), 100)
    assert capfd.readouterr() == ("", "")


def test_scan_that_finds_no_end_is_given_up(peroxide, monkeypatch):
    gradient, symbols, minima, scan, _ = peroxide
    monkeypatch.setattr(torsion_scans, "MOST_RELAXATIONS", 0.5)
    with pytest.raises(RelaxationError, match=r"6 relaxations, and the scan of 12 points still"):
        drive_torsions(gradient, symbols, minima, scan, 100)
