"""Couplings that LAMMPS' styles lack, as functions of its package COLVARS.

A colvar is a function, with exact derivatives, of distances, angles and torsions; a linear bias of
strength one makes its value an energy. Rows of a table with the same atoms in their middle are one
colvar: they share coordinates, which are what takes time. A step of 27 atoms takes 0.19 ms with
these couplings and 0.03 ms without; one colvar for all would take half of that, but a minute to
start.

Names in an expression are coordinates and their atoms: b_1_2 a bond (Å), t_1_2_3 an angle and
p_1_2_3_4 a torsion, both in degrees.
"""

import math
import re

from forceladder.energy.term import REFERENCES
from forceladder.energy.terms.torsion_torsion import ORDERS

KINDS = {"b": "distance", "t": "angle", "p": "dihedral"}
LETTERS = {2: "b", 3: "t", 4: "p"}  # by the number of atoms
RADIANS = repr(math.pi / 180.0)  # in a degree


def coordinate(atoms) -> str:
    """Name of the coordinate of a chain, the same from either end; atoms counted from zero."""
    along = min(list(atoms), list(reversed(atoms)))
    return "_".join([LETTERS[len(along)], *(str(atom + 1) for atom in along)])


def in_radians(atoms) -> str:
    return f"{RADIANS}*{coordinate(atoms)}"


def number(value: float) -> str:
    """All its digits; in brackets, because there may be a minus."""
    return f"({value!r})"


def stretch(atoms, length: float) -> str:
    return f"({coordinate(atoms)}-{number(length)})"


def bend(atoms, angle: float) -> str:
    return f"({in_radians(atoms)}-{number(angle)})"


def bond_angle_13(atoms, values: dict) -> str:
    """(P₁ + Q₁ cos φ)(b₁ − b₁⁰)(θ₂ − θ₂⁰) + (P₃ + Q₃ cos φ)(b₃ − b₃⁰)(θ₁ − θ₁⁰)"""
    cosine = f"cos({in_radians(atoms)})"
    ends = {
        1: stretch(atoms[:2], values["length_1"]) + "*" + bend(atoms[1:], values["angle_2"]),
        3: stretch(atoms[2:], values["length_3"]) + "*" + bend(atoms[:3], values["angle_1"]),
    }
    return "+".join(
        f"({number(values[f'coupling_{end}'])}+{number(values[f'turned_{end}'])}*{cosine})*{product}"
        for end, product in ends.items()
    )


def angle_angle_13(atoms, values: dict) -> str:
    """M (θ₁ − θ₁⁰)(θ₂ − θ₂⁰)"""
    bends = bend(atoms[:3], values["angle_1"]), bend(atoms[1:], values["angle_2"])
    return "*".join([number(values["coupling"]), *bends])


def torsion_torsion(atoms, values: dict) -> str:
    """Σₙₘ Aₙₘ cos nφ₁ cos mφ₂ + Bₙₘ sin nφ₁ sin mφ₂"""
    first, second = in_radians(atoms[:4]), in_radians(atoms[1:])
    return "+".join(
        f"{number(amplitude)}*{wave}({n}*{first})*{wave}({m}*{second})"
        for wave, name in (("cos", "cosine"), ("sin", "sine"))
        for (n, m), amplitude in zip(ORDERS, values[name], strict=True)
    )


COUPLINGS = {
    "bond_angle_13": bond_angle_13,
    "angle_angle_13": angle_angle_13,
    "torsion_torsion": torsion_torsion,
}


def energies(parameters: dict) -> list[list[str]]:
    """Expressions in kcal/mol, those together that are one colvar; rows of zeros are left out."""
    found: dict[tuple, list[str]] = {}
    for name, write in COUPLINGS.items():
        term = dict(parameters["terms"].get(name, {"atoms": []}))
        for row, atoms in enumerate(term.pop("atoms")):
            values = {key: numbers[row] for key, numbers in term.items()}
            strengths = [v for key, v in values.items() if not key.startswith(REFERENCES)]
            if any(any(v) if isinstance(v, list) else v for v in strengths):
                middle = min(tuple(atoms[1:-1]), tuple(atoms[-2:0:-1]))
                found.setdefault(middle, []).append(write(atoms, values))
    return list(found.values())


def colvars_text(groups: list[list[str]], molecule: str) -> str:
    """Colvars' configuration file of `energies`."""
    lines = [f"# Couplings of {molecule}: each colvar is an energy in kcal/mol", "units real"]
    lines += ["colvarsTrajFrequency 0", "colvarsRestartFrequency 0"]
    names = [f"coupling_{k}" for k in range(1, len(groups) + 1)]
    for name, expressions in zip(names, groups, strict=True):
        lines += ["", "colvar {", f"  name {name}", "  customFunction {"]
        lines += [f"    {'+ ' if k else ''}{one}" for k, one in enumerate(expressions)]
        lines += ["  }"]
        needed = {of for one in expressions for of in re.findall(r"\b[btp](?:_\d+)+", one)}
        lines += [line for of in sorted(needed) for line in component(of)]
        lines += ["}"]
    zeros = " ".join("0" for _ in names)
    lines += ["", "linear {", f"  colvars {' '.join(names)}", f"  centers {zeros}"]
    lines += ["  forceConstant 1.0", "}", ""]
    return "\n".join(lines)


def component(name: str) -> list[str]:
    letter, *atoms = name.split("_")
    lines = [f"  {KINDS[letter]} {{", f"    name {name}"]
    lines += [f"    group{k} {{ atomNumbers {atom} }}" for k, atom in enumerate(atoms, start=1)]
    return [*lines, "  }"]
