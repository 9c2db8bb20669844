"""NAME.data: atoms, who interacts with whom, and the coefficients of every type."""

import numpy as np

from forceladder.export.lammps.styles import Interaction, lennard_jones_of
from forceladder.export.parameters import title
from forceladder.model.heads.nonbonded import MINIMUM_OF_SIGMA

ROOM = 10.0  # Å on each side of the molecule: wider than LAMMPS' list of neighbours wants


class Types:
    """LAMMPS' types of one kind of interaction: rows with all numbers equal are of one type.

    rows: the interactions      row_types: type of each, from one
    of: type → (style, section → coefficients)      styles: their names
    """

    def __init__(self, rows: list[Interaction]):
        self.rows = rows
        keys = [(row.style, tuple(row.numbers.items())) for row in rows]
        unique = {key: number for number, key in enumerate(dict.fromkeys(keys), start=1)}
        self.row_types = [unique[key] for key in keys]
        self.of = {number: (style, dict(found)) for (style, found), number in unique.items()}
        self.styles = list(dict.fromkeys(style for style, _ in self.of.values()))

    @property
    def hybrid(self) -> bool:
        return len(self.styles) > 1

    def sections(self) -> dict[str, list[str]]:
        """Lines of coefficients by section. Each has all types; where several styles share a kind,
        a line names its own, or skips a section that this style has not."""
        found = {section: [] for _, numbers in self.of.values() for section in numbers}
        for section, lines in found.items():
            for number, (style, numbers) in self.of.items():
                words = [style] if self.hybrid else []
                words = words + full(numbers[section]) if section in numbers else ["skip"]
                lines.append(" ".join([str(number), *words]))
        return found


def full(numbers) -> list[str]:
    """Numbers with all their digits."""
    return [repr(number) for number in numbers]


def atom_types(parameters: dict) -> tuple[list[int], list[tuple]]:
    """Type of every atom, from one; and of every type: atomic number, mass (amu) and the pair
    coefficients ε (kcal/mol) and radius (Å) of a rung with Lennard-Jones: σ of 12-6, the minimum
    of 9-6."""
    columns = [parameters["atomic_number"], parameters["mass"]]
    if kind := lennard_jones_of(parameters):
        factor = MINIMUM_OF_SIGMA if kind == "lennard_jones_96" else 1.0
        radii = [factor * sigma for sigma in parameters["lj_sigma"]]
        columns += [parameters["lj_epsilon"], radii]
    rows = list(zip(*columns, strict=True))
    unique = {row: number for number, row in enumerate(dict.fromkeys(rows), start=1)}
    return [unique[row] for row in rows], list(unique)


def data_text(parameters: dict, positions, kinds: dict[str, Types]) -> str:
    """positions: [atoms, 3] Å      kinds: bond, angle, dihedral, improper, where there are any"""
    positions = np.asarray(positions, dtype=float)
    counts = [f"{len(positions)} atoms", f"{len(atom_types(parameters)[1])} atom types"]
    for kind, types in kinds.items():
        counts += [f"{len(types.rows)} {kind}s", f"{len(types.of)} {kind} types"]
    low, high = positions.min(axis=0) - ROOM, positions.max(axis=0) + ROOM
    box = [f"{low[k]} {high[k]} {axis}lo {axis}hi" for k, axis in enumerate("xyz")]
    sections = atom_sections(parameters, positions.tolist())
    for kind, types in kinds.items():
        sections |= types.sections()
        sections[f"{kind.capitalize()}s"] = [
            " ".join(map(str, (row, number, *(atom + 1 for atom in one.atoms))))
            for row, (one, number) in enumerate(
                zip(types.rows, types.row_types, strict=True), start=1
            )
        ]
    # LAMMPS cuts a long first line in two
    lines = [f"{title(parameters)}: kcal/mol, Angstrom, degrees, e (units real)", ""]
    lines += [*counts, "", *box, ""]
    for section, rows in sections.items():
        lines += [section, "", *rows, ""]
    return "\n".join(lines)


def atom_sections(parameters: dict, positions: list) -> dict[str, list[str]]:
    types, of_type = atom_types(parameters)
    charges = parameters["charge"] if "coulomb" in parameters["terms"] else [0.0] * len(types)
    found = {"Masses": [], "Pair Coeffs": [], "Atoms # full": []}
    for number, (atomic_number, mass, *coefficients) in enumerate(of_type, start=1):
        found["Masses"].append(f"{number} {mass!r}  # atomic number {atomic_number}")
        if coefficients:
            found["Pair Coeffs"].append(" ".join([str(number), *full(coefficients)]))
    for atom, (number, charge, position) in enumerate(
        zip(types, charges, positions, strict=True), start=1
    ):  # the 1 is the molecule
        found["Atoms # full"].append(" ".join([f"{atom} 1 {number}", *full([charge, *position])]))
    return {section: lines for section, lines in found.items() if lines}
