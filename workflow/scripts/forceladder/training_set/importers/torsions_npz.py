"""Torsion scans as one flat .npz (github.com/leifjacobson/MLFF_test_data).

Per scan: names, smiles, charge, nconf. Per point: natoms, torsion_atoms [points, 4] from 1,
torsion_angle (degrees), `E[level of theory](Ha)`. Per point and atom: elements, coords (Å).
Energies only.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from forceladder.errors import ConfigError, CorruptFileError
from forceladder.molecules.connectivity import perceived_bonds
from forceladder.training_set.build import conformer
from forceladder.training_set.importers.sources import npz_arrays
from forceladder.units import HARTREE_IN_KCAL

ARRAYS = (
    "names", "smiles", "charge", "nconf", "natoms", "elements", "coords", "torsion_atoms",
    "torsion_angle",
)  # fmt: skip
ENERGY = re.compile(r"E\[(.+)\]\(Ha\)")


def read_torsions_npz(path) -> Iterator[tuple]:
    """Molecules with their scans; see `importers`.

    Scans of one SMILES are one molecule if their atoms and bonds come in the same order.
    """
    arrays = npz_arrays(path, ARRAYS)
    named = [key for key in arrays["keys"] if ENERGY.fullmatch(key)]
    if len(named) != 1:
        raise ConfigError(f"{path} has {len(named)} arrays named 'E[…](Ha)', it must have one.")
    arrays["energy"] = npz_arrays(path, (named[0],))[named[0]] * HARTREE_IN_KCAL
    molecules = {}
    for scan in scans_in(path, arrays):
        lowest = scan["positions"][np.argmin(scan["energies"])]
        bonds = frozenset(perceived_bonds(scan["numbers"], lowest))
        key = scan["smiles"], tuple(scan["numbers"].tolist()), bonds
        molecules.setdefault(key, []).append(scan)
    for (smiles, numbers, _), scans in molecules.items():
        said = {
            "label": scans[0]["name"],
            "atomic_numbers": list(numbers),
            "smiles": smiles,
            "net_charge": scans[0]["charge"],
            "level_of_theory": ENERGY.fullmatch(named[0])[1],
        }
        conformers = [
            conformer(
                positions, float(energy), "torsion_scan",
                scan=index, scan_angle=np.array([angle, np.nan]),
            )
            for index, scan in enumerate(scans)
            for positions, energy, angle in zip(
                scan["positions"], scan["energies"], scan["angles"], strict=True
            )
        ]  # fmt: skip
        yield said, conformers, [[*scan["torsion"], -1, -1, -1, -1] for scan in scans]


def scans_in(path, arrays) -> Iterator[dict]:
    """One dict per scan: name, smiles, charge, torsion (from 0), numbers [atoms], positions
    [points, atoms, 3] Å, energies [points] kcal/mol, angles [points] degrees."""
    first_point = np.concatenate([[0], np.cumsum(arrays["nconf"], dtype=int)])
    first_atom = np.concatenate([[0], np.cumsum(arrays["natoms"], dtype=int)])
    if first_point[-1] != len(arrays["natoms"]) or first_atom[-1] != len(arrays["coords"]):
        raise CorruptFileError(f"{path}: its counts do not add up; copy it anew.")
    for k, (start, end) in enumerate(pairwise(first_point)):
        atoms = slice(first_atom[start], first_atom[end])
        count = int(arrays["natoms"][start])
        numbers = arrays["elements"][atoms].reshape(end - start, count)
        torsions = arrays["torsion_atoms"][start:end]
        if (numbers != numbers[0]).any() or (torsions != torsions[0]).any():
            raise CorruptFileError(f"{path}: atoms or torsion change along scan {k}; copy it anew.")
        yield {
            "name": str(arrays["names"][k]),
            "smiles": str(arrays["smiles"][k]),
            "charge": int(arrays["charge"][k]),
            "torsion": (torsions[0] - 1).tolist(),
            "numbers": numbers[0],
            "positions": arrays["coords"][atoms].reshape(end - start, count, 3).astype(float),
            "energies": arrays["energy"][start:end],
            "angles": arrays["torsion_angle"][start:end].astype(float),
        }
