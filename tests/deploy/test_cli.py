"""`forceladder parametrize`: files that engines read, sentences, and exit codes."""

import json
import re

import numpy as np
import openmm
import pytest
from openmm import app
from rdkit import Chem
from rdkit.Chem import AllChem

import forceladder
from forceladder.cli import main
from forceladder.cli.parametrize import FORMATS
from forceladder.deploy.formats import FORMATS as WRITERS
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.tables import read_table


def cli(*words) -> int:
    return main(["parametrize", *map(str, words)])


@pytest.fixture
def sdf(tmp_path):
    mol = Chem.AddHs(Chem.MolFromSmiles("CC(=O)NCO"))
    AllChem.EmbedMolecule(mol, randomSeed=2)
    with Chem.SDWriter(str(tmp_path / "amide.sdf")) as writer:
        writer.write(mol)
    return tmp_path / "amide.sdf"


def test_help_names_every_format():
    assert set(FORMATS) == set(WRITERS)


@pytest.mark.parametrize("rung", ["class1", "class2"])
def test_openmm_reads_what_is_written_for_it(release, tmp_path, sdf, capsys, rung):
    command = ("--file", sdf, "--rung", rung, "--format", "openmm", "--out", tmp_path / "out")
    assert cli(release, *command) == 0
    printed = capsys.readouterr().out.split()
    assert printed == [str(tmp_path / "out" / f"amide.{end}") for end in ("xml", "pdb", "json")]
    system = openmm.XmlSerializer.deserialize((tmp_path / "out/amide.xml").read_text())
    pdb = app.PDBFile(str(tmp_path / "out/amide.pdb"))
    molecule = forceladder.load(release, rung).parametrize(sdf)
    elements = [atom.element.atomic_number for atom in pdb.topology.atoms()]
    assert elements == molecule.parameters["atomic_number"]
    assert pdb.topology.getNumBonds() == len(molecule.parameters["bonds"])
    x = pdb.getPositions(asNumpy=True).value_in_unit(openmm.unit.angstrom)
    np.testing.assert_allclose(x, molecule.positions(), rtol=0, atol=6e-4)  # digits of PDB
    energy, gradient = openmm_energy_and_gradient(system, x)
    expected = openmm_energy_and_gradient(molecule.to_openmm(), x)
    assert energy == pytest.approx(expected[0], abs=1e-9)
    np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-9)


def test_tables_and_parameters_are_those_of_python(release, tmp_path):
    molecule = forceladder.load(release, "class1").parametrize("CCO")
    for form in ("csv", "json"):
        command = ("--smiles", "CCO", "--rung", "class1", "--format", form, "--out", tmp_path)
        assert cli(release, *command, "--name", "ethanol") == 0
    assert json.loads((tmp_path / "ethanol.json").read_text()) == molecule.parameters
    rows = read_table(tmp_path / "ethanol.csv")
    assert [float(row["value"]) for row in rows] == [row["value"] for row in molecule.table()]


@pytest.mark.parametrize("form", ["ffxml", "lammps", "gromacs", "amber", "offxml"])
def test_files_of_other_engines_are_written(release, tmp_path, capsys, form):
    module = "forceladder.export.openmm.ffxml" if form == "ffxml" else f"forceladder.export.{form}"
    engine = pytest.importorskip(module)
    if engine.missing():
        pytest.skip(engine.missing())
    command = ("--rung", "class1", "--format", form, "--out", tmp_path / "out")
    assert cli(release, "--smiles", "CC(=O)NC", *command) == 0
    printed = capsys.readouterr().out.split()
    assert sorted(printed) == sorted(map(str, (tmp_path / "out").iterdir()))
    assert printed and all(path.startswith(str(tmp_path / "out" / "molecule")) for path in printed)


def test_what_is_unlike_the_training_set_is_said_or_refused(release, tmp_path, capsys):
    command = (release, "--smiles", "C[N+](C)(C)C", "--rung", "class1", "--format", "json")
    assert cli(*command, "--out", tmp_path / "a") == 0
    said = capsys.readouterr().err
    assert re.search(r"forceladder parametrize: N2 .* is like no atom of the training set", said)
    assert (tmp_path / "a/molecule.json").exists()
    assert cli(*command, "--out", tmp_path / "b", "--strict") == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "b").exists()


def test_a_correction_is_not_in_the_file_and_that_is_said(release, tmp_path, capsys):
    command = ("--smiles", "CCO", "--rung", "delta", "--format", "openmm", "--out", tmp_path)
    assert cli(release, *command) == 0
    assert "has no correction in it" in capsys.readouterr().err
    text = (tmp_path / "molecule.xml").read_text()
    assert "PythonForce" not in text and "CustomBondForce" in text


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--smiles", "CCl", "--rung", "class1"), "holds Cl"),
        (("--smiles", "C(C", "--rung", "class1"), "is no SMILES"),
        (("--file", "absent.sdf", "--rung", "class1"), "No such file"),
        (("--smiles", "CCO", "--rung", "class3"), "has no rung 'class3'"),
        (("--smiles", "CCO"), "name one of these rungs"),
        (("--smiles", "CCO", "--rung", "class1", "--name", "a/b"), "cannot be a name of files"),
        (("--smiles", "CCO", "--rung", "class1", "--charges", "file"), "without charges"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(release, tmp_path, capsys, words, sentence):
    assert cli(release, *words, "--format", "json", "--out", tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line and "unforeseen" not in line
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_release_is_one_sentence(tmp_path, capsys):
    assert cli(tmp_path, "--smiles", "C", "--format", "json", "--out", tmp_path / "out") == 1
    assert "is no release" in capsys.readouterr().err


def test_command_line_that_means_nothing_has_exit_code_2(release, tmp_path):
    for words in (["--smiles", "C", "--file", "m.sdf"], []):
        with pytest.raises(SystemExit) as caught:
            cli(release, *words, "--format", "json", "--out", tmp_path)
        assert caught.value.code == 2
