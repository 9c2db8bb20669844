"""Parameters of a molecule → an OpenMM System."""

from functools import partial

import openmm

from forceladder.energy.terms import TERMS
from forceladder.errors import ConfigError
from forceladder.export.openmm import custom, standard
from forceladder.export.openmm.chains import TERMS_IN_CHAINS, chain_forces
from forceladder.export.openmm.corners import ENERGIES as TERMS_IN_CORNERS
from forceladder.export.openmm.corners import corner_forces
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
COUPLINGS = {*TERMS_IN_CORNERS, *TERMS_IN_CHAINS}


def home(term: str) -> str:
    """Name of the forces that hold a term: its own, 'nonbonded', or 'torsion_couplings' and the
    like for the couplings of one kind of rows.

    raises: ConfigError for a term that has no OpenMM force
    """
    if term in NONBONDED:
        return "nonbonded"
    if term in TERMS_IN_CORNERS:
        return "corner_couplings"
    if term in TERMS_IN_CHAINS:
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
    for name, terms in homes.items():
        for force in forces(name, terms, parameters):
            force.setName(name)
            force.setForceGroup(system.getNumForces())
            system.addForce(force)
    return system


def forces(name: str, terms: dict[str, dict], parameters: dict) -> list[openmm.Force]:
    """Of the terms of one home."""
    if name == "nonbonded":
        return [nonbonded_force(parameters)]
    if name == "corner_couplings":
        return corner_forces(terms)
    if TERMS_IN_CHAINS & terms.keys():
        return chain_forces(terms)
    if name == "torsion_cosine" and COUPLINGS & parameters["terms"].keys():
        # bound to Custom forces anyway, where one cosine series costs less than six cosines
        return [custom.torsion_force(terms[name])]
    return [FORCES[name](terms[name])]
