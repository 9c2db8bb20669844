"""Two molecules pressed into each other: do they come apart, or fall into a hole?"""

import numpy as np
from rdkit import Chem

from forceladder.errors import MethodError
from forceladder.md.stability import BROKEN_BOND
from forceladder.md.watch import bond_lengths
from forceladder.molecules.connectivity import BOND_FACTOR
from forceladder.units import GAS_CONSTANT, KCAL_IN_KJ
from forceladder.validate.checks import Limit
from forceladder.validate.geometry import Start, bonds_of, minimized
from forceladder.validate.physics import rotation
from forceladder.validate.surface import Surface

CLASH = {
    "clash_broken": Limit("1", 0.0),  # minimizations and trajectories that end without a number
    # Å closer than BOND_FACTOR covalent radii, 1.26 for O and H: hydrogen bonds of class II force
    # fields, whose walls are soft, get down to 1.4
    "clash_bonding": Limit("angstrom", 0.0),
    "clash_stretch": Limit("angstrom", BROKEN_BOND),  # of a bond within a molecule
    # below two separate molecules: neutral ones bind by 25 at most (pairs of phosphinic acids)
    "clash_well": Limit("kcal/mol", 40.0),
}
TIMESTEP = 0.5  # fs
TO_ACCELERATION = KCAL_IN_KJ * 1e-4  # kcal/mol/Å/amu → Å/fs²


def clash_checks(pair: Surface, mol: Chem.Mol, start: Start, settings: dict) -> dict:
    """Check → value, see CLASH: the worst of minimizations from the contacts and orientations
    asked for, and of a short trajectory at constant energy from the deepest end of these.

    pair: of two copies, see `relatives`      mol: explicit hydrogens
    start: a minimum of the method
    settings: the config's `validation.probes`
    """
    draw = np.random.default_rng(settings["seed"])
    masses = np.array([atom.GetMass() for atom in mol.GetAtoms()] * 2)
    ends = [
        minimized(
            pair,
            contact(mol, start.positions, fraction, draw),
            settings["clash_minimization_steps"],
        )
        for fraction in settings["clash_contacts"]
        for _ in range(settings["clash_orientations"])
    ]
    whole = [end for end in ends if np.isfinite(end[1])]
    broken, frames = len(ends) - len(whole), [end[0] for end in ends]
    if whole:
        deepest = min(whole, key=lambda end: end[1])[0]
        more, survived = trajectory(
            pair, deepest, masses, settings["clash_temperature_kelvin"],
            settings["clash_md_steps"], draw,
        )  # fmt: skip
        broken, frames = broken + (not survived), frames + more
    low = min((energy for _, energy in whole), default=np.nan)
    found = {"clash_broken": broken, "clash_well": 2.0 * start.energy - low}
    return found | measures(mol, start.positions, np.array(frames))


def contact(mol, positions, fraction: float, draw) -> np.ndarray:
    """Two copies [2 atoms, 3] Å in a random orientation, their closest atoms at this fraction of
    the sum of their van der Waals radii (Bondi's, in RDKit)."""
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRvdw(atom.GetAtomicNum()) for atom in mol.GetAtoms()])
    sums = radii[:, None] + radii[None]
    one = positions - positions.mean(axis=0)
    other = one @ rotation(draw).T
    away = draw.normal(size=3)
    away /= np.linalg.norm(away)

    def ratio(shift):
        distances = np.linalg.norm(one[:, None] - (other + shift * away)[None], axis=-1)
        return (distances / sums).min()

    shift = 2.0 * np.linalg.norm(one, axis=1).max() + sums.max()
    while shift > 0.0 and ratio(shift) > fraction:
        shift -= 0.01
    return np.concatenate([one, other + shift * away])


def trajectory(surface: Surface, start, masses, temperature: float, steps: int, draw):
    """Velocity Verlet at constant energy from Maxwell's velocities at `temperature` K.

    masses: [atoms] amu
    returns: frames, every tenth step, and whether it went to its end with numbers
    """
    x, frames = np.array(start), []
    spread = np.sqrt(GAS_CONSTANT * temperature * TO_ACCELERATION / masses)
    v = draw.normal(size=x.shape) * spread[:, None]
    try:
        push = -TO_ACCELERATION * surface(x)[1] / masses[:, None]
        for step in range(1, steps + 1):
            v += 0.5 * TIMESTEP * push
            x = x + TIMESTEP * v
            energy, gradient = surface(x)
            if not (np.isfinite(energy) and np.isfinite(gradient).all()):
                return frames, False
            push = -TO_ACCELERATION * gradient / masses[:, None]
            v += 0.5 * TIMESTEP * push
            if step % 10 == 0:
                frames.append(x)
    except MethodError:
        return frames, False
    return frames, True


def measures(mol, positions, frames) -> dict[str, float]:
    """How far (Å) atoms of different molecules are within reach of a bond, and how far bonds are
    from their lengths in `positions`; the largest of all frames [frames, 2 atoms, 3]."""
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRcovalent(atom.GetAtomicNum()) for atom in mol.GetAtoms()])
    reach = BOND_FACTOR * (radii[:, None] + radii)
    bonds = bonds_of(mol)
    one, other = np.split(frames, 2, axis=1)
    distance = np.linalg.norm(one[:, :, None] - other[:, None], axis=-1)
    within = {"clash_bonding": (reach - distance).max(), "clash_stretch": 0.0}
    for part in (one, other):
        change = np.abs(bond_lengths(part, bonds) - bond_lengths(positions, bonds))
        within["clash_stretch"] = max(within["clash_stretch"], change.max(initial=0.0))
    return within
