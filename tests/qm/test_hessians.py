"""Hessians against closed forms, against ASE's vibrations and against rigid motions."""

import numpy as np
import pytest
from ase import Atoms
from ase.optimize import BFGS
from ase.vibrations import Vibrations, VibrationsData
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from tblite.ase import TBLite

from examples import mol_of
from forceladder.errors import QMError
from forceladder.molecules.sampling import xtb_gradient
from forceladder.qm.hessians import hessian, vibrational_basis
from forceladder.units import EV_IN_KCAL

TETRAHEDRON = np.array([[0, 0, 0], [1, 1, 1], [-1, -1, 1], [1, -1, -1], [-1, 1, -1]]) * 0.63
ROD = np.outer([0.0, 1.06, 2.26, 3.32], [0.0, 0.0, 1.0])  # acetylene's atoms


def spring_network(rest, seed=0):
    """Springs between every two points, relaxed at `rest`: its gradient function, and its exact
    Hessian there, Σ k n nᵀ over the pairs."""
    count = len(rest)
    stiffness = np.random.default_rng(seed).uniform(50, 500, (count, count))
    stiffness = np.triu(stiffness, 1) + np.triu(stiffness, 1).T
    lengths = np.linalg.norm(rest[:, None] - rest[None], axis=-1)

    def gradient(positions):
        arrows = positions[:, None] - positions[None]
        distance = np.linalg.norm(arrows, axis=-1) + np.eye(count)
        pull = stiffness * (distance - lengths) / distance  # of an atom on itself: none
        return 0.0, (pull[:, :, None] * arrows).sum(axis=1)

    exact = np.zeros((count, 3, count, 3))
    for i in range(count):
        for j in range(i):
            unit = (rest[i] - rest[j]) / lengths[i, j]
            block = stiffness[i, j] * np.outer(unit, unit)
            exact[i, :, i] += block
            exact[j, :, j] += block
            exact[i, :, j] -= block
            exact[j, :, i] -= block
    return gradient, exact.reshape(3 * count, 3 * count)


def rigid_motions(positions):
    """Six displacements [6, 3 atoms] that move or turn the whole."""
    centred = positions - positions.mean(axis=0)
    shifts = [np.tile(axis, len(positions)) for axis in np.eye(3)]
    return np.array(shifts + [np.cross(axis, centred).ravel() for axis in np.eye(3)])


@given(st.integers(0, 1000))
def test_hessian_of_springs_is_their_closed_form(seed):
    rest = TETRAHEDRON + np.random.default_rng(seed).normal(scale=0.1, size=TETRAHEDRON.shape)
    gradient, exact = spring_network(rest, seed)
    np.testing.assert_allclose(hessian(gradient, rest, 1e-3), exact, atol=1e-2)  # of up to 1500


def test_error_falls_with_the_square_of_the_step():
    gradient, exact = spring_network(TETRAHEDRON)
    coarse, fine = (np.abs(hessian(gradient, TETRAHEDRON, h) - exact).max() for h in (0.08, 0.04))
    assert coarse / fine == pytest.approx(4.0, rel=0.1)


@given(st.integers(2, 12), st.integers(0, 1000), st.floats(0.3, 30.0))
def test_basis_is_orthonormal_and_blind_to_rigid_motions(atoms, seed, size):
    """3 N − 6 directions, or one for two atoms; whatever the unit of length."""
    positions = size * np.random.default_rng(seed).normal(size=(atoms, 3))
    basis = vibrational_basis(positions)
    assert len(basis) == max(3 * atoms - 6, 1)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-10)
    rigid = rigid_motions(positions)
    rigid /= np.linalg.norm(rigid, axis=1, keepdims=True)
    np.testing.assert_allclose(basis @ rigid.T, 0.0, atol=1e-10)


@given(st.floats(0.0, 1e-3), st.integers(0, 100), st.booleans())
def test_linear_molecule_has_3n_minus_5_however_it_lies(noise, seed, turned):
    """Relaxed ones are straight to 0.001 Å, not to the last digit."""
    random = np.random.default_rng(seed)
    positions = ROD + noise * random.normal(size=ROD.shape)
    if turned:
        positions = Rotation.random(random_state=seed).apply(positions)
    assert vibrational_basis(positions).shape == (7, 12)


