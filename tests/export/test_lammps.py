"""LAMMPS, reading the written files, has the energy and forces of the training code: each term of
every molecule alone, and the files as they are."""

import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from conftest import SCRIPTS
from force_fields import (
    CLASS1,
    VARIETY,
    dataset_of,
    embedded,
    geometry_of,
    random_parameters,
    random_rung,
    shaken,
    topology,
)
from forceladder.energy.terms import TERMS
from forceladder.energy.total import energy_and_gradient, term_energy_and_gradient
from forceladder.errors import ExportError
from forceladder.export.lammps import evaluate, missing, refusal, write_lammps
from forceladder.export.lammps.couplings import COUPLINGS
from forceladder.export.lammps.evaluation import energy_and_gradient as lammps_energy_and_gradient
from forceladder.export.lammps.evaluation import engine
from forceladder.export.lammps.input_file import LAMMPS_COULOMB
from forceladder.export.parameters import molecule_parameters, terms_as_tensors
from forceladder.units import COULOMB
from ladder import CLASS2, LADDER, ladder_rung

# a cage of small rings, four different neighbours, hypervalent centres, ions, halogens
MOLECULES = (
    *VARIETY, "C1C2CC12", "C1CC1C1CCC1", "C[C@](N)(F)C=O", "CS(=O)(=O)C", "C[P+](C)(C)C", "[OH-]",
    "IC#C", "CN(C)C=O", "Nc1ncccc1OCc1ccccc1",
)  # fmt: skip
SMALL = ("CC(=O)NC", "C[C@](N)(F)C=O", "CC#N", "C1C2CC12", "CC(=O)[O-]")
RUNGS = {"class1": CLASS1, "class2": CLASS2}
SEEDS = st.integers(0, 2**31)
BONDED = [term for term in TERMS if TERMS[term].table != "pair"]


@pytest.fixture(autouse=True, scope="module")
def _lammps():
    if reason := missing():
        pytest.skip(reason)


@lru_cache
def parameters_of(smiles, terms, seed=0, **network):
    model = random_rung(
        topology(smiles), seed, 0.3, terms=list(terms), fit_lennard_jones=True, **network
    )
    return molecule_parameters(model, dataset_of(smiles))[0]


def whole(parameters, positions, folder):
    """What LAMMPS makes of the files as a release has them."""
    write_lammps(parameters, positions, folder, "molecule")
    return lammps_energy_and_gradient(folder, "molecule")


def assert_equal(found, ours, message=""):
    """A million times more strictly than the proof of a release asks."""
    (energy, gradient), (our_energy, our_gradient) = found, ours
    size = 1.0 + float(our_gradient.abs().max())
    assert energy == pytest.approx(float(our_energy), rel=1e-11, abs=1e-11 * size), message
    np.testing.assert_allclose(
        gradient, our_gradient, rtol=0, atol=1e-10 * size, err_msg=str(message)
    )


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("smiles", MOLECULES)
def test_each_term_of_each_molecule_is_the_training_code(smiles, rung):
    parameters, x = parameters_of(smiles, RUNGS[rung]), shaken(smiles, 1, 0.1)
    geometry, found = geometry_of(topology(smiles), [x]), evaluate(parameters, x)
    terms = terms_as_tensors(parameters)
    assert found.keys() == {*((term,) for term in terms), *([tuple(terms)] if terms else [])}
    for term, values in terms.items():
        assert_equal(found[term,], term_energy_and_gradient(term, values, geometry), term)


@pytest.mark.parametrize("rung", RUNGS)
@settings(max_examples=25)
@given(st.sampled_from(MOLECULES), SEEDS, st.sampled_from([0.05, 0.1, 0.3]))
def test_files_as_they_are_are_the_training_code(rung, tmp_path_factory, smiles, seed, noise):
    """In one run, in which no pair or term may be there twice, or too much."""
    parameters, x = parameters_of(smiles, RUNGS[rung], seed % 3), shaken(smiles, seed, noise)
    ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology(smiles), [x]))
    assert_equal(whole(parameters, x, tmp_path_factory.mktemp("lammps")), ours)


