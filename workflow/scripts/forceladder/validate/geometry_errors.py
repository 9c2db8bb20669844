"""Tables of what methods make of the reference's torsion profiles, minima and vibrations.

Every scan, minimum and Hessian that was asked for is a row of every method; where it has no
number, the column `reason` says why.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from forceladder.molecules.connectivity import atom_name
from forceladder.molecules.positions import with_positions
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.training_set.dataset import molecule_positions, row_ranges
from forceladder.validate.frequencies import Spectra, frequency_errors, spectra
from forceladder.validate.minima import (
    best_rmsd,
    energy_differences,
    geometry_errors,
)
from forceladder.validate.profiles import Scan, profile_errors, torsion_scans
from forceladder.validate.relaxations import is_minimum, scan_torsions
from forceladder.validate.relaxed import Relaxed

PROFILE_COLUMNS = [
    "method", "molecule", "split", "scan", "torsion", "points", "failed", "failed_fraction", "rmse",
    "barrier_error", "barrier_rmse", "minima", "missing_minima", "spurious_minima", "minima_shift",
    "boltzmann_distance", "well_distance", "rmsd", "reason",
]  # fmt: skip
MINIMUM_COLUMNS = [
    "method", "molecule", "split", "conformer", "failed", "rmsd", "heavy_rmsd", "tfd", "dde",
    "reason",
]  # fmt: skip
FREQUENCY_COLUMNS = [
    "method", "molecule", "split", "conformer", "failed", "modes", "rmse", "mae", "matched_rmse",
    "matched_mae", "low_rmse", "high_rmse", "imaginary", "overlap", "zero_point_error", "reason",
]  # fmt: skip


class ScanProfile(NamedTuple):
    """One scan by one method: energies [points] kcal/mol, NaN where it has none."""

    method: str
    molecule: str
    torsion: str
    scan: Scan
    reference: np.ndarray
    energies: np.ndarray
    made: Relaxed


class Spectrum(NamedTuple):
    """One Hessian by one method; `found` is the reason where there is nothing to compare."""

    method: str
    molecule: int
    conformer: int
    found: Spectra | str


def each_method(dataset, relaxed) -> Iterator[tuple[str, Relaxed]]:
    """Name of every method, and what it made of the training set."""
    for k, method in enumerate(relaxed["method"].values):
        yield str(method), Relaxed(dataset, relaxed, k)


def molecules_of(dataset) -> list:
    """RDKit's, explicit hydrogens, atoms in the training set's order."""
    return [molecule_from_mapped_smiles(str(s)) for s in dataset["mapped_smiles"].values]


def scan_profiles(dataset, relaxed) -> list[ScanProfile]:
    """Every scan that was relaxed, by every method."""
    scans, mols, energy = torsion_scans(dataset), molecules_of(dataset), dataset["energy"].values
    first_scan, found = row_ranges(dataset)["scan"], []
    for method, made in each_method(dataset, relaxed):
        for scan in scans:
            if scan.conformers[0] not in made:
                continue
            torsions = scan_torsions(dataset, first_scan[scan.molecule], scan.index)
            names = ["-".join(atom_name(mols[scan.molecule], a) for a in t) for t in torsions]
            energies = np.array([made.energy(conformer) for conformer in scan.conformers])
            name = str(dataset["molecule_id"].values[scan.molecule])
            found.append(
                ScanProfile(method, name, " × ".join(names), scan, energy[scan.conformers],
                            energies, made)
            )  # fmt: skip
    return found


def profile_rows(dataset, profiles: list[ScanProfile]) -> list[dict]:
    """Rows of PROFILE_COLUMNS, see `profiles.profile_errors`; `rmsd`, Å, is the mean over all
    points of how far relaxing moved them."""
    rows, mols, first = [], molecules_of(dataset), row_ranges(dataset)["conformer"]
    for p in profiles:
        m = p.scan.molecule
        starts = molecule_positions(dataset, m)[p.scan.conformers - first[m]]
        moves = [
            best_rmsd(*(with_positions(mols[m], x) for x in (p.made.positions(c), start)))
            for c, start in zip(p.scan.conformers, starts, strict=True)
            if np.isfinite(p.made.positions(c)).all()
        ]
        reasons = Counter(p.made.reason(c) for c in p.scan.conformers if p.made.reason(c))
        rows.append(
            {
                "method": p.method, "molecule": p.molecule, "scan": p.scan.index,
                "split": str(dataset["split"].values[m]), "torsion": p.torsion,
                "failed": int(np.isnan(p.energies).sum()),
                "failed_fraction": float(np.isnan(p.energies).mean()),
                "rmsd": float(np.mean(moves)) if moves else np.nan,
                "reason": "; ".join(f"{n} points: {why}" for why, n in reasons.items()),
            }
            | profile_errors(p.scan.angles, p.reference, p.energies)
        )  # fmt: skip
    return rows


def minimum_rows(dataset, relaxed) -> list[dict]:
    """Rows of MINIMUM_COLUMNS, see `minima.geometry_errors` and `minima.energy_differences`."""
    rows, mols, minima = [], molecules_of(dataset), is_minimum(dataset)
    first, energy = row_ranges(dataset)["conformer"], dataset["energy"].values
    for method, made in each_method(dataset, relaxed):
        for m, name in enumerate(dataset["molecule_id"].values):
            here = [c for c in range(first[m], first[m + 1]) if minima[c] and c in made]
            if not here:
                continue
            starts, ours = molecule_positions(dataset, m), [made.energy(c) for c in here]
            differences = energy_differences(energy[here], np.array(ours))
            for c, dde in zip(here, differences, strict=True):
                row = {
                    "method": method, "molecule": str(name), "conformer": int(c - first[m]),
                    "split": str(dataset["split"].values[m]), "dde": float(dde),
                    "failed": int(np.isnan(made.energy(c))), "reason": made.reason(c),
                }  # fmt: skip
                if np.isfinite(made.positions(c)).all():
                    row |= geometry_errors(mols[m], starts[c - first[m]], made.positions(c))
                rows.append(row)
    return rows


def method_spectra(dataset, relaxed) -> list[Spectrum]:
    """Every Hessian of the reference beside that of every method at its own minimum."""
    ranges, starts = row_ranges(dataset), np.cumsum([0, *dataset["hessian_count"].values])
    found = []
    for method, made in each_method(dataset, relaxed):
        for m in range(dataset.sizes["molecule"]):
            first, end = ranges["conformer"][m : m + 2]
            masses = dataset["mass"].values[slice(*ranges["atom"][m : m + 2])]
            for c in range(first, end):
                if not dataset["hessian_count"].values[c] or c not in made:
                    continue
                matrix, ours = dataset["hessian"].values[starts[c] : starts[c + 1]], made.hessian(c)
                compared = made.reason(c)
                if np.isfinite(ours).all():
                    compared = spectra(
                        masses, molecule_positions(dataset, m)[c - first],
                        matrix.reshape(ours.shape), made.positions(c), ours,
                    )  # fmt: skip
                found.append(Spectrum(method, m, c - first, compared))
    return found


def frequency_rows(dataset, found: list[Spectrum]) -> list[dict]:
    """Rows of FREQUENCY_COLUMNS, see `frequencies.frequency_errors`."""
    rows = []
    for spectrum in found:
        said = isinstance(spectrum.found, str)
        row = {
            "method": spectrum.method, "conformer": int(spectrum.conformer),
            "molecule": str(dataset["molecule_id"].values[spectrum.molecule]),
            "split": str(dataset["split"].values[spectrum.molecule]),
            "failed": int(said), "reason": spectrum.found if said else "",
        }  # fmt: skip
        rows.append(row if said else row | frequency_errors(spectrum.found))
    return rows
