"""AMBER's prmtop and inpcrd, by ParmEd.

AMBER has the same equations. Three things are its own. Its list of 1–4 pairs is read off the
torsions: each pair is marked on one of them, and a pair without any, as across a triple bond, gets
one of no energy. Numbers have nine digits, coordinates seven decimals. And sander and pmemd
multiply charges by 18.2223² = 332.0522 kcal/mol Å, where we and OpenMM have 332.0637: their
Coulomb energies are smaller by 3.5e-5 of themselves, as for every prmtop, because the charges in
the file are the true ones and add up to the net charge. Radii for implicit solvents are zero: we
have none.
"""

import importlib.util
import math
import re
from pathlib import Path

import numpy as np

from forceladder.errors import MissingProgramError
from forceladder.export import class1
from forceladder.files import atomic_path, write_text
from forceladder.model.heads.nonbonded import COULOMB_14, LENNARD_JONES_14, MINIMUM_OF_SIGMA

DATE = re.compile(r"DATE = \S+ +\S+")
DATED = "DATE = 01/01/00  00:00:00"  # the same parameters are the same file


def missing() -> str | None:
    """What is not installed, in a sentence; None if all is."""
    if importlib.util.find_spec("parmed") is None:
        return "ParmEd is not installed; pip install parmed."
    return None


def refusal(parameters: dict) -> str | None:
    """Why AMBER cannot hold the parameters, in a sentence; None if it can."""
    return class1.refusal(parameters, "AMBER")


def write_amber(parameters: dict, positions, folder, name: str) -> list[Path]:
    """Write `name`.prmtop and `name`.inpcrd of one molecule in vacuum; their paths.

    parameters: as `molecule_parameters` returns them      positions: [atoms, 3] Å
    raises: ExportError for terms that AMBER does not have; MissingProgramError without ParmEd
    """
    class1.checked(refusal(parameters))
    if sentence := missing():
        raise MissingProgramError(sentence)
    from parmed.amber import AmberParm

    structure = structure_of(parameters)
    structure.coordinates = np.asarray(positions, float)
    parm = AmberParm.from_structure(structure)
    prmtop, inpcrd = (Path(folder, f"{name}.{end}") for end in ("prmtop", "inpcrd"))
    with atomic_path(prmtop) as temporary:
        parm.write_parm(str(temporary))
        temporary.write_text(DATE.sub(DATED, temporary.read_text(), count=1))
    write_text(inpcrd, inpcrd_text(name, positions))
    return [prmtop, inpcrd]


def structure_of(parameters: dict):
    """The molecule as a ParmEd Structure, in ParmEd's units: Å, kcal/mol, degrees, and force
    constants without the half."""
    import parmed

    structure = parmed.Structure()
    kinds = {}
    said = (
        class1.atom_names(parameters), class1.lennard_jones_types(parameters),
        parameters["atomic_number"], parameters["mass"], class1.of_atoms(parameters),
    )  # fmt: skip
    for name, kind, number, mass, (charge, sigma, epsilon) in zip(*said, strict=True):
        atom = parmed.Atom(atomic_number=number, name=name, type=kind, charge=charge, mass=mass)
        if kind not in kinds:
            kinds[kind] = parmed.AtomType(kind, len(kinds) + 1, mass, number)
            kinds[kind].set_lj_params(epsilon, 0.5 * MINIMUM_OF_SIGMA * sigma)
        atom.atom_type = kinds[kind]
        structure.add_atom(atom, class1.RESIDUE, 1)
    types = Types()
    for (i, j), length, k in class1.bonds(parameters):
        type_ = types.one(parmed.BondType, structure.bond_types, 0.5 * k, length)
        structure.bonds.append(parmed.Bond(structure.atoms[i], structure.atoms[j], type_))
    for members, angle, k in class1.rows(parameters, "angle_harmonic", "angle", "force_constant"):
        type_ = types.one(parmed.AngleType, structure.angle_types, 0.5 * k, math.degrees(angle))
        ends = (structure.atoms[k] for k in members)
        structure.angles.append(parmed.Angle(*ends, type_))
    wanted = set(class1.pairs_14(parameters))  # each is taken from here when it is marked
    for improper, cosine in cosines_of(parameters):
        type_ = types.one(
            parmed.DihedralType, structure.dihedral_types, cosine.amplitude, cosine.order,
            math.degrees(cosine.phase), 1.0 / COULOMB_14, 1.0 / LENNARD_JONES_14,
        )  # fmt: skip
        first, *_, last = cosine.atoms
        pair = (min(first, last), max(first, last))
        ends = (structure.atoms[k] for k in cosine.atoms)
        dihedral = parmed.Dihedral(
            *ends, improper=improper, ignore_end=improper or pair not in wanted, type=type_
        )
        structure.dihedrals.append(dihedral)
        if not improper:
            wanted.discard(pair)
    return structure


class Types:
    """Types of bonds, angles and torsions, each made once and numbered by its list."""

    def __init__(self):
        self.known = {}

    def one(self, kind, listed, *numbers):
        if (kind, numbers) not in self.known:
            self.known[kind, numbers] = kind(*numbers, list=listed)
            listed.append(self.known[kind, numbers])
        return self.known[kind, numbers]


def cosines_of(parameters: dict) -> list[tuple[bool, class1.Cosine]]:
    """Torsions and impropers, with whether it is an improper; and a torsion of no energy along
    the bonds of every 1–4 pair that has none."""
    propers, impropers = class1.propers(parameters), class1.impropers(parameters)
    joined = {frozenset((cosine.atoms[0], cosine.atoms[3])) for cosine in propers}
    bare = [pair for pair in class1.pairs_14(parameters) if frozenset(pair) not in joined]
    silent = [class1.Cosine(chain, 1, 0.0, 0.0) for chain in class1.chains(parameters, bare)]
    return [(False, one) for one in propers + silent] + [(True, one) for one in impropers]


def inpcrd_text(name: str, positions) -> str:
    """Title, number of atoms, and two atoms a line in 12.7 columns, Å."""
    numbers = [f"{x:12.7f}" for x in np.ravel(class1.within_columns(positions))]
    lines = ["".join(numbers[k : k + 6]) for k in range(0, len(numbers), 6)]
    return "\n".join([name[:80], f"{len(numbers) // 3:5d}", *lines]) + "\n"
