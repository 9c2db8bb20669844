"""An .offxml of one molecule: SMIRNOFF with a bespoke SMIRKS for every row of its tables.

A SMIRKS is the whole molecule: every heavy atom with its element, number of neighbours and of
hydrogens, any bonds between them, and the tagged hydrogens. (All hydrogens as atoms would be
matched in every order: six for a methyl, 60 million for ten of them.) It fits no other molecule
but for charges and radicals, and equivalent rows have equal parameters, so it does not matter
which of them a SMIRKS was made for.

SMIRNOFF's terms are ours: its impropers are three torsions that start at the centre, each with
K/3, which are our six with K/6 in pairs.

Nothing of OpenFF is needed to write the file; `openff.offxml` runs it.
"""

from pathlib import Path
from xml.etree import ElementTree

from forceladder.export import class1
from forceladder.files import write_text
from forceladder.model.heads.nonbonded import COULOMB_14, LENNARD_JONES_14

ANGLE, LENGTH, ENERGY, CHARGE = "radian", "angstrom", "kilocalorie / mole", "elementary_charge"
PER_SQUARE = {unit: f"kilocalorie / mole / {unit}**2" for unit in (LENGTH, ANGLE)}
SCALING = {"scale12": "0.0", "scale13": "0.0", "scale15": "1.0"}
COSINE = {"version": "0.3", "potential": "k*(1+cos(periodicity*theta-phase))"}
SECTIONS = {
    "Bonds": {"version": "0.4", "potential": "harmonic"},
    "Angles": {"version": "0.3", "potential": "harmonic"},
    "ProperTorsions": COSINE | {"default_idivf": "1.0"},
    "ImproperTorsions": COSINE | {"default_idivf": "auto"},  # three, of the trefoil
    "vdW": SCALING | {
        "version": "0.4", "potential": "Lennard-Jones-12-6", "combining_rules": "Lorentz-Berthelot",
        "scale14": repr(LENNARD_JONES_14), "cutoff": "9.0 * angstrom",
        "switch_width": "1.0 * angstrom", "periodic_method": "cutoff",
        "nonperiodic_method": "no-cutoff",
    },
    "Electrostatics": SCALING | {
        "version": "0.4", "scale14": repr(COULOMB_14), "cutoff": "9.0 * angstrom",
        "switch_width": "0.0 * angstrom", "periodic_potential": "Ewald3D-ConductingBoundary",
        "nonperiodic_potential": "Coulomb", "exception_potential": "Coulomb",
    },
    "LibraryCharges": {"version": "0.3"},
}  # fmt: skip


def missing() -> None:
    """Nothing is needed to write the file."""


def refusal(parameters: dict) -> str | None:
    """Why an .offxml cannot hold the parameters, in a sentence; None if it can."""
    engine = "an .offxml"
    return class1.refusal(parameters, engine) or class1.confusion(parameters, engine)


def write_offxml(parameters: dict, positions, folder, name: str) -> list[Path]:
    """Write `name`.offxml of one molecule; its path. It holds no positions.

    parameters: as `molecule_parameters` returns them
    raises: ExportError for terms that it cannot hold
    """
    path = Path(folder, f"{name}.offxml")
    write_text(path, offxml(parameters))
    return [path]


def offxml(parameters: dict) -> str:
    """The text of the file.

    raises: ExportError for terms that it cannot hold
    """
    class1.checked(refusal(parameters))
    root = ElementTree.Element("SMIRNOFF", {
        "version": "0.3", "aromaticity_model": "OEAroModel_MDL"
    })  # fmt: skip
    smirks = Smirks(parameters)
    for section, (item, rows) in entries(parameters).items():
        if not rows and section != "Electrostatics":
            continue  # a section must know all bonds, angles and torsions, or not be there
        element = ElementTree.SubElement(root, section, SECTIONS[section])
        for atoms, numbers in rows:
            ElementTree.SubElement(element, item, {"smirks": smirks(atoms)} | numbers)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def quantity(value: float, unit: str) -> str:
    return f"{value!r} * {unit}"


