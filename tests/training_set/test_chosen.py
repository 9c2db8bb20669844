"""At most so many molecules, held-out ones first; a molecule more moves one other at most."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forceladder.training_set.chosen import (
    FIRST,
    chosen_molecules,
    chosen_rows,
    conformer_rows,
)
from forceladder.training_set.dataset import arrays_digest

SETS = st.dictionaries(st.text("abcdef", min_size=1), st.sampled_from(FIRST), max_size=30)
MOST = st.integers(1, 30)


def chosen(molecules: dict[str, str], most: int) -> list[str]:
    names = list(molecules)
    return [names[row] for row in chosen_rows(names, list(molecules.values()), most)]


@given(SETS, MOST)
def test_as_many_as_allowed_are_chosen_and_none_twice_in_their_order(molecules, most):
    found = chosen(molecules, most)
    assert len(found) == min(most, len(molecules))
    assert found == [name for name in molecules if name in set(found)]


@given(SETS, MOST)
def test_a_split_is_touched_only_when_those_before_it_are_all_in(molecules, most):
    found = set(chosen(molecules, most))
    members = [{name for name in molecules if molecules[name] == split} for split in FIRST]
    for first, later in pairwise(members):
        assert first <= found or not later & found


@given(SETS, MOST, st.randoms())
def test_order_plays_no_part(molecules, most, random):
    shuffled = list(molecules.items())
    random.shuffle(shuffled)
    assert set(chosen(dict(shuffled), most)) == set(chosen(molecules, most))


@given(SETS, MOST, st.text("xyz", min_size=1), st.sampled_from(FIRST))
def test_a_molecule_more_takes_the_place_of_one_at_most(molecules, most, name, split):
    before, after = (set(chosen(m, most)) for m in (molecules, molecules | {name: split}))
    assert after - before <= {name}
    assert len(before - after) <= 1


@given(SETS, MOST, MOST)
def test_a_higher_limit_keeps_who_was_chosen(molecules, one, other):
    low, high = sorted((one, other))
    assert set(chosen(molecules, low)) <= set(chosen(molecules, high))


def test_within_a_split_neither_names_nor_places_are_preferred():
    """Of many molecules a tenth is drawn from all of the list: its mean row is the middle."""
    names = [f"molecule-{row:04d}" for row in range(4000)]
    rows = np.array(chosen_rows(names, ["train"] * 4000, 400))
    assert rows.mean() == pytest.approx(2000.0, abs=5 * 4000 / np.sqrt(12 * 400))


def test_a_set_with_no_more_molecules_stays_as_it_is(xtb_set):
    size = xtb_set.sizes["molecule"]
    assert chosen_molecules(xtb_set, size) is xtb_set
    assert (conformer_rows(xtb_set, size) == np.arange(xtb_set.sizes["conformer"])).all()


def test_conformers_of_the_chosen_are_found_in_the_whole_set(xtb_set):
    few, rows = chosen_molecules(xtb_set, 3), conformer_rows(xtb_set, 3)
    assert few["split"].values.tolist().count("test") == 2
    assert arrays_digest(few) != arrays_digest(xtb_set)
    np.testing.assert_array_equal(
        few["record_digest"].values, xtb_set["record_digest"].values[rows]
    )
