"""Independent answers: OpenMM's own forces, and energies written out in NumPy."""

import math

import numpy as np
import openmm
from openmm import unit

from forceladder.training_set.dataset import row_ranges
from forceladder.units import COULOMB

KCAL, ANGSTROM = unit.kilocalorie_per_mole, unit.angstrom


def openmm_energy_and_gradient(force, positions):
    """Energy (kcal/mol) and gradient (kcal/mol/Å) of one force, Reference platform."""
    system = openmm.System()
    for _ in range(len(positions)):
        system.addParticle(1.0)
    system.addForce(force)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions * ANGSTROM)
    state = context.getState(getEnergy=True, getForces=True)
    forces = state.getForces(asNumpy=True).value_in_unit(KCAL / ANGSTROM)
    return state.getPotentialEnergy().value_in_unit(KCAL), -forces


def bond_force(atoms, values):
    force = openmm.HarmonicBondForce()
    for (i, j), length, k in zip(atoms, values["length"], values["force_constant"], strict=True):
        force.addBond(i, j, length * ANGSTROM, k * KCAL / ANGSTROM**2)
    return force


def angle_force(atoms, values):
    force = openmm.HarmonicAngleForce()
    for ends, angle, k in zip(atoms, values["angle"], values["force_constant"], strict=True):
        force.addAngle(*ends, angle * unit.radian, k * KCAL / unit.radian**2)
    return force


def torsion_force(atoms, values):
    force = openmm.PeriodicTorsionForce()
    for ends, amplitudes in zip(atoms, values["amplitude"], strict=True):
        for n, amplitude in enumerate(amplitudes, start=1):  # phase π turns the sign of V
            sign, phase = (1.0, 0.0) if amplitude >= 0.0 else (-1.0, math.pi)
            force.addTorsion(*ends, n, phase, sign * amplitude * KCAL)
    return force


def torsion_offset(values) -> float:
    """V (1 + cos x) − |V| (1 + cos(x − π)) = 2 V where V < 0: `torsion_force` is that higher."""
    return 2.0 * float(np.minimum(values["amplitude"], 0.0).sum())


def improper_force(atoms, values):
    """Mean over the six orders of the neighbours, the centre first."""
    force = openmm.CustomTorsionForce("k*(1-cos(2*theta))/6")
    force.addPerTorsionParameter("k")
    for (centre, a, b, c), k in zip(atoms, values["amplitude"], strict=True):
        for i, j, m in ((a, b, c), (b, c, a), (c, a, b), (b, a, c), (a, c, b), (c, b, a)):
            force.addTorsion(centre, i, j, m, [k * KCAL])
    return force


def lennard_jones_force(atoms, values):
    force = openmm.CustomBondForce("4*epsilon*((sigma/r)^12-(sigma/r)^6)")
    force.addPerBondParameter("sigma")
    force.addPerBondParameter("epsilon")
    for (i, j), sigma, epsilon in zip(atoms, values["sigma"], values["epsilon"], strict=True):
        force.addBond(i, j, [sigma * ANGSTROM, epsilon * KCAL])
    return force


def coulomb_force(atoms, values):
    """Exceptions alone: OpenMM's own Coulomb constant on products of its own."""
    force = openmm.NonbondedForce()
    for _ in range(1 + max((max(pair) for pair in atoms), default=-1)):
        force.addParticle(0.0, 1.0, 0.0)
    for (i, j), product in zip(atoms, values["charge_product"], strict=True):
        force.addException(i, j, product, 1.0, 0.0)
    return force


def lennard_jones_96_force(atoms, values):
    force = openmm.CustomBondForce("epsilon*(2*(minimum/r)^9-3*(minimum/r)^6)")
    force.addPerBondParameter("minimum")
    force.addPerBondParameter("epsilon")
    for (i, j), size, depth in zip(atoms, values["minimum"], values["epsilon"], strict=True):
        force.addBond(i, j, [size * ANGSTROM, depth * KCAL])
    return force


def angle_angle_13_force(atoms, values):
    force = openmm.CustomCompoundBondForce(4, "m*(angle(p1,p2,p3)-first)*(angle(p2,p3,p4)-second)")
    for name in ("m", "first", "second"):
        force.addPerBondParameter(name)
    for row, ends in enumerate(atoms):
        angles = (values[name][row] * unit.radian for name in ("angle_1", "angle_2"))
        force.addBond(ends, [values["coupling"][row] * KCAL / unit.radian**2, *angles])
    return force


