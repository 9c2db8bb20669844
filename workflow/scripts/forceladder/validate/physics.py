"""What every potential energy surface owes to physics, asked of what is released: the surface as
OpenMM, RDKit or tblite evaluates it."""

from collections.abc import Callable

import numpy as np

from forceladder.units import COULOMB
from forceladder.validate.checks import Limit, Unmeasured
from forceladder.validate.jumps import curvature_jump, line_jumps
from forceladder.validate.surface import Surface

# Float64 leaves 1e-9 kcal/mol and an SCF of tblite about 1e-5: what is more is a mistake, or
# single precision. A force of 1e-3 kcal/mol/Å moves no atom: the mean at 300 K is above 10.
ENERGY, FORCE = Limit("kcal/mol", 1e-4), Limit("kcal/mol/angstrom", 1e-3)
PHYSICS = {
    "rotation_energy": ENERGY,
    "rotation_force": FORCE,
    "translation_energy": ENERGY,
    "translation_force": FORCE,
    "permutation_energy": ENERGY,
    "permutation_force": FORCE,
    "mirror_energy": ENERGY,
    "mirror_force": FORCE,
    "net_force": FORCE,
    "net_torque": Limit("kcal/mol", 1e-3),
    "difference_force": FORCE,
    "difference_relative": Limit("1", 1e-5),  # of the gradient's norm
    "extensivity_energy": ENERGY,
    "extensivity_force": FORCE,
    # what is left of energy falls eightfold with twice the distance of two dipoles, fourfold
    # between a charge and a dipole
    "extensivity_decay": Limit("1", 0.25),
    "approach_energy_jump": ENERGY,
    "approach_force_jump": Limit("kcal/mol/angstrom", 1e-2),
    "approach_curvature_jump": Limit("1", 0.05),  # of the largest curvature of the line
    "line_energy_jump": ENERGY,
    "line_force_jump": Limit("kcal/mol/angstrom", 1e-2),
}

STEP = 4e-3  # Å of finite differences; Romberg's errors are of sixth order in it
CERTAIN = 3.0  # times their own error: a difference that says something
DIRECTIONS = 3  # every component of the gradient has a part in each
FAR, NEAR = 1000.0, (50.0, 100.0)  # Å between two copies
LEFT = 1e-6  # kcal/mol: less has decayed already
APPROACH = np.linspace(
    3.5, 7.5, 21
)  # Å, across the cutoffs of short-range networks; walls come later
LINE = np.linspace(-0.15, 0.15, 31)  # Å


def physics_checks(
    surface: Surface, reordered: Callable, pair: Surface, positions, net_charge: int, seed: int
) -> dict:
    """Check → value, see PHYSICS.

    reordered, pair: of `relatives`      positions: [atoms, 3] Å, best off any symmetry
    raises: MethodError where the method gives no number
    """
    draw = np.random.default_rng(seed)
    found = surface(positions)
    return (
        invariances(surface, reordered, positions, found, draw)
        | net_checks(positions, found[1])
        | difference_checks(surface, positions, found[1], draw)
        | extensivity_checks(pair, positions, found, net_charge)
        | smoothness_checks(surface, pair, positions, draw)
    )


def invariances(surface, reordered, x, found, draw) -> dict[str, float]:
    """Changes of energy (kcal/mol) and of the largest force component (kcal/mol/Å) with what must
    not change them."""
    energy, gradient = found
    turn, mirror = rotation(draw), np.array([1.0, 1.0, -1.0])
    order = draw.permutation(len(x))
    asked = {
        "rotation": (surface(x @ turn.T), gradient @ turn.T),
        "translation": (surface(x + [5.0, -7.0, 11.0]), gradient),
        "permutation": (reordered(order)(x[order]), gradient[order]),
        "mirror": (surface(x * mirror), gradient * mirror),
    }
    changes = {}
    for name, ((moved_energy, moved_gradient), expected) in asked.items():
        changes[f"{name}_energy"] = abs(moved_energy - energy)
        changes[f"{name}_force"] = np.abs(moved_gradient - expected).max()
    return changes


def net_checks(x, gradient) -> dict[str, float]:
    """Components of the net force (kcal/mol/Å) and torque (kcal/mol) about the centroid."""
    torque = np.cross(x - x.mean(axis=0), gradient).sum(axis=0)
    return {
        "net_force": np.abs(gradient.sum(axis=0)).max(), "net_torque": np.abs(torque).max()
    }  # fmt: skip


