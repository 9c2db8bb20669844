"""A top and a gro are the force field, by GROMACS and by two readers of its files."""

import shutil
import warnings

import numpy as np
import openmm
import pytest
from openmm import app, unit

from exports import CHLORIDE, EXPORTED, assert_agrees, exported, ours, place
from force_fields import CLASS1
from forceladder.errors import ExportError, MissingProgramError
from forceladder.export.gromacs import evaluate, evaluation, missing, write_gromacs
from forceladder.export.openmm.evaluation import CLASS1_FORCES, force_groups

GROUPS = CLASS1_FORCES | {"CustomNonbondedForce": ("lennard_jones", "coulomb")}


@pytest.fixture
def gmx(monkeypatch):
    """Function: let the evaluation use this program. Without it a test is skipped."""

    def use(program: str):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on PATH")
        monkeypatch.setattr(evaluation, "PROGRAMS", (program,))

    return use


@pytest.mark.parametrize("smiles", EXPORTED)
def test_gromacs_in_double_precision_is_the_training_code(smiles, gmx):
    gmx("gmx_d")
    parameters, x = exported(smiles), place(smiles)
    found = evaluate(parameters, x)
    assert_agrees(smiles, parameters, found, x, 1e-6, 1e-6)
    if len(found) < 2:
        return
    *parts, whole = found  # what a release holds: all terms in one file
    assert [name for names in parts for name in names] == list(whole)


@pytest.mark.parametrize("smiles", ["CC(=O)NC", "C1CC12CC2", "C[N+](=O)[O-]", "CC#N"])
def test_gromacs_in_single_precision_is_the_training_code_within_its_own(smiles, gmx):
    gmx("gmx")
    parameters, x = exported(smiles), place(smiles)
    for names, (energy, gradient) in evaluate(parameters, x).items():
        expected, expected_gradient = ours(smiles, parameters, names, x)
        size = 1.0 + np.abs(expected_gradient).max()
        assert abs(energy - expected) < evaluation.SINGLE * (1.0 + abs(expected)), names
        assert np.abs(gradient - expected_gradient).max() < evaluation.SINGLE * size, names


def read(path, gro):
    """The System that OpenMM makes of a top, and positions Å of the gro."""
    coordinates = app.GromacsGroFile(str(gro))
    system = app.GromacsTopFile(str(path)).createSystem(
        nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False, removeCMMotion=False
    )
    return system, np.array(coordinates.getPositions(asNumpy=True).value_in_unit(unit.angstrom))


@pytest.mark.parametrize("smiles", EXPORTED)
def test_openmm_reads_the_same_from_the_files(smiles, tmp_path):
    for seed in range(3):
        parameters, x = exported(smiles, seed), place(smiles, seed)
        top, gro, _ = write_gromacs(parameters, x, tmp_path, "molecule")
        system, positions = read(top, gro)
        np.testing.assert_allclose(positions - positions[0], x - x[0], rtol=0, atol=1e-10)
        found = force_groups(system, positions, GROUPS, parameters)
        assert_agrees(smiles, parameters, found, x, 1e-6, 1e-6)


@pytest.mark.parametrize("smiles", EXPORTED)
def test_parmed_reads_the_same_from_the_files(smiles, tmp_path):
    """ParmEd takes the phase of an improper and the scaling of 1–4 pairs from the text, too."""
    parmed = pytest.importorskip("parmed")
    parameters, x = exported(smiles, 1), place(smiles, 1)
    top, *_ = write_gromacs(parameters, x, tmp_path, "molecule")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        structure = parmed.load_file(str(top))
        system = structure.createSystem(nonbondedMethod=app.NoCutoff, removeCMMotion=False)
    found = force_groups(system, x, GROUPS, parameters)
    assert_agrees(smiles, parameters, found, x, 1e-5, 1e-5)


@pytest.mark.parametrize("term", CLASS1)
def test_a_rung_of_one_term_is_that_term(term, tmp_path):
    smiles = "CC(=O)NC"
    parameters, x = exported(smiles, terms=[term]), place(smiles)
    top, gro, _ = write_gromacs(parameters, x, tmp_path, "molecule")
    system, positions = read(top, gro)
    assert_agrees(smiles, parameters, force_groups(system, positions, GROUPS, parameters), x,
                  1e-6, 1e-6)  # fmt: skip


def test_negative_amplitudes_keep_their_sign_and_add_no_constant(tmp_path):
    parameters, x = exported("CC", terms=["torsion_cosine"]), place("CC")
    rows = parameters["terms"]["torsion_cosine"]["atoms"]
    for sign in (1.0, -1.0):
        parameters["terms"]["torsion_cosine"]["amplitude"] = [[0.0, 0.0, sign * 2.0]] * len(rows)
        system, positions = read(*write_gromacs(parameters, x, tmp_path, "molecule")[:2])
        ((energy, _),) = force_groups(system, positions, GROUPS, parameters).values()
        assert np.sign(energy) == sign
        assert energy == pytest.approx(ours("CC", parameters, CLASS1, x)[0], abs=1e-9)


@pytest.mark.parametrize("smiles", ["CC(=O)[O-]", "C[NH3+]", CHLORIDE])
def test_charges_add_up_to_the_net_charge(smiles, tmp_path):
    parameters = exported(smiles)
    top, gro, _ = write_gromacs(parameters, place(smiles), tmp_path, "molecule")
    system, _ = read(top, gro)
    (force,) = [f for f in system.getForces() if isinstance(f, openmm.NonbondedForce)]
    charges = [force.getParticleParameters(k)[0]._value for k in range(force.getNumParticles())]
    np.testing.assert_allclose(charges, parameters["charge"], rtol=0, atol=1e-14)
    assert sum(charges) == pytest.approx(round(sum(charges)), abs=1e-12) and sum(charges)


def test_no_atom_meets_an_image_and_no_pair_is_cut(tmp_path):
    smiles = "CCCCCC"
    x = 3.0 * place(smiles)  # stretched beyond the smallest cutoff
    _, gro, mdp = write_gromacs(exported(smiles), x, tmp_path, "molecule")
    box = app.GromacsGroFile(str(gro)).getPeriodicBoxVectors()[0][0]._value
    settings = dict(
        line.split("=") for line in mdp.read_text().replace(" ", "").splitlines() if "=" in line
    )
    span = 0.1 * np.linalg.norm(x[:, None] - x[None], axis=-1).max()
    assert span > 1.0
    for name in ("rlist", "rcoulomb", "rvdw"):
        assert span < float(settings[name]) < box / 2.0


def test_two_molecules_of_a_release_have_no_name_in_common(tmp_path):
    """Their tops can be included in one."""
    names = []
    for smiles in ("CCO", "CCN"):
        top, *_ = write_gromacs(exported(smiles), place(smiles), tmp_path, "molecule")
        section = top.read_text().split("[ atomtypes ]\n")[1].split("\n\n")[0]
        names.append({line.split()[0] for line in section.splitlines()})
    assert not names[0] & names[1]


def test_without_gromacs_it_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "gmx" in missing()
    with pytest.raises(MissingProgramError, match="GROMACS is not installed"):
        evaluate(exported("CCO"), place("CCO"))


def test_failure_of_gromacs_is_told_in_its_words(gmx, tmp_path):
    gmx("gmx_d")
    with pytest.raises(ExportError, match=r"GROMACS failed in grompp: .*point\.mdp"):
        evaluation.run(str(tmp_path), "grompp -f point.mdp -c point.gro -p point.top -o point.tpr")
