"""Baselines, against finite differences of themselves and against other programs."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from examples import mol_of
from forceladder.molecules.conformers import minimized_conformers
from forceladder.validate import baselines
from forceladder.validate.baselines import (
    ABSENT_BASELINES,
    BASELINES,
    OPENFF_SAGE,
    available_baselines,
    mmff94,
    uff,
)

MOLECULES = ["CCO", "CC(=O)[O-]", "C[NH3+]", "CC(=O)NC", "c1ccsc1"]


def distorted(smiles: str, seed: int = 0, count: int = 2):
    """The molecule, its charge, and `count` displaced geometries [count, atoms, 3] Å."""
    mol = mol_of(smiles)
    minimum = minimized_conformers(mol, 1, candidates=2, prune_rmsd=0.0, seed=1)[0]
    noise = np.random.default_rng(seed).normal(0.0, 0.05, (count, *minimum.shape))
    return mol, Chem.GetFormalCharge(mol), minimum + noise


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("smiles", MOLECULES)
def test_gradient_is_the_slope_of_the_energy(name, smiles):
    mol, charge, positions = distorted(smiles, count=1)
    _, gradient = BASELINES[name](mol, charge, positions)
    direction = np.random.default_rng(1).normal(size=positions[0].shape)
    direction /= np.linalg.norm(direction)
    step = 3e-3  # Å; two step lengths cancel the error of second order
    lengths = np.array([step, -step, 2.0 * step, -2.0 * step])
    energy, _ = BASELINES[name](mol, charge, positions + lengths[:, None, None] * direction)
    slope = (8.0 * (energy[0] - energy[1]) - (energy[2] - energy[3])) / (12.0 * step)
    assert slope == pytest.approx(float((gradient[0] * direction).sum()), rel=3e-4, abs=1e-3)


@pytest.mark.parametrize("name", BASELINES)
def test_gradients_add_up_to_no_net_force(name):
    mol, charge, positions = distorted("CC(=O)NC")
    _, gradient = BASELINES[name](mol, charge, positions)
    assert np.abs(gradient.sum(axis=1)).max() < 1e-4


@pytest.mark.parametrize("name", BASELINES)
def test_each_geometry_is_judged_by_itself(name):
    mol, charge, positions = distorted("CCO", count=3)
    together, _ = BASELINES[name](mol, charge, positions)
    alone = [BASELINES[name](mol, charge, positions[k : k + 1])[0][0] for k in range(3)]
    assert together == pytest.approx(np.array(alone), abs=1e-6)


@pytest.mark.parametrize("baseline", [mmff94, uff])
def test_energy_at_the_methods_own_minimum_is_lowest(baseline):
    mol, charge, _ = distorted("CCCO")
    with_conformer = Chem.Mol(mol)
    minimum = minimized_conformers(mol, 1, candidates=4, prune_rmsd=0.0, seed=1)[0]
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(minimum)
    with_conformer.AddConformer(conformer)
    if baseline is mmff94:
        rdForceFieldHelpers.MMFFOptimizeMolecule(with_conformer, "MMFF94", maxIters=10000)
    else:
        rdForceFieldHelpers.UFFOptimizeMolecule(with_conformer, maxIters=10000)
    relaxed = with_conformer.GetConformer().GetPositions()
    noise = np.random.default_rng(3).normal(0.0, 0.02, (20, *relaxed.shape))
    energy, gradient = baseline(mol, charge, np.concatenate([relaxed[None], relaxed + noise]))
    assert energy[0] < energy[1:].min()
    assert np.abs(gradient[0]).max() < 0.1


def test_a_molecule_without_parameters_gives_nan_and_no_exception():
    mol, charge, positions = distorted("CC#P", count=1)  # MMFF94 has no P≡C
    energy, gradient = mmff94(mol, charge, positions)
    assert np.isnan(energy).all() and np.isnan(gradient).all()


def test_each_baseline_is_there_or_says_in_a_sentence_why_not():
    assert {"MMFF94", "UFF", "GFN2-xTB"} <= set(BASELINES)
    assert {*BASELINES, *ABSENT_BASELINES} == {"MMFF94", "UFF", "GFN2-xTB", OPENFF_SAGE}
    assert not set(BASELINES) & set(ABSENT_BASELINES)
    assert all(reason.endswith(".") and "envs/" in reason for reason in ABSENT_BASELINES.values())


def test_sage_is_a_baseline_where_it_can_run(monkeypatch):
    monkeypatch.setattr(baselines, "why_no_sage", lambda: None)
    here, absent = available_baselines()
    assert list(here) == ["MMFF94", "UFF", "GFN2-xTB", OPENFF_SAGE] and not absent
    monkeypatch.setattr(baselines, "sage_energies", lambda *given: given)
    assert here[OPENFF_SAGE]("molecule", -1, "positions") == ("molecule", -1, "positions")
    monkeypatch.setattr(baselines, "why_no_sage", lambda: "no charges.")
    assert available_baselines()[1] == {OPENFF_SAGE: "no charges."}
