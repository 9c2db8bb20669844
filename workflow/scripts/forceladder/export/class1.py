"""What the engines of class I force fields have in common: which parameters they can take, names
of atoms, and the pairs that are neither far apart nor excluded."""

import hashlib
import json
import math
from typing import NamedTuple

import numpy as np
from openmm.app import Element

from forceladder.energy.coordinates import IMPROPER_ORDERS
from forceladder.errors import ExportError
from forceladder.model.heads.nonbonded import COULOMB_14, LENNARD_JONES_14
from forceladder.model.rung import CORRECTION

CLASS1 = (
    "bond_harmonic", "angle_harmonic", "torsion_cosine", "improper_cosine", "lennard_jones",
    "coulomb",
)  # fmt: skip
RESIDUE = "LIG"  # what the molecule is called where it is one residue of several
NONBONDED = ("lennard_jones", "coulomb")
# Of Å, kcal/mol and e²: the mixtures below are ours to the last digits, or not ours
SAME = 1e-9
ALIKE = 1e-6  # the same units: atoms that an engine may exchange must be equal to this


class Cosine(NamedTuple):
    """amplitude (1 + cos(order φ − phase)) of four atoms; kcal/mol of either sign, phase rad."""

    atoms: tuple[int, int, int, int]
    order: int
    phase: float
    amplitude: float


def within_columns(positions) -> np.ndarray:
    """Positions [atoms, 3] Å, about their centroid where a file's columns could not hold them."""
    positions = np.asarray(positions, float)
    return (
        positions if np.abs(positions).max(initial=0.0) < 900.0 else positions - positions.mean(0)
    )


def refusal(parameters: dict, engine: str) -> str | None:
    """Why no file of class I terms can hold the parameters; None if one can.

    engine: its name, for the sentence
    """
    name = parameters["id"]
    if CORRECTION in parameters:
        return f"{engine} cannot run the rung's neural correction; export class1, or use OpenMM."
    if foreign := [term for term in parameters["terms"] if term not in CLASS1]:
        more = f" and {len(foreign) - 3} terms more" if len(foreign) > 3 else ""
        return (
            f"{engine} has no form for the rung's {', '.join(foreign[:3])}{more}; export class1, "
            "or use OpenMM or LAMMPS."
        )
    if wrong := mixed_otherwise(parameters):
        return (
            f"{engine} mixes pairs by Lorentz, Berthelot and AMBER's 1–4 scaling, but {wrong} of "
            f"{name} are not mixed so; use OpenMM."
        )
    return None


def confusion(parameters: dict, engine: str) -> str | None:
    """Why an engine that finds atoms by elements and bonds could give an atom the parameters of
    another; None if it cannot."""
    around, kind = neighbours(parameters), list(parameters["atomic_number"])
    for _ in kind:  # Weisfeiler & Leman: an atom's kind is that of its neighbours, again and again
        refined = [(kind[k], *sorted(kind[n] for n in near)) for k, near in enumerate(around)]
        number = {key: n for n, key in enumerate(sorted(set(refined)))}
        kind = [number[key] for key in refined]
    values, first = of_atoms(parameters), {}
    for atom, one in enumerate(kind):
        other = first.setdefault(one, atom)
        if max(abs(x - y) for x, y in zip(values[atom], values[other], strict=True)) > ALIKE:
            return (
                f"{engine} knows atoms by elements and bonds alone, which are the same for atoms "
                f"{other + 1} and {atom + 1} of {parameters['id']}, but their charges or "
                "Lennard-Jones parameters differ; use the System, or give them equal ones."
            )
    return None


def checked(refused: str | None):
    """raises: ExportError with the sentence, if there is one"""
    if refused:
        raise ExportError(refused)


def mixed_otherwise(parameters: dict) -> str | None:
    """The first pair that is not made of its atoms' parameters, in words."""
    charge, sigma, epsilon = (parameters.get(k) for k in ("charge", "lj_sigma", "lj_epsilon"))
    terms = parameters["terms"]
    for row, ((i, j), near) in enumerate(zip(*pairs(parameters), strict=True)):
        expected = {}
        if "lennard_jones" in terms:
            depth = math.sqrt(epsilon[i] * epsilon[j]) * (LENNARD_JONES_14 if near else 1.0)
            expected |= {
                ("lennard_jones", "sigma"): 0.5 * (sigma[i] + sigma[j]),
                ("lennard_jones", "epsilon"): depth,
            }
        if "coulomb" in terms:
            product = charge[i] * charge[j] * (COULOMB_14 if near else 1.0)
            expected["coulomb", "charge_product"] = product
        for (term, parameter), value in expected.items():
            if abs(terms[term][parameter][row] - value) > SAME:
                return f"atoms {i + 1} and {j + 1}"
    return None


