"""A molecule with its parameters, ready for an engine."""

import re

import numpy as np
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from forceladder.deploy.table import COLUMNS, parameter_rows
from forceladder.errors import ExportError, MissingProgramError
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.system import openmm_system
from forceladder.molecules.conformers import minimized_conformers
from forceladder.tables import write_table

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def plain_name(name: str) -> str:
    """A name of files that every engine can read, and that leads into no other folder.

    raises: ExportError
    """
    if not PLAIN.fullmatch(name):
        raise ExportError(
            f"{name!r} cannot be a name of files: engines read letters, digits and _.+- only."
        )
    return name


class ParametrizedMolecule:
    """mol: RDKit molecule with hydrogens; ensemble: what each member of the force field says, plain
    JSON, kcal/mol, Å, rad, e; parameters: the first of them; model: the one that wrote these;
    warnings: sentences on what is unlike the molecules that it was fitted to; source: its name."""

    def __init__(self, mol, ensemble: list[dict], model, warnings: list[str], source: str):
        self.mol, self.ensemble, self.model = mol, ensemble, model
        self.parameters = ensemble[0]
        self.warnings, self.source = warnings, source

    def __str__(self) -> str:
        """What it is and what it has, in a few lines."""
        mol, parameters = self.mol, self.parameters
        rows = {name: len(term["atoms"]) for name, term in parameters["terms"].items()}
        lines = [
            f"{parameters['id']}: {CalcMolFormula(mol)}, {mol.GetNumAtoms()} atoms; {self.source}",
            ", ".join(f"{count} {name}" for name, count in rows.items() if count),
        ]
        if self.model.correction is not None:
            lines.append("a correction by a neural network")
        if charges := parameters.get("charge"):
            lines.append(
                f"charges {min(charges):.3f} to {max(charges):.3f} e, sum {sum(charges):.3f}"
            )
        lines += [f"unlike the training set: {sentence}" for sentence in self.warnings]
        return "\n".join(line for line in lines if line)

    def table(self) -> list[dict]:
        """One row per number: term, atoms (counted from 0), parameter, value, unit; uncertainty,
        the standard deviation over the members of the force field, None where it has but one.

        Lennard-Jones and Coulomb rows are those of atoms, from which pairs follow. The weights of
        a correction are no parameters of the molecule, so they have no row.
        """
        return parameter_rows(self.ensemble)

    def write_table(self, path):
        """`table` as CSV, the atoms of a row joined by hyphens."""
        rows = [row | {"atoms": "-".join(map(str, row["atoms"]))} for row in self.table()]
        write_table(path, rows, COLUMNS)

    def positions(self, seed: int = 0) -> np.ndarray:
        """The geometry that the molecule came with, else a conformer to start from,
        [atoms, 3] Å.

        A stereocentre that was left open is whatever the conformer happens to have.
        raises: MoleculeError conformer_failed
        """
        if self.mol.GetNumConformers():
            return self.mol.GetConformer().GetPositions()
        return minimized_conformers(self.mol, 1, candidates=10, prune_rmsd=0.0, seed=seed)[0]

    def to_openmm(self):
        """An openmm.System in vacuum.

        The correction of a rung that has one is a Python force: store `parameters` and the
        release, not this System, which OpenMM would write as a pickle.
        """
        system = openmm_system(self.parameters)
        if self.model.correction is None:
            return system
        return attach_correction(system, self.model, self.parameters)

    def topology(self):
        """The molecule as an openmm.app.Topology: one residue, atoms in their order."""
        from forceladder.export.openmm.ffxml import topology

        return topology(self.parameters)

    def to_ase(self):
        """An ase.Atoms with a calculator of the whole rung, its correction included; eV and Å.

        raises: MissingProgramError where ASE is not installed
        """
        try:
            from forceladder.deploy.ase_calculator import ase_atoms
        except ModuleNotFoundError as error:
            if error.name != "ase":
                raise
            raise MissingProgramError("ASE is not installed; pip install ase.") from None
        return ase_atoms(self)

    def to_ffxml(self, folder, name: str = "molecule") -> list:
        """Write a file for openmm.app.ForceField, beside AMBER's proteins and water; its path.

        raises: ExportError with a sentence, here and below, where the engine has no such terms
        """
        from forceladder.export.openmm.ffxml import write_ffxml

        return write_ffxml(self.parameters, None, folder, plain_name(name))  # no positions in it

    def to_lammps(self, folder, name: str = "molecule") -> list:
        """Write LAMMPS's data file and input; the paths written."""
        from forceladder.export.lammps import write_lammps

        return write_lammps(self.parameters, self.positions(), folder, plain_name(name))

    def to_gromacs(self, folder, name: str = "molecule") -> list:
        """Write GROMACS's .top and .gro; the paths written."""
        from forceladder.export.gromacs import write_gromacs

        return write_gromacs(self.parameters, self.positions(), folder, plain_name(name))

    def to_amber(self, folder, name: str = "molecule") -> list:
        """Write AMBER's .prmtop and .inpcrd; the paths written."""
        from forceladder.export.amber import write_amber

        return write_amber(self.parameters, self.positions(), folder, plain_name(name))

    def to_offxml(self, folder, name: str = "molecule") -> list:
        """Write a bespoke SMIRNOFF force field; the paths written."""
        from forceladder.export.offxml import write_offxml

        return write_offxml(self.parameters, None, folder, plain_name(name))  # no positions in it
