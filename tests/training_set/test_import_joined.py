"""Imported molecules beside a run's own: splits, names, levels of theory."""

import numpy as np
import pytest
import xarray

from examples import ELEMENTS
from forceladder.errors import (
    ConfigError,
)
from forceladder.fields import problems
from forceladder.molecules.read import drawn_split
from forceladder.training_set.dataset import (
    provenance,
    row_ranges,
    select_molecules,
)
from forceladder.training_set.importers.collect import import_data
from forceladder.training_set.importers.join import join_imports
from imported_files import ETHANOL, ETHER, HARTREE, LEVEL, imported, near, write_extxyz


def test_split_is_the_imports_or_drawn_from_the_inchikey(tmp_path):
    write_extxyz(tmp_path / "a.xyz", [(m, f) for m in (ETHANOL, ETHER) for f in near(m)])
    halves = {"validation": 0.3, "test": 0.3}
    settings = {"format": "extxyz", "level_of_theory": LEVEL}
    drawn, _ = import_data("there", tmp_path / "a.xyz", settings, ELEMENTS, halves)
    for key, split in zip(drawn["inchikey"].values, drawn["split"].values, strict=True):
        assert split == drawn_split(key, halves)
    given = imported(tmp_path / "a.xyz", level_of_theory=LEVEL, split="test")
    assert set(given["split"].values) == {"test"}


@pytest.fixture
def flagged(tmp_path):
    """Ethanol with a broken and a hot frame, and dimethyl ether, all in 'train'."""
    frames = [(m, frame) for m in (ETHANOL, ETHER) for frame in m["frames"]]
    write_extxyz(tmp_path / "flagged.xyz", frames)
    return imported(tmp_path / "flagged.xyz", level_of_theory=LEVEL, split="train")


def test_joined_set_holds_own_molecules_first_then_imports_without_flags(xtb_set, flagged):
    own = select_molecules(xtb_set, [0, 1, 2])
    joined, left_out = join_imports(own, {"there": flagged}, ["connectivity_changed"], 4)
    assert left_out == []
    assert problems(joined) == []
    xarray.testing.assert_equal(select_molecules(joined, [0, 1, 2]).drop_attrs(), own.drop_attrs())
    assert joined["molecule_id"].values[3:].tolist() == ["there.C2H6O", "there.C2H6O-2"]
    assert joined["conformer_count"].values[3:].tolist() == [5, 4]
    assert sorted(set(joined["flag"].values)) == ["", "hot"]
    assert provenance(joined)["imports"]["there"]["counts"]["connectivity_changed"] == 1
    assert len(provenance(joined)["imports"]["there"]["sha256"]["flagged.xyz"]) == 64
    ranges = row_ranges(joined)
    kept = [frame["energy"] * HARTREE for frame in ETHANOL["frames"] if frame["name"] != "broken"]
    ethanol = slice(*ranges["conformer"][3:5])
    np.testing.assert_allclose(joined["energy"].values[ethanol], kept, rtol=1e-8)


def test_imported_molecule_with_too_few_conformers_left_is_named(xtb_set, flagged):
    own = select_molecules(xtb_set, [0])
    joined, left_out = join_imports(own, {"there": flagged}, ["connectivity_changed", "hot"], 5)
    assert joined["molecule_id"].values.tolist() == ["O"]
    assert [line["id"] for line in left_out] == ["there.C2H6O", "there.C2H6O-2"]
    assert "4 imported conformers without a flag" in left_out[0]["reason"]


def test_no_imports_change_nothing(xtb_set):
    joined, left_out = join_imports(xtb_set, {}, ["hot"], 99)
    xarray.testing.assert_identical(joined, xtb_set)
    assert left_out == []


def test_twins_in_two_splits_are_an_error_that_names_both(tmp_path, xtb_set, flagged):
    """Of an import and an own molecule, and of two imports."""
    own = select_molecules(xtb_set, np.flatnonzero(xtb_set["molecule_id"].values == "CCO"))
    assert own["split"].values.tolist() == ["validation"]
    with pytest.raises(ConfigError, match=r"CCO \(validation\) and there\.C2H6O \(train\) are the"):
        join_imports(own, {"there": flagged}, [], 1)
    other = imported(tmp_path / "flagged.xyz", level_of_theory="other", split="test")
    other["molecule_id"].values[:] = ["other.a", "other.b"]
    own = select_molecules(xtb_set, [0])
    with pytest.raises(ConfigError, match=r"there\.C2H6O \(train\) and other\.a \(test\)"):
        join_imports(own, {"there": flagged, "other": other}, [], 1)


def test_one_molecule_at_two_levels_of_theory_has_two_rows(tmp_path, xtb_set, flagged):
    settings = {"format": "extxyz", "level_of_theory": "another", "split": "train"}
    other, _ = import_data("other", tmp_path / "flagged.xyz", settings)
    own = select_molecules(xtb_set, [0])
    joined, _ = join_imports(own, {"there": flagged, "other": other}, [], 1)
    levels = joined["level_of_theory"].values.tolist()
    assert levels == ["GFN2-xTB", LEVEL, LEVEL, "another", "another"]
    assert joined["molecule_id"].values[3] == "other.C2H6O"


def test_an_id_of_two_molecules_is_an_error(xtb_set, flagged):
    own = select_molecules(xtb_set, [0]).copy(deep=True)
    own["molecule_id"].values[:] = ["There.C2H6O"]
    with pytest.raises(ConfigError, match=r"there\.C2H6O stands for two molecules"):
        join_imports(own, {"there": flagged}, [], 1)
