"""`forceladder import` writes a training set, or a sentence."""

import h5py
import numpy as np
import pytest

from forceladder.cli import main
from forceladder.tables import read_table
from forceladder.training_set.dataset import (
    provenance,
    read_training_set,
)
from imported_files import ACETATE, ETHANOL, ETHER, HARTREE, near, write_extxyz, write_spice


def test_command_writes_the_training_set_and_the_rejections(tmp_path, capsys):
    write_spice(tmp_path / "a.hdf5", {"one": ETHANOL, "two": ETHER})
    with h5py.File(tmp_path / "a.hdf5", "a") as file:
        file["two/atomic_numbers"][:] = 6
    out = tmp_path / "spice.nc"
    assert (
        main(["import", "--format", "spice", "--split", "test", str(tmp_path / "a.hdf5"), str(out)])
        == 0
    )
    dataset = read_training_set(out)
    assert dataset["molecule_id"].values.tolist() == ["spice.one"]
    assert dataset["split"].values.tolist() == ["test"]
    (line,) = read_table(tmp_path / "spice.rejected.csv")
    assert (line["id"], line["code"]) == ("spice.two", "atoms_disagree")
    assert "1 molecules, 1 rejected_molecules" in capsys.readouterr().out.replace(
        "4 conformers, ", ""
    )
    assert provenance(dataset)["settings"] == {"format": "spice", "split": "test"}


def test_command_takes_every_key_of_an_extxyz_import(tmp_path):
    frames = [(ACETATE, frame) for frame in near(ACETATE)]
    write_extxyz(tmp_path / "a.xyz", frames, "kcal/mol", "Hartree/bohr", keys=("e", "f"))
    options = (
        "--level GFN2-xTB --name mine --charge -1 --smiles CC(=O)[O-] "
        "--energy-key e --forces-key f --energy-unit kcal/mol --force-unit Hartree/bohr "
        "--max-conformers-per-molecule 2 --hot-kcal-per-atom 0.5"
    ).split()
    out = tmp_path / "out.nc"
    assert main(["import", "--format", "extxyz", *options, str(tmp_path / "a.xyz"), str(out)]) == 0
    dataset = read_training_set(out)
    assert dataset["molecule_id"].values.tolist() == ["mine.C2H3O2"]
    first, last = near(ACETATE)[0], near(ACETATE)[-1]
    energies = [frame["energy"] * HARTREE for frame in (first, last)]
    np.testing.assert_allclose(dataset["energy"].values, energies, rtol=1e-8)
    assert dataset["flag"].values.tolist() == ["", "hot"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--format", "spice", "absent.hdf5", "out.nc"], "absent.hdf5 does not exist"),
        (["--format", "xyz", "absent.xyz", "out.nc"], "there is no import format 'xyz'"),
        (["--format", "extxyz", "--energy-unit", "ev", "a.xyz", "out.nc"], "energy_unit 'ev'"),
    ],
)
def test_command_ends_a_mistake_with_one_sentence(
    tmp_path, capsys, monkeypatch, arguments, sentence
):
    monkeypatch.chdir(tmp_path)
    write_extxyz(tmp_path / "a.xyz", [(ETHANOL, near(ETHANOL)[0])])
    assert main(["import", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("forceladder: ")
    assert sentence in said
    assert not (tmp_path / "out.nc").exists()