@pytest.mark.parametrize("term", BONDED)
@settings(max_examples=6)
@given(st.sampled_from(MOLECULES[:-1]), SEEDS)
def test_term_with_the_widest_parameters_is_the_training_code(term, tmp_path_factory, smiles, seed):
    """Alone in a rung, amplitudes and couplings of both signs."""
    graph, x = topology(smiles), shaken(smiles, seed, 0.1)
    values = random_parameters(graph, seed, [term])[term]
    rows = {name: value.tolist() for name, value in values.items()}
    atoms = graph.atoms[TERMS[term].table].tolist()
    parameters = {**parameters_of(smiles, CLASS1), "terms": {term: {"atoms": atoms, **rows}}}
    ours = term_energy_and_gradient(term, values, geometry_of(graph, [x]))
    assert_equal(whole(parameters, x, tmp_path_factory.mktemp("lammps")), ours)


@pytest.mark.parametrize("smiles", ["C1CC1", "C1CCC1", "C1C2CC12", "C1CC12CC2", "CCCC", "c1ccoc1"])
def test_exclusions_and_scaling_are_those_that_openmm_finds(smiles):
    """createExceptionsFromBonds is the judge: a pair three bonds apart on one path may be one or
    two bonds apart on another."""
    parameters, x = parameters_of(smiles, CLASS1), shaken(smiles, 3, 0.1)
    judge = oracles.nonbonded_force(
        parameters["bonds"], parameters["charge"], parameters["lj_sigma"], parameters["lj_epsilon"]
    )
    energy, gradient = oracles.openmm_energy_and_gradient(judge, x)
    found = [evaluate(parameters, x)[term,] for term in ("lennard_jones", "coulomb")]
    assert sum(one[0] for one in found) == pytest.approx(energy, rel=1e-7)
    np.testing.assert_allclose(sum(one[1] for one in found), gradient, rtol=0, atol=1e-5)


@settings(max_examples=20)
@given(
    st.lists(st.floats(-20.0, 20.0), min_size=1, max_size=6), st.floats(-np.pi, np.pi), st.data()
)
def test_amplitudes_of_either_sign_are_the_series_by_hand(tmp_path_factory, amplitudes, phi, data):
    """Hydrogen peroxide turned to φ: V = Σ Vₙ (1 + cos nφ)."""
    other = parameters_of("OO", ("torsion_cosine",))
    (atoms,) = other["terms"]["torsion_cosine"]["atoms"]
    parameters = {
        **other, "terms": {"torsion_cosine": {"atoms": [atoms], "amplitude": [amplitudes]}}
    }  # fmt: skip
    x = np.zeros((4, 3))
    x[atoms] = [[1.0, 0.3, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.4],
                [np.cos(phi), np.sin(phi), 1.7]]  # fmt: skip
    turned = phi - np.arctan2(0.3, 1.0)
    expected = sum(v * (1.0 + np.cos(n * turned)) for n, v in enumerate(amplitudes, start=1))
    energy, _ = whole(parameters, x, tmp_path_factory.mktemp("lammps"))
    assert energy == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_coulombs_constant_is_ours_and_not_lammps_own(tmp_path):
    """332.06371 against 332.0637133: it shows where charges are far from one another."""
    parameters = parameters_of("CCO", CLASS1)
    charges = [100.0, *[0.0] * 7, -100.0]
    (far,) = [k for k, pair in enumerate(parameters["terms"]["coulomb"]["atoms"]) if pair == [0, 8]]
    scale = 1.0 / 1.2 if parameters["pair_is_14"][far] else 1.0
    x = embedded("CCO")
    found = evaluate({**parameters, "charge": charges}, x)["coulomb",][0]
    exact = -COULOMB * 1e4 * scale / np.linalg.norm(x[8] - x[0])
    assert found == pytest.approx(exact, rel=1e-13)
    assert abs(found - exact * LAMMPS_COULOMB / COULOMB) > 1e-3
    engine().command("units real")
    assert engine().extract_global("qqr2e") == LAMMPS_COULOMB