def test_both_bends_of_a_linear_molecule_are_there():
    """Straight springs with two transverse ones: ½ k (x² + y²) of what leaves the line."""
    rod = np.outer([0.0, 1.1, 2.2, 3.3], [0.0, 0.0, 1.0])
    noise = 1e-6 * np.random.default_rng(1).normal(size=rod.shape)

    def gradient(positions):
        across = positions[1:-1, :2] - 0.5 * (positions[:-2, :2] + positions[2:, :2])
        slope = np.zeros_like(positions)
        slope[1:-1, :2] += across
        slope[:-2, :2] -= 0.5 * across
        slope[2:, :2] -= 0.5 * across
        return 0.0, slope

    second_difference = np.array([[-0.5, 1.0, -0.5, 0.0], [0.0, -0.5, 1.0, -0.5]])
    across_the_line = np.diag([1.0, 1.0, 0.0])
    exact = np.kron(second_difference.T @ second_difference, across_the_line)
    found = hessian(gradient, rod + noise, 0.005)
    np.testing.assert_allclose(found, exact, atol=1e-5)
    assert np.linalg.matrix_rank(exact) == 4  # cis and trans bend, twice each


def test_rigid_motions_have_no_curvature_and_the_matrix_is_symmetric():
    gradient, _ = spring_network(TETRAHEDRON)
    start = TETRAHEDRON + 0.05  # and no minimum is needed for that
    matrix = hessian(gradient, 1.1 * start, 0.005)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
    np.testing.assert_allclose(matrix @ rigid_motions(1.1 * start).T, 0.0, atol=1e-9)


def test_turned_molecule_has_the_turned_hessian():
    mol = mol_of("CO")
    atoms = relaxed_methanol()
    turn = Rotation.random(random_state=3).as_matrix()
    gradient = xtb_gradient(mol, 0, 1)
    one = hessian(gradient, atoms.get_positions(), 0.005)
    two = hessian(gradient, atoms.get_positions() @ turn.T + [5.0, -3.0, 1.0], 0.005)
    everywhere = np.kron(np.eye(len(atoms)), turn)
    np.testing.assert_allclose(two, everywhere @ one @ everywhere.T, atol=0.5)  # of up to 1000
    np.testing.assert_allclose(np.linalg.eigvalsh(two), np.linalg.eigvalsh(one), atol=0.5)


def relaxed_methanol() -> Atoms:
    """GFN2-xTB's minimum, in the order of mol_of('CO')."""
    positions = [[-0.36, 0.01, 0.0], [1.04, 0.1, 0.0], [-0.7, -1.03, 0.0], [-0.74, 0.51, 0.89],
                 [-0.74, 0.51, -0.89], [1.36, 1.0, 0.0]]  # fmt: skip
    atoms = Atoms("COH4", positions, calculator=TBLite(method="GFN2-xTB", verbosity=0))
    BFGS(atoms, logfile=None).run(fmax=1e-4, steps=300)
    return atoms


def test_wavenumbers_of_methanol_are_those_of_ases_vibrations(tmp_path):
    """All twelve, of every Cartesian displacement by ASE."""
    atoms = relaxed_methanol()
    matrix = hessian(xtb_gradient(mol_of("CO"), 0, 1), atoms.get_positions(), 0.005)
    ours = VibrationsData.from_2d(atoms, matrix / EV_IN_KCAL).get_frequencies().real
    judge = Vibrations(atoms, name=str(tmp_path / "vib"), delta=0.005)
    judge.run()
    theirs = judge.get_frequencies().real
    np.testing.assert_allclose(np.sort(ours)[-12:], np.sort(theirs)[-12:], atol=3.0)  # 1/cm


def test_failing_gradient_passes_through():
    def gradient(positions):
        raise QMError("scf", "none")

    with pytest.raises(QMError):
        hessian(gradient, TETRAHEDRON, 0.005)


def test_single_atom_has_no_curvature():
    matrix = hessian(lambda x: (0.0, np.zeros((1, 3))), np.zeros((1, 3)), 0.005)
    np.testing.assert_array_equal(matrix, np.zeros((3, 3)))
