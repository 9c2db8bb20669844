"""Damaged files, and files of another kind, end in one sentence."""

import json

import h5py
import numpy as np
import pytest

from forceladder.errors import (
    ConfigError,
    CorruptFileError,
    TooManyFailuresError,
)
from forceladder.training_set.importers.collect import FORMATS, import_data
from imported_files import (
    ETHANOL,
    ETHER,
    LEVEL,
    arrow_row,
    atomic_result,
    imported,
    near,
    sdf_text,
    write_arrow,
    write_every_format,
    write_extxyz,
    write_spice,
    write_torsions,
)


@pytest.fixture
def every_format(tmp_path):
    return write_every_format(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.97])
@pytest.mark.parametrize("form", FORMATS)
def test_cut_file_ends_in_one_sentence_that_names_it(every_format, form, part):
    path, settings = every_format[form]
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(CorruptFileError) as caught:
        imported(path, form, **settings)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMATS)
def test_file_of_another_format_ends_in_one_sentence(every_format, form):
    for other, (path, _) in every_format.items():
        if other != form:
            with pytest.raises((CorruptFileError, ConfigError, TooManyFailuresError)) as caught:
                imported(path, form, level_of_theory=LEVEL)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", FORMATS)
def test_missing_file_and_empty_folder_are_the_configs_mistake(tmp_path, form):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent", tmp_path / "empty"):
        with pytest.raises((ConfigError, CorruptFileError)) as caught:
            imported(path, form, level_of_theory=LEVEL)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["energy", "forces"])
def test_extxyz_without_a_key_says_which_and_what_there_is(tmp_path, key):
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, near(ETHANOL)[0])], keys=("e_ref", "f_ref"))
    keys = {"energy_key": "e_ref", "forces_key": "f_ref"}
    del keys[{"energy": "energy_key", "forces": "forces_key"}[key]]
    with pytest.raises(ConfigError, match=f"frame 1 of .* has no '{key}'; it has .*_ref"):
        imported(tmp_path / "a.xyz", level_of_theory=LEVEL, **keys)


def test_other_formats_without_a_key_say_which(tmp_path, every_format):
    write_torsions(tmp_path / "t.npz", [ETHANOL], smiles=None)
    with pytest.raises(ConfigError, match=r"t\.npz lacks the arrays smiles; it has names, charge"):
        imported(tmp_path / "t.npz", "torsions_npz")
    write_torsions(tmp_path / "t.npz", [ETHANOL], **{"E[GFN2-xTB](Ha)": None})
    with pytest.raises(ConfigError, match=r"has 0 arrays named 'E\[…\]\(Ha\)'"):
        imported(tmp_path / "t.npz", "torsions_npz")
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        del file["ethanol/dft_total_energy"]
    with pytest.raises(ConfigError, match="ethanol lacks the datasets dft_total_energy; it has"):
        imported(tmp_path / "a.hdf5", "spice")
    record = json.loads(atomic_result(ETHANOL, near(ETHANOL)[0], 1))
    del record["properties"]["return_energy"]
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"line 1 of .*a\.jsonl .* lacks 'return_energy'"):
        imported(tmp_path / "a.jsonl", "qcschema")
    row = arrow_row(ETHANOL, near(ETHANOL))
    write_arrow(tmp_path / "a.arrow", [{k: v for k, v in row.items() if k != "coords"}])
    with pytest.raises(ConfigError, match=r"a\.arrow lacks the columns coords"):
        imported(tmp_path / "a.arrow", "openff_torsiondrives", level_of_theory=LEVEL)
    text = sdf_text(ETHANOL, near(ETHANOL)).replace("Energy QCArchive", "energy")
    (tmp_path / "a.sdf").write_text(text)
    with pytest.raises(ConfigError, match=r"entry 1 of .* has no property 'Energy QCArchive'"):
        imported(tmp_path / "a.sdf", "openff_industry", level_of_theory=LEVEL)


def test_spice_file_in_other_units_is_refused(tmp_path):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL})
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["one/conformations"].attrs["units"] = "angstrom"
    with pytest.raises(ConfigError, match="/one/conformations is in angstrom; SPICE's own"):
        imported(tmp_path / "a.hdf5", "spice")


def test_counts_that_do_not_add_up_are_damage(tmp_path):
    write_torsions(tmp_path / "t.npz", [ETHANOL], nconf=np.array([3]))
    with pytest.raises(CorruptFileError, match="counts do not add up"):
        imported(tmp_path / "t.npz", "torsions_npz")
    row = arrow_row(ETHANOL, near(ETHANOL))
    write_arrow(tmp_path / "a.arrow", [row | {"coords": row["coords"][:-3]}])
    with pytest.raises(CorruptFileError, match=r"row 0 .* 105 coordinates are not 4 times the 9"):
        imported(tmp_path / "a.arrow", "openff_torsiondrives", level_of_theory=LEVEL)


def test_unreadable_entry_of_an_sdf_is_rejected_alone(tmp_path):
    text = sdf_text(ETHANOL, near(ETHANOL))
    broken = text.replace(" O ", " Qq ", 1)
    (tmp_path / "a.sdf").write_text(broken)
    settings = {"format": "openff_industry", "level_of_theory": LEVEL}
    dataset, rejected = import_data("there", tmp_path / "a.sdf", settings)
    assert dataset["conformer_count"].values.tolist() == [3]
    assert [line["code"] for line in rejected] == ["parse_failed"]


def test_unknown_format_and_unsaid_level_of_theory_are_named(tmp_path):
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, near(ETHANOL)[0])])
    with pytest.raises(ConfigError, match="no import format 'xyz'; known are extxyz, spice"):
        imported(tmp_path / "a.xyz", "xyz")
    with pytest.raises(ConfigError, match="do not say their level of theory"):
        imported(tmp_path / "a.xyz")


@pytest.mark.parametrize("name", ["", "a/b", "_a", "x" * 41])
def test_name_of_an_import_must_begin_file_names(tmp_path, name):
    with pytest.raises(ConfigError, match="the name of an import"):
        import_data(name, tmp_path / "a.hdf5", {"format": "spice"})


def test_molecule_without_conformers_is_rejected(tmp_path):
    rows = [arrow_row(ETHANOL, near(ETHANOL)), arrow_row(ETHER, [])]
    write_arrow(tmp_path / "a.arrow", rows)
    settings = {"format": "openff_torsiondrives", "level_of_theory": LEVEL}
    dataset, rejected = import_data("there", tmp_path / "a.arrow", settings)
    assert dataset["conformer_count"].values.tolist() == [4]
    assert [line["code"] for line in rejected] == ["nothing_finished"]


def test_record_with_a_ghost_atom_is_named(tmp_path):
    record = json.loads(atomic_result(ETHANOL, near(ETHANOL)[0], 1))
    record["molecule"]["symbols"][0] = "Gh"
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="'Gh' is no element"):
        imported(tmp_path / "a.jsonl", "qcschema")
