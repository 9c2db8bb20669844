"""Relaxed geometries are minima, of the right function, with the right torsions held."""

import numpy as np
import pytest
from ase import Atoms
from ase.optimize import BFGS
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rdkit.Chem import AllChem
from rdkit.Chem.rdMolTransforms import GetDihedralDeg
from tblite.ase import TBLite

from examples import mol_of
from forceladder.errors import QMError, RelaxationError
from forceladder.molecules.relaxation import relax
from forceladder.molecules.sampling import xtb_gradient
from forceladder.qm.hessians import hessian
from forceladder.units import EV_IN_KCAL, HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM

LARGEST_GRADIENT = {  # kcal/mol/Å, of geomeTRIC's sets; 4.5e-4 Hartree/Bohr and so on
    "GAU_LOOSE": 2.5e-3 * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
    "GAU": 4.5e-4 * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
    "GAU_TIGHT": 1.5e-5 * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
}
HOOH = [2, 0, 1, 3]  # the torsion of OO, whose atoms are O O H H


def embedded(smiles, seed=1):
    """A molecule, its element symbols and an ETKDG geometry, Å."""
    mol = mol_of(smiles)
    assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    return mol, symbols, mol.GetConformer().GetPositions()


def torsion(mol, positions, atoms) -> float:
    """RDKit's angle, degrees."""
    mol.GetConformer().SetPositions(np.array(positions))
    return GetDihedralDeg(mol.GetConformer(), *atoms)


def circle(angle: float) -> float:
    """The same angle in [−180°, 180°)."""
    return (angle + 180.0) % 360.0 - 180.0


@pytest.mark.parametrize("smiles", ["OO", "CO", "CC(=O)N", "C1CC1", "C#C", "[H][H]"])
def test_minimum_is_that_of_ases_bfgs_with_tblites_own_calculator(smiles):
    mol, symbols, start = embedded(smiles)
    found = relax(xtb_gradient(mol, 0, 1), symbols, start, convergence="GAU_TIGHT")
    atoms = Atoms(symbols, start, calculator=TBLite(method="GFN2-xTB", verbosity=0))
    BFGS(atoms, logfile=None).run(fmax=1e-4, steps=500)
    assert found.converged
    assert found.energy == pytest.approx(atoms.get_potential_energy() * EV_IN_KCAL, abs=1e-3)
    ours, theirs = (
        np.sort(np.linalg.norm(x[:, None] - x[None], axis=-1).ravel())
        for x in (found.positions, atoms.get_positions())
    )
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


@pytest.mark.parametrize("convergence", LARGEST_GRADIENT)
def test_energy_and_gradient_of_the_end_are_the_functions_there(convergence):
    """The largest gradient is below the limit of the set that was asked for."""
    mol, symbols, start = embedded("CCO")
    gradient = xtb_gradient(mol, 0, 1)
    found = relax(gradient, symbols, start, convergence=convergence)
    energy, slope = gradient(found.positions)
    assert found.converged
    assert energy == pytest.approx(found.energy, abs=1e-9)
    assert np.linalg.norm(slope, axis=1).max() < LARGEST_GRADIENT[convergence]


def springs(lengths):
    """Function with a known minimum: ½ k (r − r₀)² between every two atoms, k = 500."""

    def gradient(positions):
        arrows = positions[:, None] - positions[None]
        distance = np.linalg.norm(arrows, axis=-1) + np.eye(len(positions))
        stretch = (distance - lengths) * (1 - np.eye(len(positions)))
        pull = 500.0 * (stretch / distance)[:, :, None] * arrows
        return 0.25 * 500.0 * (stretch**2).sum(), pull.sum(axis=1)

    return gradient


def test_units_are_kcal_and_angstrom_on_both_sides():
    """Springs whose minimum is an equilateral triangle of 1.7 Å and −0 kcal/mol."""
    start = np.array([[0.0, 0.0, 0.0], [1.5, 0.1, 0.0], [0.7, 1.4, 0.2]])
    found = relax(springs(1.7), ["C", "C", "C"], start, convergence="GAU_TIGHT")
    distance = np.linalg.norm(found.positions[[0, 0, 1]] - found.positions[[1, 2, 2]], axis=1)
    assert found.converged
    np.testing.assert_allclose(distance, 1.7, atol=1e-4)
    assert found.energy == pytest.approx(0.0, abs=1e-4)


# torsions that are held


@hypothesis_settings(max_examples=12)
@given(st.floats(-180.0, 180.0))
def test_held_torsion_is_at_its_angle_wherever_it_began(angle):
    mol, symbols, start = embedded("OO")
    found = relax(xtb_gradient(mol, 0, 1), symbols, start, [HOOH], [angle])
    assert found.converged
    assert abs(circle(torsion(mol, found.positions, HOOH) - angle)) < 0.1


