"""A parametrized molecule as the files of an engine."""

from collections.abc import Callable
from pathlib import Path

import openmm
from rdkit import Chem

from forceladder import files
from forceladder.deploy.molecule import ParametrizedMolecule
from forceladder.export.class1 import within_columns
from forceladder.export.openmm.system import openmm_system


def write_json(molecule: ParametrizedMolecule, folder, name: str) -> list[Path]:
    """`name`.json: the parameters, with all digits and their units."""
    path = Path(folder, f"{name}.json")
    files.write_json(path, molecule.parameters)
    return [path]


def write_csv(molecule: ParametrizedMolecule, folder, name: str) -> list[Path]:
    """`name`.csv: the parameters as a table."""
    path = Path(folder, f"{name}.csv")
    molecule.write_table(path)
    return [path]


def write_openmm(molecule: ParametrizedMolecule, folder, name: str) -> list[Path]:
    """`name`.xml, the System of the mechanical terms; `name`.pdb, its atoms and a geometry; and
    `name`.json, which a correction is attached by when it is loaded."""
    system, geometry = Path(folder, f"{name}.xml"), Path(folder, f"{name}.pdb")
    files.write_text(geometry, Chem.MolToPDBBlock(with_geometry(molecule)))
    files.write_text(system, openmm.XmlSerializer.serialize(openmm_system(molecule.parameters)))
    return [system, geometry, *write_json(molecule, folder, name)]


def with_geometry(molecule: ParametrizedMolecule) -> Chem.Mol:
    """The RDKit molecule with `positions` as its one conformer."""
    mol, positions = Chem.Mol(molecule.mol), within_columns(molecule.positions())
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(len(positions))
    for atom, place in enumerate(positions):
        conformer.SetAtomPosition(atom, place)
    mol.AddConformer(conformer)
    return mol


# name → what writes the files of a molecule into a folder, and says which
FORMATS: dict[str, Callable[[ParametrizedMolecule, Path, str], list[Path]]] = {
    "openmm": write_openmm,
    "ffxml": ParametrizedMolecule.to_ffxml,
    "lammps": ParametrizedMolecule.to_lammps,
    "gromacs": ParametrizedMolecule.to_gromacs,
    "amber": ParametrizedMolecule.to_amber,
    "offxml": ParametrizedMolecule.to_offxml,
    "csv": write_csv,
    "json": write_json,
}