def pairs(parameters: dict) -> tuple[list, list]:
    """Atoms of all pairs that are not excluded [pairs, 2], and whether they are 1–4 [pairs];
    none if the rung has no nonbonded term."""
    for term in NONBONDED:
        if term in parameters["terms"]:
            return parameters["terms"][term]["atoms"], parameters["pair_is_14"]
    return [], []


def pairs_14(parameters: dict) -> list[tuple[int, int]]:
    return [tuple(pair) for pair, near in zip(*pairs(parameters), strict=True) if near]


def rows(parameters: dict, name: str, *columns: str) -> list[tuple]:
    """The atoms and numbers of a term's rows; none if the rung does not have the term."""
    term = parameters["terms"].get(name, {})
    return list(zip(*(term.get(column, []) for column in ("atoms", *columns)), strict=True))


def of_atoms(parameters: dict) -> list[tuple[float, float, float]]:
    """Charge e, sigma Å and epsilon kcal/mol of every atom; zero charge, and sigma one Å without
    a well, where the rung does not say."""
    terms, atoms = parameters["terms"], len(parameters["mass"])
    charge = parameters["charge"] if "coulomb" in terms else [0.0] * atoms
    lennard_jones = "lennard_jones" in terms
    sigma = parameters["lj_sigma"] if lennard_jones else [1.0] * atoms
    epsilon = parameters["lj_epsilon"] if lennard_jones else [0.0] * atoms
    return list(zip(charge, sigma, epsilon, strict=True))


def bonds(parameters: dict) -> list[tuple]:
    """Atoms, length Å and force constant kcal/mol/Å² of every bond; without a term for them, of
    no energy, because engines read their exclusions off the bonds."""
    found = rows(parameters, "bond_harmonic", "length", "force_constant")
    return found or [(bond, 1.0, 0.0) for bond in parameters["bonds"]]


def propers(parameters: dict) -> list[Cosine]:
    """Fourier series of torsions, one item an order; phase zero, so that none adds a constant."""
    return [
        Cosine(tuple(atoms), order, 0.0, amplitude)
        for atoms, amplitudes in rows(parameters, "torsion_cosine", "amplitude")
        for order, amplitude in enumerate(amplitudes, start=1)
    ]


def impropers(parameters: dict) -> list[Cosine]:
    """K/6 (1 − cos 2χ) over the six orders of every planar centre, which stands first."""
    return [
        Cosine(tuple(atoms[k] for k in order), 2, math.pi, amplitude / len(IMPROPER_ORDERS))
        for atoms, amplitude in rows(parameters, "improper_cosine", "amplitude")
        for order in IMPROPER_ORDERS
    ]


def neighbours(parameters: dict) -> list[list[int]]:
    """The atoms bonded to every atom."""
    found: list[list[int]] = [[] for _ in parameters["mass"]]
    for i, j in parameters["bonds"]:
        found[i].append(j)
        found[j].append(i)
    return found


def chains(parameters: dict, wanted: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """A chain of bonds i-j-k-l for every wanted 1–4 pair (i, l)."""
    around = neighbours(parameters)
    return [
        next((i, j, k, m) for j in around[i] if j != m for k in around[m] if k in around[j])
        for i, m in wanted
    ]


def digest(parameters: dict) -> str:
    """A name for the molecule with these parameters that no other has: m and eight hex digits."""
    text = json.dumps(parameters, sort_keys=True)
    return f"m{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def symbols(parameters: dict) -> list[str]:
    return [Element.getByAtomicNumber(n).symbol for n in parameters["atomic_number"]]


def atom_names(parameters: dict) -> list[str]:
    """C1, C2, H1, …: unique in the molecule."""
    return numbered(symbols(parameters), range(len(parameters["mass"])))


def lennard_jones_types(parameters: dict) -> list[str]:
    """c1, c2, h1, …: the type of every atom; atoms of one element with equal Lennard-Jones
    parameters share one."""
    kinds = [(sigma, epsilon) for _, sigma, epsilon in of_atoms(parameters)]
    return numbered([symbol.lower() for symbol in symbols(parameters)], kinds)


def numbered(symbols: list[str], kinds) -> list[str]:
    """Each symbol with the number of its kind among those of the same symbol."""
    known: dict[str, dict] = {}
    found = []
    for symbol, kind in zip(symbols, kinds, strict=True):
        of_symbol = known.setdefault(symbol, {})
        found.append(f"{symbol}{of_symbol.setdefault(kind, len(of_symbol) + 1)}")
    return found