def entries(parameters: dict) -> dict[str, tuple]:
    """Section → the name of its items and, of each, atoms and numbers."""
    atoms = list(enumerate(class1.of_atoms(parameters)))
    angles = class1.rows(parameters, "angle_harmonic", "angle", "force_constant")
    return {
        "Bonds": ("Bond", [
            (ends, {"length": quantity(length, LENGTH), "k": quantity(k, PER_SQUARE[LENGTH])})
            for ends, length, k in class1.bonds(parameters)
        ]),
        "Angles": ("Angle", [
            (ends, {"angle": quantity(angle, ANGLE), "k": quantity(k, PER_SQUARE[ANGLE])})
            for ends, angle, k in angles
        ]),
        "ProperTorsions": ("Proper", [
            (ends, series(amplitudes)) for ends, amplitudes in torsions(parameters)
        ]),
        "ImproperTorsions": ("Improper", [
            ((x, centre, y, z), {
                "periodicity1": "2", "phase1": "180.0 * degree", "k1": quantity(k, ENERGY)
            })
            for (centre, x, y, z), k in class1.rows(parameters, "improper_cosine", "amplitude")
        ]),
        "vdW": ("Atom", [
            ((k,), {"sigma": quantity(sigma, LENGTH), "epsilon": quantity(epsilon, ENERGY)})
            for k, (_, sigma, epsilon) in atoms
        ]),
        "Electrostatics": ("", []),
        "LibraryCharges": ("LibraryCharge", [
            ((k,), {"charge1": quantity(charge, CHARGE)}) for k, (charge, *_) in atoms
        ]),
    }  # fmt: skip


def torsions(parameters: dict) -> list[tuple]:
    """Atoms and amplitudes of the torsions; and of every chain of bonds that is none, as through
    a straight angle, one amplitude of zero, because OpenFF wants parameters for all chains."""
    found = class1.rows(parameters, "torsion_cosine", "amplitude")
    if not found and "torsion_cosine" not in parameters["terms"]:
        return []
    known = {min(tuple(ends), tuple(ends)[::-1]) for ends, _ in found}
    around = class1.neighbours(parameters)
    chains = (
        (i, j, k, m)
        for j, k in parameters["bonds"]
        for i in around[j]
        for m in around[k]
        if i != k and m not in (i, j)
    )
    return found + [(ends, [0.0]) for ends in chains if min(ends, ends[::-1]) not in known]


def series(amplitudes: list[float]) -> dict[str, str]:
    """Of every order its periodicity, phase zero, and k of either sign."""
    found = {}
    for n, amplitude in enumerate(amplitudes, start=1):
        found |= {f"periodicity{n}": str(n), f"phase{n}": "0.0 * degree"}
        found |= {f"k{n}": quantity(amplitude, ENERGY), f"idivf{n}": "1.0"}
    return found


class Smirks:
    """Writes the molecule with some of its atoms tagged."""

    def __init__(self, parameters: dict):
        self.numbers = parameters["atomic_number"]
        self.around = class1.neighbours(parameters)
        heavy = any(number > 1 for number in self.numbers)
        # an atom that need not be written, because its neighbour counts it
        self.counted = [
            heavy and number == 1 and len(near) == 1
            for number, near in zip(self.numbers, self.around, strict=True)
        ]

    def __call__(self, tagged) -> str:
        """tagged: atoms, the first of which is tagged 1"""
        tags = {atom: tag for tag, atom in enumerate(tagged, start=1)}
        parents, order = self.tree(tagged[0], tags)
        closures: dict[int, list[str]] = {atom: [] for atom in order}
        place, rings = {atom: k for k, atom in enumerate(order)}, 0
        for atom in order:
            for other in self.written(atom, tags):
                if place[other] > place[atom] and parents[other] != atom:
                    rings += 1
                    label = f"{rings}" if rings < 10 else f"%{rings}"
                    closures[atom].append(f"~{label}")
                    closures[other].append(f"~{label}")

        def text(atom: int) -> str:
            tag = f":{tags[atom]}" if atom in tags else ""
            hydrogens = sum(self.numbers[n] == 1 for n in self.around[atom])
            own = f"[#{self.numbers[atom]}X{len(self.around[atom])}H{hydrogens}{tag}]"
            branches = [f"(~{text(child)})" for child in order if parents[child] == atom]
            return own + "".join(closures[atom]) + "".join(branches)

        return text(tagged[0])

    def written(self, atom: int, tags) -> list[int]:
        """Neighbours that are written."""
        return [n for n in self.around[atom] if n in tags or not self.counted[n]]

    def tree(self, root: int, tags) -> tuple[dict, list[int]]:
        """Atom → the atom that it is written after, and the atoms in the order of writing."""
        parents, order, stack = {}, [], [(root, None)]
        while stack:
            atom, parent = stack.pop()
            if atom not in parents:
                parents[atom] = parent
                order.append(atom)
                stack += [(n, atom) for n in reversed(self.written(atom, tags))]
        return parents, order
