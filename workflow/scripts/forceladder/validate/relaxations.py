"""The reference's minima and torsion scans, relaxed by a method on its own surface.

Every relaxation starts from the reference's geometry of that very point: the question is where
the method goes from the truth, not what a search with it would find.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray

from forceladder import files
from forceladder.errors import CorruptFileError, MethodError, RelaxationError
from forceladder.fields import RELAXED_FIELDS, labelled
from forceladder.job import Progress, log
from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.relaxation import relax
from forceladder.molecules.stereo import stereo_change
from forceladder.provenance import digest
from forceladder.qm.hessians import hessian
from forceladder.training_set.dataset import (
    arrays_digest,
    molecule_positions,
    row_ranges,
    select_each,
)
from forceladder.validate.methods import (
    NO_PARAMETERS,
    Method,
    Subject,
    fingerprint,
    model_digests,
)
from forceladder.validate.vibrations import vibrations

SADDLE = 30.0  # 1/cm: a mode more imaginary than this is left, as in qm.procedures
SADDLE_STEP = 0.1  # Å, of the atom that moves most; the reference's, 0.2 Bohr


def relaxed_geometries(
    label: str, subjects: Iterable[Subject], dataset, settings: dict, folder=None, prints=None
) -> xarray.Dataset:
    """Arrays of fields.RELAXED_FIELDS of one method, for all molecules of a training set.

    subjects: of `methods.method_surfaces`      settings: the config's `validation.relaxations`
    folder: where each molecule is kept when it is done, to go on from
    prints: of `fingerprints`; only what was kept with the same one is used again
    """
    parts, progress = [], Progress(f"relax, {label}", dataset.sizes["molecule"])
    for done, subject in enumerate(subjects, start=1):
        kept = folder and Path(folder, f"{subject.name}.nc")
        part = _resumed(kept, prints[subject.name]) if kept else None
        if part is not None:
            # whoever kept it may have had other molecules before it
            part["relaxed_conformer"] = chosen_conformers(dataset, subject.index, settings)
        else:
            part = relaxed_molecule(subject, dataset, settings)
            if kept:
                whole = as_relaxed(label, [part]).assign_attrs(fingerprint=prints[subject.name])
                files.write_netcdf(kept, whole)
        parts.append(part)
        progress.update(done, subject.name)
    return as_relaxed(label, parts)


def fingerprints(dataset, method: Method, settings: dict) -> dict[str, str]:
    """Molecule → digest of all that decides what becomes of it: its own part of the training set,
    the method, its code, the settings. Other molecules have no part in it."""
    names, model = dataset["molecule_id"].values.tolist(), model_digests(method)
    each = select_each(dataset, ([(row, None)] for row in range(len(names))))
    return {
        name: digest([fingerprint(one, method, model), arrays_digest(one), dict(settings)])
        for name, one in zip(names, each, strict=True)
    }


def _resumed(path: Path, fingerprint: str) -> dict | None:
    """A molecule that was done by a job before this one, if it is whole and the same question."""
    if not path.exists():
        return None
    try:
        whole = files.read_netcdf(path)
    except CorruptFileError as error:
        log.warning("%s", error)
        return None
    if whole.attrs.get("fingerprint") != fingerprint:
        return None
    return {
        name: whole[name].values[0] if "method" in field.dims else whole[name].values
        for name, field in RELAXED_FIELDS.items()
        if name != "method"
    }


def as_relaxed(label: str, parts: list[dict]) -> xarray.Dataset:
    """Molecules of one method, each as `relaxed_molecule` returns it, one after another."""
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name in arrays:
        if "method" in RELAXED_FIELDS[name].dims:
            arrays[name] = arrays[name][None]
    return xarray.Dataset(labelled(arrays | {"method": [label]}, RELAXED_FIELDS))


def chosen_conformers(dataset, index: int, settings: dict) -> np.ndarray:
    """Rows of the conformers of a molecule that are relaxed: minima, those with a Hessian, and
    points of scans; not more minima and scans than the settings say, the first of each."""
    rows = np.arange(*row_ranges(dataset)["conformer"][index : index + 2])
    minima = rows[is_minimum(dataset)[rows]][: settings["max_minima_per_molecule"]]
    scan = dataset["scan"].values[rows]
    points = rows[(scan >= 0) & (scan < settings["max_scans_per_molecule"])]
    return np.union1d(minima, points)


def is_minimum(dataset) -> np.ndarray:
    """Whether a conformer is a minimum of the reference, [conformers]."""
    kind = dataset["geometry_kind"].values == "minimum"
    return (kind | (dataset["hessian_count"].values > 0)) & (dataset["scan"].values < 0)


def relaxed_molecule(subject: Subject, dataset, settings: dict) -> dict:
    """One molecule's arrays of fields.RELAXED_FIELDS, without the dim `method`."""
    conformers = chosen_conformers(dataset, subject.index, settings)
    ranges, starts = row_ranges(dataset), molecule_positions(dataset, subject.index)
    masses = dataset["mass"].values[slice(*ranges["atom"][subject.index : subject.index + 2])]
    hessians, made = [], {name: [] for name in RELAXED_FIELDS if name != "method"}
    made["relaxed_conformer"] = conformers
    for conformer in conformers:
        start = starts[conformer - ranges["conformer"][subject.index]]
        scan = int(dataset["scan"].values[conformer])
        torsions = scan_torsions(dataset, ranges["scan"][subject.index], scan)
        angles = dataset["scan_angle"].values[conformer][: len(torsions)].tolist()
        point = relaxed_point(subject, start, torsions, angles, settings)
        if dataset["hessian_count"].values[conformer]:
            point, matrix = with_hessian(subject, point, masses, settings)
            hessians.append(matrix.ravel())
        ends = np.full(2, np.nan)
        if torsions:
            ends[: len(torsions)] = torsion_angle(point.positions[np.array(torsions)])
        made["relaxed_torsion"].append(ends)
        for name, value in point._asdict().items():
            made[f"relaxed_{name}"].append(value)
    made["relaxed_torsion"] = np.reshape(made["relaxed_torsion"], (-1, 2))
    made["relaxed_positions"] = np.reshape(made["relaxed_positions"], (-1, 3))
    made["relaxed_hessian"] = np.concatenate([np.zeros(0), *hessians])
    return {name: np.asarray(values) for name, values in made.items()}


