"""Sampled frames belong to the temperature that was asked for."""

import numpy as np
import pytest
from ase import Atoms
from ase.optimize import BFGS
from tblite.ase import TBLite

from examples import WATER
from forceladder.errors import MoleculeError
from forceladder.molecules.sampling import sampled_frames
from forceladder.units import EV_IN_KCAL, GAS_CONSTANT

NUMBERS = [8, 1, 1]
SETTINGS = {
    "atomic_numbers": NUMBERS, "net_charge": 0, "multiplicity": 1, "temperature": 300.0,
    "interval": 20.0, "timestep": 1.0, "friction": 20.0, "seed": 1,
}  # fmt: skip


def energies(frames):
    """GFN2-xTB energies, kcal/mol."""
    atoms = Atoms(numbers=NUMBERS, positions=WATER, calculator=TBLite(verbosity=0))
    values = []
    for frame in frames:
        atoms.set_positions(frame)
        values.append(atoms.get_potential_energy() * EV_IN_KCAL)
    return np.array(values)


@pytest.fixture(scope="module")
def bottom():
    """The minimum of water: positions and energy."""
    atoms = Atoms(numbers=NUMBERS, positions=WATER, calculator=TBLite(verbosity=0))
    BFGS(atoms, logfile=None).run(fmax=1e-4)
    return atoms.get_positions(), energies([atoms.get_positions()])[0]


@pytest.mark.parametrize("temperature", [300.0, 600.0])
def test_vibrations_hold_half_kt_each(bottom, temperature):
    """Equipartition: ⟨V − V₀⟩ = 3/2 RT for the three vibrations of water.

    A single frame spreads by √(3/2) RT, so the mean of 100 by 0.12 RT; the limit is
    three times that. Wrong units of temperature, friction or time miss it by far.
    """
    positions, minimum = bottom
    settings = {**SETTINGS, "temperature": temperature}
    frames = sampled_frames(positions=positions, count=110, **settings)[10:]
    mean = (energies(frames) - minimum).mean() / (GAS_CONSTANT * temperature)
    assert mean == pytest.approx(1.5, abs=0.37)


def test_frames_are_centred_counted_and_distinct():
    frames = sampled_frames(positions=WATER + 100.0, count=3, **SETTINGS)
    masses = Atoms(numbers=NUMBERS).get_masses()
    assert len(frames) == 3
    for frame in frames:
        np.testing.assert_allclose(masses @ frame, 0.0, atol=1e-9)
    assert not np.allclose(frames[0], frames[1])


def test_same_seed_gives_the_same_frames_and_another_seed_others():
    one, same = (sampled_frames(positions=WATER, count=2, **SETTINGS) for _ in range(2))
    other = sampled_frames(positions=WATER, count=2, **{**SETTINGS, "seed": 2})
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


def test_charge_and_multiplicity_reach_the_sampler():
    """H₂O⁺ prefers a wider angle than H₂O; the same noise leads elsewhere."""
    neutral = sampled_frames(positions=WATER, count=1, **SETTINGS)
    cation = sampled_frames(
        positions=WATER, count=1, **{**SETTINGS, "net_charge": 1, "multiplicity": 2}
    )
    assert not np.allclose(neutral, cation, atol=1e-3)


def test_failing_sampler_is_a_rejected_molecule():
    with pytest.raises(MoleculeError, match="GFN2-xTB stopped during MD at 300 K") as caught:
        sampled_frames(positions=np.zeros((3, 3)), count=1, **SETTINGS)
    assert caught.value.code == "sampling_failed"
