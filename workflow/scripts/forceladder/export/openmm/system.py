"""Parameters of a molecule → an OpenMM System."""

from functools import partial

import openmm

from forceladder.energy.terms import TERMS
from forceladder.errors import ConfigError
from forceladder.export.openmm import custom, standard
from forceladder.export.openmm.nonbonded import nonbonded_force

FORCES = (
    {
        "bond_harmonic": standard.harmonic_bond_force,
        "angle_harmonic": standard.harmonic_angle_force,
        "torsion_cosine": standard.cosine_torsion_force,
        "improper_cosine": standard.cosine_improper_force,
        "out_of_plane": custom.out_of_plane_force,
    }
    | {name: partial(custom.bond_force, name) for name in custom.BOND_ENERGIES}
    | {name: partial(custom.angle_force, name) for name in custom.ANGLE_ENERGIES}
)
NONBONDED = ("lennard_jones", "coulomb")  # OpenMM has one force for both


def home(term: str) -> str:
    """Name of the force that holds a term: its own, 'nonbonded', or 'torsion_couplings' and the
    like for the couplings of one table.

    raises: ConfigError for a term that has no OpenMM force
    """
    if term in NONBONDED:
        return "nonbonded"
    if term in custom.COUPLING_ENERGIES:
        return f"{TERMS[term].table}_couplings"
    if term not in FORCES:
        raise ConfigError(f"term {term!r} has no OpenMM force yet.")
    return term


def openmm_system(parameters: dict) -> openmm.System:
    """System of one molecule in vacuum, without constraints and without the rung's correction,
    which `export.openmm.correction` attaches.

    parameters: as `molecule_parameters` returns them; kcal/mol, Å, rad
    Every force is named as `home` says, and has a force group of its own. A term without rows in
    the molecule has no force.
    """
    homes: dict[str, dict] = {}
    for name, term in parameters["terms"].items():
        if term["atoms"]:
            homes.setdefault(home(name), {})[name] = term
    system = openmm.System()
    for mass in parameters["mass"]:
        system.addParticle(mass)
    for group, (name, terms) in enumerate(homes.items()):
        if name == "nonbonded":
            force = nonbonded_force(parameters)
        else:
            force = FORCES[name](terms[name]) if name in FORCES else custom.coupling_force(terms)
        force.setName(name)
        force.setForceGroup(group)
        system.addForce(force)
    return system