def bond_angle_13_force(atoms, values):
    """Each end bond with the angle at the other end."""
    force = openmm.CustomCompoundBondForce(
        4,
        "(c1+t1*turn)*(distance(p1,p2)-b1)*(angle(p2,p3,p4)-a2)"
        "+(c3+t3*turn)*(distance(p3,p4)-b3)*(angle(p1,p2,p3)-a1);"
        "turn=cos(dihedral(p1,p2,p3,p4))",
    )
    units = {
        "coupling_1": KCAL / ANGSTROM, "turned_1": KCAL / ANGSTROM, "coupling_3": KCAL / ANGSTROM,
        "turned_3": KCAL / ANGSTROM, "length_1": ANGSTROM, "length_3": ANGSTROM,
        "angle_1": unit.radian, "angle_2": unit.radian,
    }  # fmt: skip
    for name in ("c1", "t1", "c3", "t3", "b1", "b3", "a1", "a2"):
        force.addPerBondParameter(name)
    for row, ends in enumerate(atoms):
        force.addBond(ends, [values[name][row] * one for name, one in units.items()])
    return force


def torsion_torsion_force(atoms, values):
    """Products of cosines and of sines of n φ₁ and m φ₂, n and m up to two."""
    orders = ((1, 1), (1, 2), (2, 1), (2, 2))
    products = [
        f"{letter}{n}{m}*{name}({n}*one)*{name}({m}*two)"
        for letter, name in (("a", "cos"), ("b", "sin"))
        for n, m in orders
    ]
    torsions = "one=dihedral(p1,p2,p3,p4);two=dihedral(p2,p3,p4,p5)"
    force = openmm.CustomCompoundBondForce(5, f"{'+'.join(products)};{torsions}")
    for letter in "ab":
        for n, m in orders:
            force.addPerBondParameter(f"{letter}{n}{m}")
    for chain, a, b in zip(atoms, values["cosine"], values["sine"], strict=True):
        force.addBond(chain, [value * KCAL for value in (*a, *b)])
    return force


FORCES = {
    "bond_harmonic": bond_force,
    "angle_harmonic": angle_force,
    "torsion_cosine": torsion_force,
    "improper_cosine": improper_force,
    "lennard_jones": lennard_jones_force,
    "coulomb": coulomb_force,
    "lennard_jones_96": lennard_jones_96_force,
    "angle_angle_13": angle_angle_13_force,
    "bond_angle_13": bond_angle_13_force,
    "torsion_torsion": torsion_torsion_force,
}


def nonbonded_force(bonds, charge, sigma, epsilon):
    """Lennard-Jones and Coulomb, exclusions and 1–4 scaling as OpenMM finds them."""
    force = openmm.NonbondedForce()
    for q, s, e in zip(charge, sigma, epsilon, strict=True):
        force.addParticle(q, s * ANGSTROM, e * KCAL)
    force.createExceptionsFromBonds([tuple(bond) for bond in bonds], 1.0 / 1.2, 0.5)
    return force


def constrained_minimum(chi, eta, net_charge) -> np.ndarray:
    """Charges at the stationary point of Σ χq + ½ηq² − λ(Σq − Q), by a dense linear solve."""
    n = len(chi)
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n] = np.diag(eta)
    matrix[n, :n] = matrix[:n, n] = 1.0
    return np.linalg.solve(matrix, np.append(-np.asarray(chi), net_charge))[:n]


def gradient_by_differences(function, x, step: float = 1e-3) -> np.ndarray:
    """∂E/∂x by five-point central differences, error of order step⁴.

    function: [many, *x.shape] → [many]
    """
    x = np.asarray(x, float)
    shifts = np.eye(x.size).reshape(-1, *x.shape) * step
    weights = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
    stack = np.concatenate([x + shift * shifts for shift, _ in weights])
    values = np.asarray(function(stack)).reshape(len(weights), -1)
    slopes = sum(w * v for (_, w), v in zip(weights, values, strict=True)) / step
    return slopes.reshape(x.shape)


def mean_square_esp_errors(dataset, charge):
    """Mean squared ESP error of every molecule over all of its grid points, by loops."""
    ranges, errors = row_ranges(dataset), []
    for m, atoms in enumerate(dataset["atom_count"].values):
        q = charge[ranges["atom"][m] : ranges["atom"][m + 1]]
        point, first, squares = ranges["grid_point"][m], ranges["position"][m], []
        for conformer in range(*ranges["conformer"][m : m + 2]):
            x = dataset["positions"].values[first : first + atoms]
            for _ in range(dataset["grid_count"].values[conformer]):
                r = np.linalg.norm(dataset["grid_positions"].values[point] - x, axis=1)
                squares.append((COULOMB * (q / r).sum() - dataset["esp"].values[point]) ** 2)
                point += 1
            first += atoms
        errors.append(np.mean(squares) if squares else 0.0)
    return np.array(errors)
