"""A molecule is dead where it is no longer itself, and alive however hot it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import mol_of
from force_fields import embedded, shaken
from forceladder.md.watch import (
    ALIVE,
    AT_ONCE,
    BOND,
    CONNECTIVITY,
    DEATHS,
    NOT_A_NUMBER,
    STEREO,
    Watch,
    bond_lengths,
    distances,
)


def bonds_of(mol):
    return [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]


def watch(smiles, *reference):
    mol = mol_of(smiles)
    return Watch(mol, bonds_of(mol), np.array(reference or [embedded(smiles)]))


def test_bond_lengths_are_distances():
    x = np.array([[0.0, 0, 0], [3, 4, 0], [3, 4, 12]])
    assert bond_lengths(x, [[0, 1], [1, 2], [0, 2]]).tolist() == [5.0, 12.0, 13.0]
    assert bond_lengths(x, np.zeros((0, 2), int)).shape == (0,)
    assert distances(x)[[0, 1, 0], [1, 2, 2]].tolist() == [5.0, 12.0, 13.0]


@pytest.mark.parametrize("smiles", ["CO", "C1CC1", "CC(=O)[O-]", "F/C=C/Cl", "C[C@H](O)F"])
def test_the_reference_itself_is_alive_and_so_is_what_vibrates(smiles):
    seen = watch(smiles)
    assert seen.look(embedded(smiles)) == (pytest.approx(0.0, abs=1e-12), ALIVE, "")
    for seed in range(20):
        deviation, cause, _ = seen.look(shaken(smiles, seed, 0.05))
        assert cause == ALIVE
        assert 0 < deviation < 0.5


@given(st.floats(-0.9, 2.0))
def test_a_bond_is_dead_beyond_half_an_angstrom_either_way(change):
    """Of a diatomic the whole deviation is known."""
    x = embedded("[H]Cl")
    length = np.linalg.norm(x[1] - x[0])
    moved = np.array([x[0], x[0] + (x[1] - x[0]) * (1 + change / length)])
    deviation, cause, phrase = watch("[H]Cl").look(moved)
    assert deviation == pytest.approx(abs(change), abs=1e-9)
    if abs(change) > 0.5 + 1e-9:
        assert cause == BOND
        assert f"{abs(change):.2f} Å {'longer' if change > 0 else 'shorter'}" in phrase
    elif abs(change) < 0.4:
        assert cause == ALIVE


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_dead(bad):
    x = embedded("CO").copy()
    x[3, 1] = bad
    deviation, cause, _ = watch("CO").look(x)
    assert cause == NOT_A_NUMBER
    assert np.isnan(deviation)


def test_atoms_that_meet_are_another_molecule_though_all_bonds_hold():
    """Both arms of propane folded together, rigidly: bonds whole, carbons 1 and 3 within reach."""
    x = embedded("CCC").copy()
    seen = watch("CCC")
    assert seen.look(x)[1] == ALIVE
    x[[2, *hydrogens_of("CCC", 2)]] += (x[0] - x[2]) * 0.45
    deviation, cause, phrase = seen.look(x)
    assert cause in (CONNECTIVITY, BOND)
    folded = folded_about("CCC", 2, 1, 0, 55.0)
    deviation, cause, phrase = seen.look(folded)
    assert deviation < 1e-9
    assert cause == CONNECTIVITY
    assert "C1-C3 formed" in phrase


def hydrogens_of(smiles, atom):
    neighbours = mol_of(smiles).GetAtomWithIdx(atom).GetNeighbors()
    return [n.GetIdx() for n in neighbours if n.GetAtomicNum() == 1]


def folded_about(smiles, moved, centre, fixed, angle):
    """The methyl `moved` turned about `centre` until the angle moved-centre-fixed is `angle`°."""
    x = embedded(smiles).copy()
    a, b = x[moved] - x[centre], x[fixed] - x[centre]
    normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    now = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    turn = now - np.radians(angle)
    rows = [moved, *hydrogens_of(smiles, moved)]
    arms = x[rows] - x[centre]
    x[rows] = x[centre] + (
        arms * np.cos(turn)
        + np.cross(normal, arms) * np.sin(turn)
        + np.outer(arms @ normal, normal) * (1 - np.cos(turn))
    )
    return x


def test_what_the_reference_data_bring_near_is_no_new_bond():
    """A cage or a hot frame: atoms that are within reach there may be so anywhere."""
    folded = folded_about("CCC", 2, 1, 0, 55.0)
    assert watch("CCC", embedded("CCC"), folded).look(folded)[1] == ALIVE


def test_the_mirror_image_is_another_stereoisomer_where_one_was_drawn():
    mirror = embedded("C[C@H](O)F") * [1.0, 1.0, -1.0]
    deviation, cause, phrase = watch("C[C@H](O)F").look(mirror)
    assert deviation < 1e-9
    assert cause == STEREO
    assert "inverted" in phrase
    assert watch("CCO").look(embedded("CCO") * [1.0, 1.0, -1.0])[1] == ALIVE
    assert watch("C[C@H](O)F").has_stereo
    assert not watch("CCO").has_stereo


def test_a_double_bond_turned_over_is_seen():
    seen = watch("F/C=C/Cl")
    assert seen.has_stereo
    mol = mol_of("F/C=C/Cl")
    x = embedded("F/C=C/Cl").copy()
    first, last = 1, 2
    rows = [n.GetIdx() for n in mol.GetAtomWithIdx(last).GetNeighbors() if n.GetIdx() != first]
    axis = (x[last] - x[first]) / np.linalg.norm(x[last] - x[first])
    arms = x[rows] - x[last]
    x[rows] = x[last] + 2 * np.outer(arms @ axis, axis) - arms  # half a turn
    deviation, cause, phrase = seen.look(x)
    assert deviation < 1e-9
    assert cause == STEREO
    assert "Z instead of E" in phrase


def test_only_what_vibration_passes_must_last():
    assert set(AT_ONCE) < set(DEATHS)
    assert {CONNECTIVITY, STEREO} == set(DEATHS) - set(AT_ONCE)