def difference_checks(surface, x, gradient, draw) -> dict:
    """The gradient against central differences of the energy along random directions.

    Romberg's scheme over three steps, whose two answers before the last bound its own error, the
    noise of an SCF included; a surface that leaves it in doubt is not measured.
    """
    errors, own = [], []
    for _ in range(DIRECTIONS):
        direction = draw.normal(size=x.shape)
        direction /= np.linalg.norm(direction)
        steps = STEP * np.array([1.0, 2.0, 4.0])
        one, two, four = (
            (surface(x + h * direction)[0] - surface(x - h * direction)[0]) / (2.0 * h)
            for h in steps
        )
        fine, coarse = (4.0 * one - two) / 3.0, (4.0 * two - four) / 3.0
        slope = (16.0 * fine - coarse) / 15.0
        errors.append(abs(slope - np.sum(gradient * direction)))
        own.append(abs(fine - coarse))
    if FORCE.most < max(errors) < CERTAIN * max(own):
        unknown = Unmeasured(f"finite differences are uncertain by {max(own):.1g} kcal/mol/Å here")
        return {"difference_force": unknown, "difference_relative": unknown}
    return {
        "difference_force": max(errors),
        "difference_relative": max(errors) / np.linalg.norm(gradient),
    }


def extensivity_checks(pair, x, found, net_charge) -> dict[str, float]:
    """Two copies far apart: twice the energy (kcal/mol), the same forces (kcal/mol/Å), and how
    what is left of the energy falls with the distance.

    Net charges repel each other by Coulomb's law, which is taken off, unless the method has no
    electrostatics. It leaves the forces, which at FAR are 3e-4 kcal/mol/Å.
    """
    energy, gradient = found

    def remainders(distance):
        """[3 directions] kcal/mol, and the largest change of a force."""
        asked = [pair(np.concatenate([x, x + shift])) for shift in distance * np.eye(3)]
        change = max(np.abs(g - np.tile(gradient, (2, 1))).max() for _, g in asked)
        return np.array([e - 2.0 * energy for e, _ in asked]), change

    far, force = remainders(FAR)
    coulomb = COULOMB * net_charge**2
    if np.abs(far).max() <= np.abs(far - coulomb / FAR).max():
        coulomb = 0.0
    near, twice = (np.abs(remainders(d)[0] - coulomb / d).sum() for d in NEAR)
    return {
        "extensivity_energy": np.abs(far - coulomb / FAR).max(),
        "extensivity_force": force,
        "extensivity_decay": twice / near if near > LEFT else 0.0,
    }


def smoothness_checks(surface, pair, x, draw) -> dict[str, float]:
    """No jumps as a second copy comes through the cutoffs, or along a random line."""
    copy = (x - x.mean(axis=0)) @ rotation(draw).T + x.mean(axis=0)
    away = draw.normal(size=3)
    away /= np.linalg.norm(away)
    start = np.concatenate([x, copy + contact_shift(x, copy, away) * away])
    moving = np.concatenate([np.zeros_like(x), np.tile(away, (len(x), 1))])
    places = APPROACH - APPROACH[0]
    approach = line_jumps(pair, start, moving, places)
    approach["curvature_jump"] = curvature_jump(pair, start, moving, places)
    direction = draw.normal(size=x.shape)
    direction /= np.linalg.norm(direction, axis=1).max()
    line = line_jumps(surface, x, direction, LINE)
    return {f"approach_{name}": value for name, value in approach.items()} | {
        f"line_{name}": value for name, value in line.items()
    }


def contact_shift(one, other, away) -> float:
    """How far along `away` [3] the other molecule is first APPROACH[0] Å from the one."""
    shift = 100.0 + 2.0 * np.abs(one).max()
    while shift > 0.0 and closest(one, other + shift * away) > APPROACH[0]:
        shift -= 0.01
    return shift


def closest(one, other) -> float:
    """Smallest distance of any atoms of two molecules, Å."""
    return float(np.linalg.norm(one[:, None] - other[None], axis=-1).min())


def rotation(draw) -> np.ndarray:
    """A random proper rotation [3, 3], uniform."""
    matrix, triangle = np.linalg.qr(draw.normal(size=(3, 3)))
    matrix *= np.sign(np.diag(triangle))
    return matrix * np.linalg.det(matrix)
