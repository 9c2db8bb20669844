"""Normal modes, against ASE's own analysis and the statistics of harmonic oscillators."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.optimize import BFGS
from ase.vibrations import VibrationsData
from tblite.ase import TBLite

from forceladder.errors import MoleculeError
from forceladder.molecules.normal_modes import (
    LOWEST_WAVENUMBER,
    hessian,
    lowest_curvature,
    normal_mode_frames,
    normal_modes,
    wavenumbers,
)

WATER = ([8, 1, 1], [[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])
CARBON_DIOXIDE = ([8, 6, 8], [[0.0, 0.0, -1.15], [0.0, 0.0, 0.0], [0.0, 0.0, 1.15]])
METHANOL = (
    [6, 8, 1, 1, 1, 1],
    [[-0.36, 0.01, 0.0], [1.04, 0.1, 0.0], [-0.7, -1.03, 0.0], [-0.74, 0.51, 0.89],
     [-0.74, 0.51, -0.89], [1.36, 1.0, 0.0]],
)  # fmt: skip


def relaxed(numbers, positions) -> Atoms:
    atoms = Atoms(numbers=numbers, positions=positions)
    atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
    BFGS(atoms, logfile=None).run(fmax=1e-3, steps=200)
    return atoms


@pytest.mark.parametrize(("molecule", "count"), [(WATER, 3), (CARBON_DIOXIDE, 4), (METHANOL, 12)])
def test_wavenumbers_are_those_of_ase_and_as_many_as_there_are_vibrations(molecule, count):
    """3N − 6, or 3N − 5 for a linear molecule."""
    atoms = relaxed(*molecule)
    matrix = hessian(atoms)
    curvatures, modes = normal_modes(matrix, atoms.get_masses(), atoms.get_positions())
    expected = np.sort(VibrationsData.from_2d(atoms, matrix).get_frequencies().real)[-count:]
    assert len(curvatures) == count
    assert wavenumbers(curvatures) == pytest.approx(expected, abs=1.5)
    assert modes @ modes.T == pytest.approx(np.eye(count), abs=1e-10)


def test_modes_neither_move_nor_turn_the_molecule():
    atoms = relaxed(*METHANOL)
    masses, positions = atoms.get_masses(), atoms.get_positions()
    _, modes = normal_modes(hessian(atoms), masses, positions)
    shifts = modes.reshape(-1, len(masses), 3) / np.sqrt(masses)[:, None]
    assert np.abs((shifts * masses[:, None]).sum(axis=1)).max() < 1e-9
    centred = positions - atoms.get_center_of_mass()
    assert np.abs((np.cross(centred, shifts) * masses[:, None]).sum(axis=1)).max() < 1e-8


def test_mean_harmonic_energy_is_half_kt_a_mode():
    """Equipartition, judged with the Hessian itself; water has no mode below the floor."""
    atoms = relaxed(*WATER)
    matrix, minimum = hessian(atoms), atoms.get_positions()
    frames = normal_mode_frames(WATER[0], minimum, 0, 1, 300.0, 4000, seed=1)
    moves = (np.array(frames) - np.mean(frames, axis=0)).reshape(len(frames), -1)
    energy = 0.5 * np.einsum("fi,ij,fj->f", moves, matrix, moves).mean()
    assert energy == pytest.approx(1.5 * units.kB * 300.0, rel=0.05)  # 3 modes; error 1.3 %


def test_a_soft_torsion_is_not_thrown_about():
    """Methanol's hindered rotor at 600 K moves no further than a mode at the floor would."""
    atoms = relaxed(*METHANOL)
    masses = np.repeat(atoms.get_masses(), 3)
    frames = np.array(normal_mode_frames(METHANOL[0], METHANOL[1], 0, 1, 600.0, 200, seed=1))
    moves = (frames - frames.mean(axis=0)).reshape(len(frames), -1) * np.sqrt(masses)
    largest = np.linalg.svd(moves, compute_uv=False)[0] ** 2 / len(frames)
    assert largest < 1.4 * units.kB * 600.0 / lowest_curvature()
    assert wavenumbers(lowest_curvature()) == pytest.approx(LOWEST_WAVENUMBER)


def test_same_seed_same_frames_other_seed_others():
    first, again, other = (
        normal_mode_frames(*WATER, 0, 1, 300.0, 2, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert np.abs(np.array(first) - np.array(other)).max() > 1e-3


def test_atoms_upon_each_other_are_refused_in_a_sentence():
    with pytest.raises(MoleculeError, match="normal modes"):
        normal_mode_frames([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], 0, 1, 300.0, 1, seed=1)