def scan_torsions(dataset, first: int, scan: int) -> list[list[int]]:
    """Atoms of the one or two torsions of a molecule's scan, from zero; none of scan −1.

    first: row of the molecule's first scan
    """
    if scan < 0:
        return []
    atoms = dataset["scan_torsions"].values[first + scan].reshape(2, 4).tolist()
    return [torsion for torsion in atoms if torsion[0] >= 0]


class Point(NamedTuple):
    """Where a relaxation ended: kcal/mol, [atoms, 3] Å, gradients taken, and why a number is
    missing. What did not converge, or is no longer the molecule that was drawn, has positions
    and no energy."""

    energy: float
    positions: np.ndarray
    steps: int
    reason: str


def relaxed_point(subject: Subject, start, torsions, angles, settings: dict) -> Point:
    """Relaxed from `start` [atoms, 3] Å with torsions held at angles, degrees."""
    nowhere = np.full_like(start, np.nan)
    if subject.surface is None:
        return Point(np.nan, nowhere, 0, NO_PARAMETERS)
    symbols = [atom.GetSymbol() for atom in subject.mol.GetAtoms()]
    try:
        end = relax(
            subject.surface, symbols, start, torsions, angles,
            settings["max_steps"], settings["convergence"],
        )  # fmt: skip
    except (MethodError, RelaxationError) as error:
        return Point(np.nan, nowhere, 0, str(error))
    if not end.converged:
        reason = f"not converged after {end.steps} steps"
    elif change := connectivity_change(subject.mol, end.positions):
        reason = f"connectivity changed: {change}"
    elif change := stereo_change(subject.mol, end.positions):
        reason = f"stereochemistry changed: {change}"
    else:
        return Point(end.energy, end.positions, end.steps, "")
    return Point(np.nan, end.positions, end.steps, reason)


def with_hessian(subject: Subject, point: Point, masses, settings: dict):
    """A minimum and its Hessian [3 atoms, 3 atoms] kcal/mol/Å², NaN if it has none.

    Where the Hessian shows a saddle point the geometry is moved along the imaginary mode and
    relaxed once more, as the reference's minima are.
    """
    point, matrix = method_hessian(subject, point, settings)
    if not np.isfinite(matrix).all():
        return point, matrix
    wavenumbers, modes = vibrations(matrix, masses, point.positions)
    if wavenumbers[0] >= -SADDLE:
        return point, matrix
    direction = modes[0].reshape(-1, 3) / np.sqrt(masses)[:, None]
    moved = point.positions + SADDLE_STEP * direction / np.abs(direction).max()
    again = relaxed_point(subject, moved, [], [], settings)
    again = again._replace(steps=point.steps + again.steps)
    return method_hessian(subject, again, settings)


def method_hessian(subject: Subject, point: Point, settings: dict):
    """The point, with a reason where the method gives no Hessian there, and the method's Hessian
    by central differences of its gradient, NaN without an energy. Its error is of second order
    in the step, which is the reference's."""
    unknown = np.full((point.positions.size, point.positions.size), np.nan)
    if not np.isfinite(point.energy):
        return point, unknown
    try:
        step = settings["hessian_step_angstrom"]
        return point, hessian(subject.surface, point.positions, step)
    except MethodError as error:
        return point._replace(reason=f"no Hessian: {error}"), unknown