@pytest.mark.parametrize("rung", RUNGS)
def test_nothing_is_cut_off(rung, tmp_path):
    """Atoms hundreds of Å from one another, as in no molecule."""
    parameters, x = parameters_of("CC(=O)[O-]", RUNGS[rung]), 100.0 * embedded("CC(=O)[O-]")
    geometry, found = geometry_of(topology("CC(=O)[O-]"), [x]), evaluate(parameters, x)
    for term in {"lennard_jones", "lennard_jones_96", "coulomb"} & set(RUNGS[rung]):
        values = terms_as_tensors(parameters)[term]
        assert_equal(found[term,], term_energy_and_gradient(term, values, geometry), term)
    assert abs(found["coulomb",][0]) > 0.01


# a rung is any list of terms: harmonic wells with class II couplings, series of few orders, …
OTHER_RUNGS = (
    ("bond_harmonic",),
    ("coulomb",),
    ("lennard_jones",),
    ("lennard_jones_96",),
    ("lennard_jones_96", "coulomb", "torsion_cosine"),
    ("bond_harmonic", "angle_harmonic", "bond_angle", "angle_angle", "lennard_jones", "coulomb"),
    ("bond_quartic", "angle_harmonic", "bond_bond", "improper_cosine", "out_of_plane"),
    ("bond_harmonic", "angle_quartic", "angle_angle_13", "improper_cosine", "angle_angle"),
    ("bond_quartic", "middle_bond_torsion", "torsion_torsion"),
    ("bond_harmonic", "angle_harmonic", "torsion_cosine", "angle_angle_torsion"),
)


@pytest.mark.parametrize("terms", OTHER_RUNGS, ids=" ".join)
def test_rung_of_any_terms_is_the_training_code(terms, tmp_path):
    for smiles in SMALL:
        parameters, x = parameters_of(smiles, terms, torsion_orders=4), shaken(smiles, 4, 0.1)
        ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology(smiles), [x]))
        assert_equal(whole(parameters, x, tmp_path), ours, smiles)


def test_class_ii_without_the_three_couplings_needs_no_colvars(tmp_path):
    x = shaken("CC(=O)NC", 5, 0.1)
    assert names(write_lammps(parameters_of("CC(=O)NC", CLASS2), x, tmp_path, "molecule")) == [
        "molecule.data", "molecule.in", "molecule.colvars"
    ]  # fmt: skip
    plain = tuple(term for term in CLASS2 if term not in COUPLINGS)
    parameters = parameters_of("CC(=O)NC", plain)
    paths = write_lammps(parameters, x, tmp_path, "molecule")
    assert names(paths) == names(sorted(tmp_path.iterdir())) == ["molecule.data", "molecule.in"]
    assert "colvars" not in paths[1].read_text().lower()
    ours = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology("CC(=O)NC"), [x]))
    assert_equal(lammps_energy_and_gradient(tmp_path, "molecule"), ours)


def names(paths):
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("section", "term"),
    [("Bond", "bond_quartic"), ("BondAngle", "bond_angle"), ("AngleAngle", "angle_angle"),
     ("EndBondTorsion", "end_bond_torsion"), ("Pair", "lennard_jones_96")],
)  # fmt: skip
def test_wrong_file_has_another_energy(section, term, tmp_path):
    """The numbers that LAMMPS uses are those of the file."""
    parameters, x = parameters_of("CC(=O)NC", CLASS2), shaken("CC(=O)NC", 6, 0.1)
    energy, _ = whole(parameters, x, tmp_path)
    path = tmp_path / "molecule.data"
    before, heading, rows = path.read_text().partition(f"\n{section} Coeffs\n\n")
    first = re.search(r" (-?\d+\.\d+)(?=[ \n])", rows)
    rows = rows[: first.start(1)] + repr(1.01 * float(first[1])) + rows[first.end(1) :]
    path.write_text(before + heading + rows)
    assert abs(lammps_energy_and_gradient(tmp_path, "molecule")[0] - energy) > 1e-8


def test_file_that_lammps_cannot_run_is_a_sentence_and_harms_nothing(tmp_path):
    parameters, x = parameters_of("CCO", CLASS1), embedded("CCO")
    energy, _ = whole(parameters, x, tmp_path)
    path = tmp_path / "molecule.in"
    good = path.read_text()
    path.write_text(good.replace("bond_style harmonic", "bond_style harmonious"))
    with pytest.raises(ExportError, match=r"stops in molecule\.in .*harmonious"):
        lammps_energy_and_gradient(tmp_path, "molecule")
    path.write_text(good)
    assert lammps_energy_and_gradient(tmp_path, "molecule")[0] == energy


