"""`forceladder why`: from a parameter to the molecules and QM records that taught it."""

import re

import numpy as np
import pytest

import forceladder
from examples import mol_of
from forceladder import files
from forceladder.cli import main
from forceladder.deploy.why import row_key
from forceladder.molecules.domain import atom_environments
from forceladder.release.lineage import LINEAGE
from forceladder.training_set.dataset import row_ranges
from small_releases import save_release
from small_runs import SmallRun, release, texts
from small_set import CONFORMERS, SPLITS


@pytest.fixture(scope="module")
def released(tmp_path_factory, xtb_set):
    folder = tmp_path_factory.mktemp("lineage")
    run = SmallRun(folder / "run", xtb_set)
    texts(run)
    return release(run, folder / "release")


def why(capsys, *words) -> str:
    assert main(["why", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_lineage_holds_the_records_of_the_training_set(released, xtb_set):
    lineage = files.read_json(released / LINEAGE)
    first = row_ranges(xtb_set)["conformer"]
    assert list(lineage["molecules"]) == list(xtb_set["molecule_id"].values)
    for m, entry in enumerate(lineage["molecules"].values()):
        accepted = [r["digest"] for r in entry["records"] if r["verdict"] == "accepted"]
        assert accepted == list(xtb_set["record_digest"].values[first[m] : first[m + 1]])
        assert entry["split"] == xtb_set["split"].values[m]
        assert (entry["calculations"], entry["core_seconds"]) == (5, 10.0)
    refused = [r for e in lineage["molecules"].values() for r in e["records"]][CONFORMERS]
    assert (refused["verdict"], refused["digest"]) == ("net_force", "f" * 64)


def test_environments_are_those_of_the_training_molecules(released):
    lineage = files.read_json(released / LINEAGE)
    for environment, names in lineage["environments"].items():
        expected = {s for s in SPLITS["train"] if environment in atom_environments(mol_of(s))}
        assert set(names) == expected


def test_a_parameter_is_told_with_its_teachers(released, capsys):
    """Methanol's C–O bond in dimethyl ether's place: the carbon is like methanol's, the oxygen
    is not, so nobody taught the bond; that of methanol itself is taught by methanol alone."""
    bond = ("--rung", "class1", "--term", "bond_harmonic", "--atoms")
    text = why(capsys, released, "CO", *bond, "0-1")
    table = forceladder.load(released, "class1").parametrize("CO").table()
    for row in table:
        if row["term"] == "bond_harmonic" and row["atoms"] == (0, 1):
            assert f"{row['parameter']:16s} {row['value']:.6g} {row['unit']}" in text
    assert re.findall(r"taught by (\S+):", text) == ["CO"]
    digest = files.read_json(released / LINEAGE)["molecules"]["CO"]["records"][0]["digest"]
    assert digest[:12] in text and "5 records" in text and "10 core-seconds" in text
    assert "GFN2-xTB by gfn2-xtb 0.8.0" in text
    assert "all 10 training molecules share the network's weights" in text
    text = why(capsys, released, "COC", *bond, "1-0")
    assert "COC: split test (no fit ever saw it)" in text
    assert "no training molecule has these environments together" in text


def test_rows_alike_are_counted_by_hand(released, capsys):
    """The C–H bonds of carbons with C, H, H, H: ethane's six, acetonitrile's, acetate's and
    acetaldehyde's three each."""
    bond = ("--rung", "class2", "--term", "bond_quartic", "--atoms")
    text = why(capsys, released, "CC", *bond, "0-2")
    assert "length" in text and "; 15 rows alike, " in text
    assert re.findall(r"taught by (\S+):", text) == ["CC", "CC#N", "CC(=O)[O-]", "CC=O"]


def test_a_molecule_is_told_atom_by_atom(released, capsys):
    text = why(capsys, released, "OC")  # another way to write methanol
    assert text.startswith("CO: split train (it was fitted to); 5 records (5 sampled)")
    assert "O0 is OX2: C, H: CO\n" in text
    text = why(capsys, released, "CCCl")
    assert "CCCl is not among the 14 molecules of the release." in text
    assert re.search("Cl2 is ClX1: C: nobody", text)
    text = why(capsys, released, "O")
    assert "O: split train" in text and "1 more not used" in text


def test_what_came_from_a_table_was_taught_by_nobody(tmp_path_factory, xtb_set, capsys):
    from force_fields import random_rung, topology
    from ladder import LADDER

    models = {
        rung: random_rung(topology("CCO"), 0, 0.3, terms=list(LADDER[rung])) for rung in LADDER
        if rung in ("class1", "class2")
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("table")
    run = SmallRun(folder / "run", xtb_set, models)
    texts(run)
    made = release(run, folder / "release")
    text = why(capsys, made, "CO", "--rung", "class1", "--term", "lennard_jones", "--atoms", "0")
    assert "Sage 2.3.0; no QM taught it" in text and "taught by" not in text
    text = why(capsys, made, "CO", "--rung", "class1", "--term", "coulomb", "--atoms", "0")
    assert "taught by CO" in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nonsense"], "'nonsense' is no molecule of the release, which has C1CC1, C=C, "),
        (["CO", "--atoms", "0-1"], "holds class1, class2; name one of these rungs."),
        (["CO", "--rung", "class3", "--atoms", "0-1"], "has no rung 'class3'"),
        (["CO", "--rung", "class1", "--term", "bond_quartic"], "has no term 'bond_quartic'; it"),
        (["CO", "--rung", "class1", "--term", "bond_harmonic", "--atoms", "0-9"],
         "bond_harmonic has no row of atoms 0-9 in this molecule; it has 0-1, "),
        (["CCl", "--rung", "class1", "--atoms", "0-1"], "holds Cl; this release was fitted to C,"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_sentence(released, capsys, words, sentence):
    assert main(["why", str(released), *words]) == 1
    answer = capsys.readouterr()
    assert sentence in answer.err and answer.err.count("\n") == 1 and answer.out == ""


def test_a_release_without_lineage_says_so(tmp_path, capsys):
    assert main(["why", str(save_release(tmp_path / "old")), "CO"]) == 1
    assert "has no lineage.json.xz: assemble it again" in capsys.readouterr().err
    files.write_json(tmp_path / "old" / LINEAGE, [])
    assert main(["why", str(tmp_path / "old"), "CO"]) == 1
    assert "is no lineage" in capsys.readouterr().err


def test_a_row_has_one_key_from_either_end():
    names = ["a", "b", "c"]
    assert row_key((0, 1, 2), names) == row_key((2, 1, 0), names)
    assert row_key((0, 2, 1), names) != row_key((0, 1, 2), names)
    assert np.unique([row_key(p, names) for p in ((0, 1), (1, 0))], axis=0).shape == (1, 2)
