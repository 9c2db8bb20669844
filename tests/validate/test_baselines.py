"""Baselines, against finite differences of themselves and against other programs."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from examples import mol_of
from forceladder.errors import MethodError
from forceladder.export.openmm.evaluation import openmm_energy_and_gradient
from forceladder.molecules.conformers import minimized_conformers
from forceladder.openff.sage import why_no_sage
from forceladder.validate.baselines import BASELINES, OPENFF_SAGE, gfn2_xtb, mmff94, uff

HERE = [name for name in BASELINES if name != OPENFF_SAGE or why_no_sage() is None]
MOLECULES = ["CCO", "CC(=O)[O-]", "C[NH3+]", "CC(=O)NC", "c1ccsc1"]


def distorted(smiles: str, seed: int = 0, count: int = 2):
    """The molecule, its charge, and `count` displaced geometries [count, atoms, 3] Å."""
    mol = mol_of(smiles)
    minimum = minimized_conformers(mol, 1, candidates=2, prune_rmsd=0.0, seed=1)[0]
    noise = np.random.default_rng(seed).normal(0.0, 0.05, (count, *minimum.shape))
    return mol, Chem.GetFormalCharge(mol), minimum + noise


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("smiles", MOLECULES)
def test_gradient_is_the_slope_of_the_energy(name, smiles):
    mol, charge, positions = distorted(smiles, count=1)
    _, gradient = BASELINES[name](mol, charge).many(positions)
    direction = np.random.default_rng(1).normal(size=positions[0].shape)
    direction /= np.linalg.norm(direction)
    step = 3e-3  # Å; two step lengths cancel the error of second order
    lengths = np.array([step, -step, 2.0 * step, -2.0 * step])
    energy, _ = BASELINES[name](mol, charge).many(positions + lengths[:, None, None] * direction)
    slope = (8.0 * (energy[0] - energy[1]) - (energy[2] - energy[3])) / (12.0 * step)
    assert slope == pytest.approx(float((gradient[0] * direction).sum()), rel=3e-4, abs=1e-3)


@pytest.mark.parametrize("name", HERE)
def test_gradients_add_up_to_no_net_force(name):
    mol, charge, positions = distorted("CC(=O)NC")
    _, gradient = BASELINES[name](mol, charge).many(positions)
    assert np.abs(gradient.sum(axis=1)).max() < 1e-4


@pytest.mark.parametrize("name", HERE)
def test_each_geometry_is_judged_by_itself(name):
    mol, charge, positions = distorted("CCO", count=3)
    together, _ = BASELINES[name](mol, charge).many(positions)
    alone = [BASELINES[name](mol, charge)(positions[k])[0] for k in range(3)]
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
    energy, gradient = baseline(mol, charge).many(np.concatenate([relaxed[None], relaxed + noise]))
    assert energy[0] < energy[1:].min()
    assert np.abs(gradient[0]).max() < 0.1


def test_a_molecule_without_parameters_has_no_surface():
    mol, charge, _ = distorted("CC#P", count=1)  # MMFF94 has no P≡C
    assert mmff94(mol, charge) is None and gfn2_xtb(mol, charge) is not None


def test_a_geometry_without_a_number_is_an_error_alone_and_nan_among_many():
    """Atoms at one place: no SCF converges there."""
    mol, charge, positions = distorted("CCO", count=2)
    positions[1, 1] = positions[1, 0]
    surface = gfn2_xtb(mol, charge)
    with pytest.raises(MethodError, match="GFN2-xTB gives no energy here"):
        surface(positions[1])
    energies, gradients = surface.many(positions)
    assert np.isfinite(energies[0]) and np.isfinite(gradients[0]).all()
    assert np.isnan(energies[1]) and np.isnan(gradients[1]).all()


@pytest.mark.parametrize("name", HERE)
def test_its_system_is_the_surface(name):
    """What MD follows: OpenMM asks the same function."""
    mol, charge, positions = distorted("C[NH3+]", count=2)
    surface = BASELINES[name](mol, charge)
    system = surface.system()
    assert [system.getParticleMass(k)._value for k in range(8)] == pytest.approx(
        [atom.GetMass() for atom in mol.GetAtoms()]
    )
    for x in positions:
        energy, gradient = surface(x)
        again, same = openmm_energy_and_gradient(system, x)
        assert again == pytest.approx(energy, rel=1e-10, abs=1e-9)
        np.testing.assert_allclose(same, gradient, rtol=0, atol=1e-8)