def test_alike_rows_are_of_one_type(tmp_path):
    """Cyclopropane with one well for all bonds, and two kinds of atoms."""
    parameters = parameters_of("C1CC1", ("bond_harmonic",))
    bonds = parameters["terms"]["bond_harmonic"]
    alike = {"atoms": bonds["atoms"], "length": [1.3] * 9, "force_constant": [700.0] * 9}
    write_lammps(
        {**parameters, "terms": {"bond_harmonic": alike}}, embedded("C1CC1"), tmp_path, "x"
    )
    data = (tmp_path / "x.data").read_text()
    assert "\n9 atoms\n2 atom types\n9 bonds\n1 bond types\n" in data
    assert "\nBond Coeffs\n\n1 350.0 1.3\n\n" in data


def test_file_has_every_digit_of_atoms(tmp_path):
    parameters, x = parameters_of("CC(=O)[O-]", CLASS2), shaken("CC(=O)[O-]", 7, 0.1)
    write_lammps(parameters, x, tmp_path, "molecule")
    _, _, rest = (tmp_path / "molecule.data").read_text().partition("Atoms # full\n\n")
    rows = np.array([line.split() for line in rest.partition("\n\n")[0].splitlines()], float)
    np.testing.assert_array_equal(rows[:, 4:], x)
    np.testing.assert_array_equal(rows[:, 3], parameters["charge"])
    assert rows[:, 3].sum() == pytest.approx(-1.0, abs=1e-12)


def test_straight_angle_has_its_energy():
    """Its forces LAMMPS shortens within 0.06° of the line."""
    parameters, x = parameters_of("CC#N", CLASS2), embedded("CC#N")
    ours = term_energy_and_gradient(
        "angle_quartic", terms_as_tensors(parameters)["angle_quartic"],
        geometry_of(topology("CC#N"), [x]),
    )  # fmt: skip
    energy, gradient = evaluate(parameters, x)["angle_quartic",]
    assert energy == pytest.approx(float(ours[0]), rel=1e-11)
    np.testing.assert_allclose(gradient, ours[1], rtol=0, atol=0.05)


def test_single_atom_has_no_energy(tmp_path):
    atom = {
        "id": "chloride", "mapped_smiles": "[Cl-:1]", "atomic_number": [17], "mass": [35.453],
        "charge": [-1.0], "lj_sigma": [4.0], "lj_epsilon": [0.2], "bonds": [], "pair_is_14": [],
        "terms": {term: {"atoms": []} for term in CLASS2},
    }  # fmt: skip
    energy, gradient = whole(atom, np.zeros((1, 3)), tmp_path)
    assert (energy, gradient.tolist()) == (0.0, [[0.0, 0.0, 0.0]])
    assert evaluate(atom, np.zeros((1, 3))) == {}
    assert run_as_a_user(tmp_path)[-1]["TotEng"] == 0.0


