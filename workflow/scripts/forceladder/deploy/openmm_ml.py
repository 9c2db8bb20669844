"""A release as a potential of openmm-ml: MLPotential("forceladder", release=…, molecule=…).

openmm-ml loads this module by its entry point in the middle of its own import, so nothing of it is
imported here; what it wants of a potential are the methods below. Where forceladder is used
without being installed, `register` does what the entry point would.

Supported are topologies that are one molecule in vacuum, of any rung. Mixed systems are not: a
network for a ligand inside a System of another force field would need the parameters of both on one
nonbonded force. For class1 that is what `forceladder.template_generator` does.
"""

import openmm

from forceladder.deploy.force_field import load
from forceladder.errors import MoleculeError, ReleaseError

NAME = "forceladder"


class ForceLadderFactory:
    """What MLPotential asks for a potential by its name."""

    def createImpl(self, name: str, **options) -> "ForceLadderPotential":
        """options: release, the folder; molecule, as `ForceField.parametrize` takes it; and rung,
        charges and strict, where wanted"""
        known = {"release", "molecule", "rung", "charges", "strict"}
        if not {"release", "molecule"} <= options.keys() <= known:
            raise ReleaseError(
                f"MLPotential({name!r}) takes release and molecule, and may take rung, charges and "
                f"strict; it was given {', '.join(sorted(options)) or 'none of them'}."
            )
        field = load(options["release"], options.get("rung"))
        asked = {key: options[key] for key in ("charges", "strict") if key in options}
        return ForceLadderPotential(field.parametrize(options["molecule"], **asked))


class ForceLadderPotential:
    """The forces of one molecule; molecule: ParametrizedMolecule."""

    def __init__(self, molecule):
        self.molecule = molecule

    def addForces(self, topology, system, atoms, forceGroup, **options):
        """Add the forces of every term, and of the correction, to a System of openmm-ml.

        raises: MoleculeError for another topology than the molecule's, or a part of one
        """
        self.check_topology(topology, atoms)
        if topology.getPeriodicBoxVectors() is not None:
            raise MoleculeError(
                "periodic", "the molecule is in vacuum; give a topology without a periodic box."
            )
        ours = self.molecule.to_openmm()  # named, because its forces die with it
        for force in ours.getForces():
            force = openmm.XmlSerializer.clone(force)
            force.setForceGroup(forceGroup)
            system.addForce(force)

    def check_topology(self, topology, atoms):
        parameters = self.molecule.parameters
        count = topology.getNumAtoms()
        if atoms is not None and list(atoms) != list(range(count)):
            raise MoleculeError(
                "mixed_system",
                "mixed systems are not supported, only topologies that are the molecule as a "
                "whole; for a ligand of class1 use forceladder.template_generator.",
            )
        numbers = [atom.element and atom.element.atomic_number for atom in topology.atoms()]
        bonds = {frozenset((one.index, other.index)) for one, other in topology.bonds()}
        if numbers != parameters["atomic_number"] or (
            bonds and bonds != set(map(frozenset, parameters["bonds"]))
        ):
            raise MoleculeError(
                "atoms_disagree",
                f"the atoms or bonds of the topology are not those of {parameters['id']}, in the "
                "same order; give both the same, as a mapped SMILES or a file.",
            )

    def getSupportedEmbeddings(self) -> list[str]:
        """Of mixed systems: none of our own."""
        return []

    def getMLLongRange(self) -> None:
        """Whether it is of long range in a periodic box: there is none."""


def register():
    """Make the name known to an openmm-ml that found no entry point."""
    from openmmml import MLPotential

    MLPotential.registerImplFactory(NAME, ForceLadderFactory())