def test_two_torsions_are_held_and_the_rest_relaxes():
    mol, symbols, start = embedded("OCCO")
    torsions, angles = [[0, 1, 2, 3], [4, 0, 1, 2]], [60.0, -90.0]
    gradient = xtb_gradient(mol, 0, 1)
    found = relax(gradient, symbols, start, torsions, angles)
    assert found.converged
    for atoms, angle in zip(torsions, angles, strict=True):
        assert abs(circle(torsion(mol, found.positions, atoms) - angle)) < 0.1
    # a torsion's gradient touches its own atoms alone
    others = sorted(set(range(len(symbols))) - {0, 1, 2, 3, 4})
    slope = gradient(found.positions)[1][others]
    assert np.abs(slope).max() < LARGEST_GRADIENT["GAU"]


def test_holding_costs_energy_and_letting_go_gives_it_back():
    mol, symbols, start = embedded("OO")
    gradient = xtb_gradient(mol, 0, 1)
    free = relax(gradient, symbols, start, convergence="GAU_TIGHT")
    held = relax(gradient, symbols, start, [HOOH], [0.0], convergence="GAU_TIGHT")
    angle = torsion(mol, free.positions, HOOH)
    same = relax(gradient, symbols, start, [HOOH], [angle], convergence="GAU_TIGHT")
    assert held.energy > free.energy + 3.0  # the cis barrier of HOOH, 7 kcal/mol in experiment
    assert same.energy == pytest.approx(free.energy, abs=1e-3)


# a Hessian to start from


@pytest.mark.parametrize("smiles", ["CCO", "CC(=O)N"])
def test_start_hessian_leads_to_the_same_minimum_in_fewer_steps(smiles):
    mol, symbols, start = embedded(smiles)
    gradient = xtb_gradient(mol, 0, 1)
    plain = relax(gradient, symbols, start, convergence="GAU_TIGHT")
    curvature = hessian(gradient, start, step=0.005)
    helped = relax(gradient, symbols, start, convergence="GAU_TIGHT", hessian=curvature)
    assert helped.converged
    assert helped.energy == pytest.approx(plain.energy, abs=1e-3)
    assert helped.steps <= plain.steps


# failures


@pytest.mark.parametrize("error", [QMError("engine_died", "no more"), ValueError("a bug of ours")])
def test_error_of_the_gradient_passes_through(error):
    """Both: geomeTRIC's own ValueErrors do not."""
    mol, symbols, start = embedded("CO")
    calls = []

    def gradient(positions):
        calls.append(positions)
        if len(calls) == 3:
            raise error
        return xtb_gradient(mol, 0, 1)(positions)

    with pytest.raises(type(error)) as caught:
        relax(gradient, symbols, start)
    assert caught.value is error


def test_where_geometric_stops_there_is_a_sentence_and_no_traceback():
    _, symbols, start = embedded("CO")
    with pytest.raises(RelaxationError, match=r"stopped after 1 steps: .* contains nan"):
        relax(lambda x: (0.0, np.full(x.shape, np.nan)), symbols, start)
    with pytest.raises(RelaxationError, match="geomeTRIC stopped after 0 steps"):
        relax(lambda x: (0.0, np.zeros((1, 3))), ["C"], np.zeros((1, 3)))


def test_too_few_steps_are_no_error_and_say_so():
    mol, symbols, start = embedded("CCO")
    gradient = xtb_gradient(mol, 0, 1)
    found = relax(gradient, symbols, start, max_steps=2)
    assert not found.converged
    assert found.steps == 3  # the start is none
    assert gradient(found.positions)[0] == pytest.approx(found.energy, abs=1e-9)


def test_start_that_geometric_would_not_come_back_from_is_refused():
    """A held torsion through a straight angle, atoms upon each other, and what is no number."""
    mol, symbols, start = embedded("OO")
    gradient = xtb_gradient(mol, 0, 1)
    straight, fallen, lost = start.copy(), start.copy(), start.copy()
    straight[2] = 2 * start[0] - start[1]
    fallen[2] = start[0]
    lost[0, 0] = np.nan
    for bad in (straight, fallen):
        with pytest.raises(RelaxationError, match="the held torsion 3-1-2-4 is straight at atom 1"):
            relax(gradient, symbols, bad, [HOOH], [90.0])
    with pytest.raises(RelaxationError, match="is not finite"):
        relax(gradient, symbols, lost)


def test_nothing_is_left_on_disk_or_said(tmp_path, monkeypatch, scratch_root, capfd):
    mol, symbols, start = embedded("OO")
    monkeypatch.chdir(tmp_path)
    relax(xtb_gradient(mol, 0, 1), symbols, start, [HOOH], [120.0])
    assert list(tmp_path.iterdir()) == [scratch_root]
    assert list(scratch_root.iterdir()) == []
    assert capfd.readouterr() == ("", "")