def run_as_a_user(folder, script="molecule.in") -> list[dict]:
    """`lmp -in molecule.in` in the folder; the rows of thermodynamic output."""
    program = shutil.which("lmp", path=os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]]))
    if program is None:
        pytest.skip("there is no program lmp")
    done = subprocess.run(
        [program, "-in", script, "-log", "none"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    warnings = set(re.findall(r"WARNING: (.*?)(?: \(src/.*)?\n", done.stdout))
    assert warnings <= {
        "No fixes with time integration, atoms won't move",
        "Using fix colvars with minimization",
    }
    rows, columns = [], []
    for line in done.stdout.splitlines():
        words = line.split()
        if words[:1] == ["Step"]:
            columns = words
        elif words and len(words) == len(columns):
            rows.append(dict(zip(columns, map(float, words), strict=True)))
        else:
            columns = []
    return rows


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("smiles", ["CC(=O)NC", "[H][H]", "O", "CC#N"])
def test_user_runs_the_file_as_it_is(smiles, rung, tmp_path):
    """The energy that training has, then dynamics that keep it."""
    parameters, x = parameters_of(smiles, RUNGS[rung]), embedded(smiles)
    write_lammps(parameters, x, tmp_path, "molecule")
    ours, _ = energy_and_gradient(terms_as_tensors(parameters), geometry_of(topology(smiles), [x]))
    rows = run_as_a_user(tmp_path)
    assert rows[0]["PotEng"] == pytest.approx(float(ours), abs=1e-7)
    dynamics = rows[1:]
    assert [row["Step"] for row in dynamics] == list(range(0, 201, 20))
    assert dynamics[0]["Temp"] == pytest.approx(300.0)
    energies = np.array([row["TotEng"] for row in dynamics])
    kinetic = np.array([row["TotEng"] - row["PotEng"] for row in dynamics])
    assert np.ptp(energies) < 0.1 * np.ptp(kinetic)
    parts = ("E_bond", "E_angle", "E_dihed", "E_impro", "E_vdwl", "E_coul", "f_couplings")
    total = sum(rows[0].get(part, 0.0) for part in parts)
    assert total == pytest.approx(rows[0]["PotEng"], abs=1e-6)


@pytest.mark.parametrize("rung", RUNGS)
def test_minimization_that_the_file_offers_finds_a_minimum(rung, tmp_path):
    smiles = "CC(=O)NC"
    parameters = parameters_of(smiles, RUNGS[rung])
    write_lammps(parameters, embedded(smiles), tmp_path, "molecule")
    text = (tmp_path / "molecule.in").read_text()
    head, found, _ = text.partition("# minimize 0.0 1.0e-6")
    assert found
    ending = " 10000 100000\nwrite_dump all custom minimum.dump id x y z modify sort id"
    ending += " format float %.15g\n"
    (tmp_path / "minimize.in").write_text(head + found[2:] + ending)
    rows = run_as_a_user(tmp_path, "minimize.in")
    lines = (tmp_path / "minimum.dump").read_text().split("ITEM: ATOMS id x y z\n")[1]
    x = np.array([line.split() for line in lines.splitlines()], float)[:, 1:]
    energy, gradient = energy_and_gradient(
        terms_as_tensors(parameters), geometry_of(topology(smiles), [x])
    )
    assert rows[-1]["PotEng"] == pytest.approx(float(energy), abs=1e-7)
    assert rows[-1]["PotEng"] < rows[0]["PotEng"] - 0.1
    assert float(gradient.abs().max()) < 1e-5


@pytest.mark.parametrize("rung", ["delta", "mlff"])
def test_rung_with_a_network_is_refused(rung, tmp_path):
    model = ladder_rung(topology("CO"), LADDER[rung])
    (parameters,) = molecule_parameters(model, dataset_of("CO"))
    reason = refusal(parameters)
    assert "the rung has a correction by a neural network" in reason
    with pytest.raises(ExportError, match=re.escape(reason)):
        write_lammps(parameters, embedded("CO"), tmp_path, "molecule")
    assert not list(tmp_path.iterdir())


def test_every_mechanical_term_is_written_and_an_unknown_one_refused():
    parameters = {**parameters_of("CO", CLASS1), "terms": {name: {} for name in TERMS}}
    assert refusal(parameters) is None
    parameters["terms"]["bond_quintic"] = {}
    assert "the term 'bond_quintic'" in refusal(parameters)


def test_evaluation_leaves_the_working_directory_alone():
    before = os.getcwd(), sorted(os.listdir())
    evaluate(parameters_of("CCO", CLASS2), embedded("CCO"))
    assert (os.getcwd(), sorted(os.listdir())) == before


@pytest.mark.parametrize(
    ("lack", "sentence"),
    [
        ("sys.modules['lammps'] = None", "LAMMPS is not installed; pip install lammps mpich."),
        ("sys.prefix = '/nowhere'", "LAMMPS does not start (libmpi.so.12: .*; pip install mpich"),
    ],
)
def test_what_is_not_installed_is_a_sentence(lack, sentence):
    if "prefix" in lack and not os.path.exists(f"{sys.prefix}/lib/libmpi.so.12"):
        pytest.skip("this LAMMPS finds its MPI elsewhere")
    code = f"import sys\n{lack}\nfrom forceladder.export.lammps import missing\nprint(missing())"
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    environment.pop("LD_LIBRARY_PATH", None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert re.match(sentence.replace("(", r"\("), done.stdout)
