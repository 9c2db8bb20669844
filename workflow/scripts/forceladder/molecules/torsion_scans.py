"""Relaxed torsion scans: which rotors, on which grid, with wavefront propagation.

A scan is plain JSON: {index, torsions [[i, j, k, l], …] atoms from zero, one or two of them,
spacing_degrees [one per torsion]}; a point of it has angles_degrees as well.
"""

import contextlib
import io
from collections import defaultdict
from itertools import pairwise

import numpy as np
from rdkit import Chem

from forceladder.errors import MoleculeError, QMError, RelaxationError
from forceladder.molecules.relaxation import relax
from forceladder.molecules.topology import resonance_ranks
from forceladder.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL

NO_ENERGY = 1e6  # Hartree: of a point that failed, so that any other result takes its place
# Per point of the grid; two or three suffice, one from each neighbour and again where it pays
MOST_RELAXATIONS = 30
# Bonds about which something turns: single, in no ring, no end a terminal atom
ROTATABLE = Chem.MolFromSmarts("[!D1;!$(*#*)]-;!@[!D1;!$(*#*)]")


def planned_scans(mol: Chem.Mol, settings: dict, name: str = "", drives=()) -> tuple[list, list]:
    """The scans of a molecule: those that the user names for it, else those that came with it,
    else those of the rule; and a sentence for each that cannot be made.

    settings: the config's `geometries.torsion_scans`      name: the molecule's id
    drives: lists of one or two torsions, atoms from zero
    """
    if name in settings["named"]:
        wishes = [[scan] if isinstance(scan, str) else scan for scan in settings["named"][name]]
    elif drives:
        wishes = [list(scan) for scan in drives]
    elif settings["by_rule"]:
        rotors = [torsion_of(mol, *bond) for bond in rotors_by_rule(mol, settings["methyl_rotors"])]
        wishes = [[torsion] for torsion in rotors[: settings["max_scans_per_molecule"]]]
        wishes += coupled_pairs(rotors)[: settings["max_2d_scans_per_molecule"]]
    else:
        wishes = []
    spacings = {1: settings["spacing_degrees"], 2: settings["spacing_2d_degrees"]}
    scans, left_out = [], []
    for wish in wishes:
        try:
            torsions = [named_torsion(mol, t) if isinstance(t, str) else list(t) for t in wish]
            check_scan(mol, torsions)
        except MoleculeError as error:
            left_out.append(str(error))
            continue
        spacing = [spacings[len(torsions)]] * len(torsions)
        scan = {"index": len(scans), "torsions": torsions, "spacing_degrees": spacing}
        scans.append(scan)
    return scans, left_out


def rotors_by_rule(mol: Chem.Mol, methyl_rotors: bool) -> list[tuple[int, int]]:
    """Rotatable bonds, one of each set of equivalent ones, the most central first.

    methyl_rotors: whether tops with three equivalent hydrogens (CH3, NH3+) count
    """
    ranks = resonance_ranks(mol)
    distance = Chem.GetDistanceMatrix(mol)
    found = {}
    for i, j in sorted(tuple(sorted(match)) for match in mol.GetSubstructMatches(ROTATABLE)):
        if not methyl_rotors and (is_methyl(mol, i) or is_methyl(mol, j)):
            continue
        found.setdefault(tuple(sorted((ranks[i], ranks[j]))), (i, j))
    return sorted(found.values(), key=lambda bond: (distance[list(bond)].max(), bond))


def is_methyl(mol: Chem.Mol, atom: int) -> bool:
    """Whether an atom carries three hydrogens and one other neighbour."""
    neighbours = mol.GetAtomWithIdx(atom).GetNeighbors()
    return len(neighbours) == 4 and sum(n.GetAtomicNum() == 1 for n in neighbours) == 3


def torsion_of(mol: Chem.Mol, j: int, k: int) -> list[int]:
    """The torsion that stands for a bond: through its heaviest neighbours, lowest rows first."""

    def end(centre, other):
        neighbours = [n for n in mol.GetAtomWithIdx(centre).GetNeighbors() if n.GetIdx() != other]
        return min(neighbours, key=lambda n: (-n.GetAtomicNum(), n.GetIdx())).GetIdx()

    return [end(j, k), j, k, end(k, j)]


def coupled_pairs(rotors: list[list[int]]) -> list[tuple[list[int], list[int]]]:
    """Pairs of rotors whose bonds share an atom: the ones whose energies do not add up."""
    return [
        (one, two)
        for index, one in enumerate(rotors)
        for two in rotors[index + 1 :]
        if set(one[1:3]) & set(two[1:3])
    ]


