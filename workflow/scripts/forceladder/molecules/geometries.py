"""All geometries of one molecule, and the SDF file that carries them."""

import json
import math
from io import StringIO

import numpy as np
from rdkit import Chem

from forceladder.errors import CorruptFileError, RelaxationError
from forceladder.job import log
from forceladder.molecules.conformers import minimized_conformers
from forceladder.molecules.normal_modes import normal_mode_frames
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.molecules.sampling import sampled_frames, xtb_gradient
from forceladder.molecules.torsion_scans import drive_torsions, planned_scans

# Where a geometry comes from
KINDS = {
    "conformer": "a minimum of MMFF94s",
    "sampled": "a frame of GFN2-xTB molecular dynamics",
    "normal_mode": "displaced along GFN2-xTB's normal modes",
    "rung_sampled": "a frame of molecular dynamics with a fitted rung",
    "torsion_scan": "a point of a relaxed torsion scan",
    "minimum": "a minimum of the level of theory",
    "imported": "from a data set of others",
}


# What an entry of the SDF file says beside its coordinates
PROPERTIES = ("mapped_smiles", "geometry_kind", "temperature_kelvin", "torsion_scan")


def generate_geometries(
    molecule: dict, settings: dict, given=(), drives=(), left_out: list | None = None
) -> list[dict]:
    """Minimized conformers; then, per temperature, MD frames and normal-mode displacements;
    then torsion scans relaxed with GFN2-xTB.

    Frames are shared out among the conformers.

    molecule: as `read_row` returns it      settings: the config's `geometries` section
    given: geometries that the user brought; they come after the conformers
    drives: torsion scans that the user brought, each one or two torsions; see planned_scans
    left_out: gets a row (id, code, reason) for every scan that is not whole
    returns: dicts of `positions` [atoms, 3] Å, `kind`, `temperature` K, and for points of a
        scan `scan` (see torsion_scans)
    raises: MoleculeError conformer_failed or sampling_failed
    """
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    minima = minimized_conformers(
        mol,
        count=settings["conformers_per_molecule"],
        candidates=settings["candidates_per_molecule"],
        prune_rmsd=settings["prune_rmsd_angstrom"],
        seed=settings["seed"],
    )
    geometries = [_geometry(positions, "conformer", 0.0) for positions in minima]
    geometries += given
    state = molecule["net_charge"], molecule["multiplicity"]
    for temperature in settings["temperatures_kelvin"]:
        for conformer, count in _shares(settings["frames_per_temperature"], len(minima)):
            frames = sampled_frames(
                numbers, minima[conformer], *state, temperature, count,
                interval=settings["frame_interval_fs"], timestep=settings["timestep_fs"],
                friction=settings["friction_per_ps"], seed=settings["seed"] + conformer,
            )  # fmt: skip
            geometries += [_geometry(frame, "sampled", temperature) for frame in frames]
        modes = settings["normal_mode_frames_per_temperature"]
        for conformer, count in _shares(modes, len(minima)):
            frames = normal_mode_frames(
                numbers, minima[conformer], *state, temperature, count, settings["seed"] + conformer
            )
            geometries += [_geometry(frame, "normal_mode", temperature) for frame in frames]
    left_out = [] if left_out is None else left_out
    return geometries + scanned_geometries(
        mol, molecule, minima, settings["torsion_scans"], drives, left_out
    )


def scanned_geometries(mol, molecule: dict, minima, settings, drives, left_out) -> list[dict]:
    """Points of all torsion scans of a molecule, relaxed with GFN2-xTB from all its minima.

    A point that cannot be relaxed is left out, or all of a scan; `left_out` gets a row for each
    scan that is not whole.
    """
    gradient = xtb_gradient(mol, molecule["net_charge"], molecule["multiplicity"])
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    geometries = []

    def leave_out(code, reason):
        log.warning("%s: %s", molecule["id"], reason)
        left_out.append({"id": molecule["id"], "code": code, "reason": reason})

    scans, impossible = planned_scans(mol, settings, molecule["id"], drives)
    for sentence in impossible:
        leave_out("torsion_not_in_molecule", sentence)
    for scan in scans:
        try:
            points = drive_torsions(gradient, symbols, minima, scan, settings["max_steps"])
        except RelaxationError as error:
            leave_out("scan_failed", f"scan {scan['index']}: {error}")
            continue
        planned = math.prod(360 // round(spacing) for spacing in scan["spacing_degrees"])
        if len(points) < planned:
            missing = f"{planned - len(points)} of {planned} points could not be relaxed"
            leave_out("scan_not_whole", f"scan {scan['index']}: {missing}")
        for angles, positions in points.items():
            point = scan | {"angles_degrees": [float(angle) for angle in angles]}
            geometries.append(_geometry(positions, "torsion_scan", 0.0) | {"scan": point})
    return geometries


def _shares(frames: int, conformers: int) -> list[tuple[int, int]]:
    """(conformer, number of its frames), as even as they come; conformers without are left out."""
    sizes = [len(share) for share in np.array_split(np.arange(frames), conformers)]
    return [(conformer, size) for conformer, size in enumerate(sizes) if size]


def _geometry(positions, kind: str, temperature: float) -> dict:
    return {"positions": positions, "kind": kind, "temperature": float(temperature)}


def geometries_to_sdf(molecule: dict, geometries: list[dict]) -> str:
    """SDF text (V3000), one entry per geometry, atoms ordered as in the mapped SMILES."""
    mol = molecule_from_mapped_smiles(molecule["mapped_smiles"])
    mol.SetProp("_Name", molecule["id"])
    text = StringIO()
    writer = Chem.SDWriter(text)
    writer.SetForceV3000(True)
    for geometry in geometries:
        mol.RemoveAllConformers()
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(np.asarray(geometry["positions"], float))
        mol.AddConformer(conformer)
        mol.SetProp("mapped_smiles", molecule["mapped_smiles"])
        mol.SetProp("geometry_kind", geometry["kind"])
        mol.SetProp("temperature_kelvin", repr(geometry["temperature"]))
        mol.SetProp("torsion_scan", json.dumps(geometry.get("scan")))
        writer.write(mol)
    writer.close()
    return text.getvalue()


def geometries_from_sdf(path) -> list[dict]:
    """Read what `geometries_to_sdf` wrote."""
    geometries = []
    for entry in Chem.SDMolSupplier(str(path), removeHs=False):
        if entry is None or not all(entry.HasProp(name) for name in PROPERTIES):
            raise CorruptFileError(f"{path} has an entry that cannot be read; delete the file.")
        geometry = _geometry(
            entry.GetConformer().GetPositions(),
            entry.GetProp("geometry_kind"),
            float(entry.GetProp("temperature_kelvin")),
        )
        scan = json.loads(entry.GetProp("torsion_scan"))
        geometries.append(geometry | ({"scan": scan} if scan else {}))
    return geometries
