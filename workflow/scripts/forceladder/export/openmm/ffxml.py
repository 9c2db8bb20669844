"""An OpenMM ForceField file of one molecule, and the generator that lets `openmm.app.ForceField`
find it: class1 for ligands beside AMBER's proteins and water.

Every atom is a type of its own, so that each row of a table is one entry. Scaling and mixing are
AMBER's, so the molecule shares one NonbondedForce with amber14; and impropers are SMIRNOFF's, so
that they share its PeriodicTorsionForce.
"""

import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from openmm import app

from forceladder.errors import ExportError
from forceladder.export import class1
from forceladder.export.openmm.evaluation import CLASS1_FORCES, force_groups
from forceladder.export.openmm.units import PER_SQUARE_NM
from forceladder.files import write_text
from forceladder.model.heads.nonbonded import COULOMB_14, LENNARD_JONES_14
from forceladder.units import ANGSTROM_IN_NM, KCAL_IN_KJ


def missing() -> None:
    """OpenMM is always there."""


def refusal(parameters: dict) -> str | None:
    """Why a ForceField file cannot hold the parameters, in a sentence; None if it can."""
    engine = "an OpenMM ForceField file"
    return class1.refusal(parameters, engine) or class1.confusion(parameters, engine)


def write_ffxml(parameters: dict, positions, folder, name: str) -> list[Path]:
    """Write `name`.ffxml of one molecule; its path. It holds no positions.

    parameters: as `molecule_parameters` returns them
    raises: ExportError for terms that it cannot hold
    """
    path = Path(folder, f"{name}.ffxml")
    write_text(path, ffxml(parameters))
    return [path]


def ffxml(parameters: dict) -> str:
    """The text of the file; nm, kJ/mol, rad, e.

    raises: ExportError for terms that it cannot hold
    """
    class1.checked(refusal(parameters))
    root = ElementTree.Element("ForceField")
    names, types = class1.atom_names(parameters), atom_types(parameters)
    add_residue(root, parameters, names, types)

    def force(tag: str, rows: list[tuple[str, tuple, dict]], **attributes):
        """One element of a force; rows: tag, atoms, numbers."""
        element = ElementTree.SubElement(root, tag, attributes)
        for row, atoms, numbers in rows:
            placed = {f"type{k}": types[atom] for k, atom in enumerate(atoms, start=1)}
            ElementTree.SubElement(element, row, placed | written(numbers))
        return element

    force("HarmonicBondForce", [
        ("Bond", atoms, {"length": length * ANGSTROM_IN_NM, "k": constant * PER_SQUARE_NM})
        for atoms, length, constant in class1.bonds(parameters)
    ])  # fmt: skip
    force("HarmonicAngleForce", [
        ("Angle", atoms, {"angle": angle, "k": constant * KCAL_IN_KJ})
        for atoms, angle, constant in class1.rows(
            parameters, "angle_harmonic", "angle", "force_constant"
        )
    ])  # fmt: skip
    force("PeriodicTorsionForce", [
        ("Proper", atoms, series(amplitudes))
        for atoms, amplitudes in class1.rows(parameters, "torsion_cosine", "amplitude")
    ])  # fmt: skip
    force("PeriodicTorsionForce", [
        ("Improper", atoms, {"periodicity1": 2, "phase1": math.pi, "k1": k / 3.0 * KCAL_IN_KJ})
        for atoms, k in class1.rows(parameters, "improper_cosine", "amplitude")
    ], ordering="smirnoff")  # fmt: skip
    nonbonded = force("NonbondedForce", [
        ("Atom", (), {"type": types[k], "sigma": sigma * ANGSTROM_IN_NM,
                      "epsilon": epsilon * KCAL_IN_KJ})
        for k, (_, sigma, epsilon) in enumerate(class1.of_atoms(parameters))
    ], **written({"coulomb14scale": COULOMB_14, "lj14scale": LENNARD_JONES_14}))  # fmt: skip
    nonbonded.insert(0, ElementTree.Element("UseAttributeFromResidue", {"name": "charge"}))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def written(numbers: dict) -> dict[str, str]:
    """Numbers as they are read back to the last digit."""
    return {
        name: value if isinstance(value, str) else repr(value) for name, value in numbers.items()
    }


