"""Lennard-Jones 12-6 and Coulomb: one force of OpenMM for both."""

import openmm

from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ


def nonbonded_force(parameters: dict) -> openmm.Force:
    """Lennard-Jones and Coulomb without cutoff; every pair that is not 1–5 or further is an
    exception, with the scaled parameters of 1–4 pairs and none for closer ones."""
    lj, coulomb = (parameters["terms"].get(name) for name in ("lennard_jones", "coulomb"))
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    atoms = len(parameters["mass"])
    for atom in range(atoms):
        force.addParticle(
            parameters["charge"][atom] if coulomb else 0.0,
            parameters["lj_sigma"][atom] * ANGSTROM_IN_NM if lj else 1.0,
            parameters["lj_epsilon"][atom] * KCAL_IN_KJ if lj else 0.0,
        )
    near = {(i, j) for i in range(atoms) for j in range(i + 1, atoms)}
    listed = (lj or coulomb)["atoms"]
    for row, ((i, j), is_14) in enumerate(zip(listed, parameters["pair_is_14"], strict=True)):
        near.discard((i, j))
        if is_14:
            force.addException(
                i, j, coulomb["charge_product"][row] if coulomb else 0.0,
                lj["sigma"][row] * ANGSTROM_IN_NM if lj else 1.0,
                lj["epsilon"][row] * KCAL_IN_KJ if lj else 0.0,
            )  # fmt: skip
    for i, j in sorted(near):
        force.addException(i, j, 0.0, ANGSTROM_IN_NM, 0.0)
    return force