def named_torsion(mol: Chem.Mol, smarts: str) -> list[int]:
    """Atoms of the first match of a SMARTS whose atoms :1 to :4 are the torsion.

    raises: MoleculeError torsion_not_in_molecule
    """
    pattern = Chem.MolFromSmarts(smarts)
    numbers = [a.GetAtomMapNum() for a in pattern.GetAtoms()] if pattern else []
    if [numbers.count(n) for n in (1, 2, 3, 4)] != [1] * 4:
        raise MoleculeError(
            "torsion_not_in_molecule", f"{smarts!r} is no SMARTS with four atoms :1, :2, :3 and :4."
        )
    for match in mol.GetSubstructMatches(pattern):
        atoms = [match[numbers.index(n)] for n in (1, 2, 3, 4)]
        bonds = [mol.GetBondBetweenAtoms(*pair) for pair in pairwise(atoms)]
        if all(bonds) and not bonds[1].IsInRing():
            return atoms
    raise MoleculeError(
        "torsion_not_in_molecule",
        f"{smarts} matches no chain of four atoms about a bond outside rings in "
        f"{Chem.MolToSmiles(Chem.RemoveHs(mol))}.",
    )


def check_scan(mol: Chem.Mol, torsions: list[list[int]]):
    """Raise MoleculeError torsion_not_in_molecule for what no relaxation could hold."""
    for atoms in torsions:
        for atom in atoms[1:3]:
            if mol.GetAtomWithIdx(atom).GetHybridization() == Chem.HybridizationType.SP:
                raise MoleculeError(
                    "torsion_not_in_molecule",
                    f"the torsion {'-'.join(str(a + 1) for a in atoms)} runs along a straight line "
                    f"at atom {atom + 1}, where it has no angle.",
                )
    if len({frozenset(atoms[1:3]) for atoms in torsions}) < len(torsions):
        raise MoleculeError(
            "torsion_not_in_molecule", "the two torsions of a scan turn about the same bond."
        )


def drive_torsions(
    gradient, symbols, starts, scan: dict, max_steps: int, convergence: str = "GAU"
) -> dict[tuple, np.ndarray]:
    """Relaxed scan with wavefront propagation: each new lowest point seeds its neighbours.

    Qiu et al., J. Chem. Phys. 152, 244116 (2020), the torsiondrive package. A point whose
    optimization fails or does not converge is left to its other neighbours.

    gradient, max_steps, convergence: see `relaxation.relax`
    starts: positions [atoms, 3] Å to begin from
    returns: {angles in degrees, a tuple: positions [atoms, 3] Å}, sorted, the lowest of each
    """
    from torsiondrive import td_api

    # Arrays in Å: by way of its JSON in Bohr a coordinate may come back a digit lower, and a
    # grid of 24° or 40° elsewhere; it knows neither again and would ask for them for ever.
    state = {
        "dihedrals": scan["torsions"],
        "grid_spacing": [round(spacing) for spacing in scan["spacing_degrees"]],
        "elements": list(symbols),
        "init_coords": [_by_way_of_bohr(start) for start in starts],
        "grid_status": defaultdict(list),
    }
    best, failed, relaxations = {}, 0, 0
    points = np.prod([360 // step for step in state["grid_spacing"]])
    while True:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            try:
                jobs = td_api.get_next_jobs(state)
            except Exception as error:  # it asserts what it takes for granted
                raise RelaxationError(f"torsiondrive stopped: {error}") from error
        if not jobs:
            break
        for point, begin in sorted(jobs.items()):
            angles = tuple(int(angle) for angle in point)
            for start in begin:
                relaxations += 1
                if relaxations > MOST_RELAXATIONS * points:
                    raise RelaxationError(
                        f"{relaxations - 1} relaxations, and the scan of {points} points still "
                        "finds lower ones"
                    )
                positions = start * (1.0 / BOHR_IN_ANGSTROM) * BOHR_IN_ANGSTROM
                try:
                    found = relax(
                        gradient, symbols, positions, scan["torsions"], angles, max_steps,
                        convergence,
                    )  # fmt: skip
                    if not found.converged:  # its torsions may be elsewhere, and lower there
                        raise RelaxationError(f"not converged after {found.steps} steps")
                    energy, end = found.energy / HARTREE_IN_KCAL, found.positions
                except (RelaxationError, QMError):
                    failed, energy, end = failed + 1, NO_ENERGY, positions
                state["grid_status"][angles].append((start, _by_way_of_bohr(end), energy))
                if energy < best.get(angles, (NO_ENERGY, None))[0]:
                    best[angles] = energy, end
    if not best:
        raise RelaxationError(f"no point of the scan could be relaxed ({failed} failed)")
    return {angles: positions for angles, (_, positions) in sorted(best.items())}


def _by_way_of_bohr(positions) -> np.ndarray:
    """The last digit as in torsiondrive's JSON: QM results are found by every digit of a scan's
    geometries, and those of earlier versions came that way."""
    return np.asarray(positions, float) / BOHR_IN_ANGSTROM * BOHR_IN_ANGSTROM