def series(amplitudes: list[float]) -> dict:
    """periodicity, phase and k of every order of a torsion."""
    found = {}
    for order, amplitude in enumerate(amplitudes, start=1):
        found[f"periodicity{order}"] = order
        found[f"phase{order}"] = 0.0
        found[f"k{order}"] = amplitude * KCAL_IN_KJ
    return found


def atom_types(parameters: dict) -> list[str]:
    """A type for every atom, that no other molecule and no other force field has."""
    prefix = template_name(parameters)
    return [f"{prefix}-{name}" for name in class1.atom_names(parameters)]


def template_name(parameters: dict) -> str:
    return f"forceladder-{class1.digest(parameters)}"


def add_residue(root, parameters: dict, names: list[str], types: list[str]):
    """The types, and the residue: its atoms with their charges, and bonds."""
    listed = ElementTree.SubElement(root, "AtomTypes")
    for kind, symbol, mass in zip(
        types, class1.symbols(parameters), parameters["mass"], strict=True
    ):
        ElementTree.SubElement(
            listed, "Type",
            {"name": kind, "class": kind, "element": symbol, "mass": repr(mass)},
        )  # fmt: skip
    residues = ElementTree.SubElement(root, "Residues")
    residue = ElementTree.SubElement(residues, "Residue", {"name": template_name(parameters)})
    for name, kind, (charge, *_) in zip(names, types, class1.of_atoms(parameters), strict=True):
        attributes = {"name": name, "type": kind, "charge": repr(charge)}
        ElementTree.SubElement(residue, "Atom", attributes)
    for i, j in parameters["bonds"]:
        ElementTree.SubElement(residue, "Bond", {"atomName1": names[i], "atomName2": names[j]})


def topology(parameters: dict) -> app.Topology:
    """The molecule as OpenMM knows it: one residue, atoms in their order."""
    found = app.Topology()
    residue = found.addResidue(class1.RESIDUE, found.addChain())
    said = zip(class1.atom_names(parameters), parameters["atomic_number"], strict=True)
    atoms = [
        found.addAtom(name, app.Element.getByAtomicNumber(number), residue) for name, number in said
    ]
    for i, j in parameters["bonds"]:
        found.addBond(atoms[i], atoms[j])
    return found


def template_generator(molecules: list[dict]) -> Callable:
    """For `ForceField.registerTemplateGenerator`: gives residues that the force field does not
    know, and that are one of the molecules by elements and bonds, the parameters of this one.

    molecules: of each, what `molecule_parameters` returns
    returns: callable (forcefield, residue) → whether it was one of them
    raises: ExportError for one that a ForceField file cannot hold
    """
    known = {}
    for parameters in molecules:
        text = ffxml(parameters)
        known[text] = app.ForceField(io.StringIO(text))

    def generate(forcefield: app.ForceField, residue) -> bool:
        if any(True for _ in residue.external_bonds()):  # a part of something larger
            return False
        alone = topology_of_residue(residue)
        fitting = [text for text, one in known.items() if not one.getUnmatchedResidues(alone)]
        if len(fitting) > 1:
            raise ExportError(
                f"residue {residue.name} has the elements and bonds of {len(fitting)} of the "
                "molecules; give those that differ in charges alone to generators of their own."
            )
        if fitting:
            forcefield.loadFile(io.StringIO(fitting[0]))
        return bool(fitting)

    return generate


def topology_of_residue(residue) -> app.Topology:
    """One residue of a topology without the others."""
    found = app.Topology()
    alone = found.addResidue(residue.name, found.addChain())
    atoms = {atom: found.addAtom(atom.name, atom.element, alone) for atom in residue.atoms()}
    for one, other in residue.internal_bonds():
        found.addBond(atoms[one], atoms[other])
    return found


def evaluate(parameters: dict, positions) -> dict:
    """Energy kcal/mol and gradient [atoms, 3] kcal/mol/Å of every group of terms, from the file
    as ForceField reads it.

    positions: [atoms, 3] Å
    """
    with tempfile.TemporaryDirectory() as folder:
        (path,) = write_ffxml(parameters, positions, folder, "molecule")
        forcefield = app.ForceField(str(path))
    system = forcefield.createSystem(
        topology(parameters), nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False,
        removeCMMotion=False,
    )  # fmt: skip
    return force_groups(system, positions, CLASS1_FORCES, parameters)
