"""Procedures: what is made of many gradients. Minima, Hessians, torsion scans, spot checks.

None has a state of its own: each gradient is a task in the cache, so that a procedure
that was interrupted replays what is done and goes on. What comes out is a record of the
final geometry like any other, with `procedure` in its extras.
"""

import numpy as np
from qcelemental import periodictable

from forceladder.errors import QMError, RelaxationError
from forceladder.job import seed_of
from forceladder.molecules.listing import MAPPED
from forceladder.molecules.normal_modes import wavenumbers
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.molecules.relaxation import relax
from forceladder.molecules.sampling import xtb_gradient
from forceladder.molecules.torsion_scans import drive_torsions
from forceladder.qm.calculator import Calculator
from forceladder.qm.engines import failure
from forceladder.qm.hessians import hessian
from forceladder.qm.records import make_record, with_dispersion
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    EV_IN_KCAL,
    HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2,
)

SADDLE_STEP = 0.2  # Bohr, of the atom that moves most
SPOT_CHECK_STEP = 0.02  # Bohr along a random unit direction: balances truncation and SCF noise


def gradient_records(calculator: Calculator, molecules: list[dict], settings: dict) -> list[dict]:
    """One record per qcschema molecule; a fraction of them is checked by finite differences."""
    records = []
    for molecule in molecules:
        task = calculator.task(molecule)
        record = make_record(task, molecule, calculator.result(task))
        chosen = seed_of("spot check", task["digest"]) < settings["spot_check_fraction"] * 2**31
        if chosen and record["success"]:
            record["extras"]["forceladder"] |= spot_check(calculator, molecule, record)
        records.append(record)
    return records


def spot_check(calculator: Calculator, molecule: dict, record: dict) -> dict:
    """The gradient along a random direction, as given and by central differences of energies.

    returns: `finite_difference` {analytic, numeric, step_bohr}, Hartree/Bohr; empty where the
        displaced energies could not be computed
    """
    geometry = np.reshape(molecule["geometry"], -1)
    random = np.random.default_rng(seed_of("spot check", record["id"]))
    direction = random.normal(size=geometry.size)
    direction /= np.linalg.norm(direction)
    energies = []
    for sign in (1.0, -1.0):
        moved = (geometry + sign * SPOT_CHECK_STEP * direction).tolist()
        task = calculator.task({**molecule, "geometry": moved}, driver="energy")
        result = calculator.result(task)
        if not result["success"]:
            return {}
        energies.append(with_dispersion(task, result)[0])
    numeric = (energies[0] - energies[1]) / (2.0 * SPOT_CHECK_STEP)
    analytic = float(np.dot(record["return_result"], direction))
    return {
        "finite_difference": {
            "analytic": analytic, "numeric": numeric, "step_bohr": SPOT_CHECK_STEP,
        }
    }  # fmt: skip


def minimum_records(calculator: Calculator, molecules: list[dict], settings: dict) -> list[dict]:
    """A minimum from each geometry; the lowest ones that converged have a Hessian as well.

    Where that Hessian shows a saddle point (planar amides are one at many levels of theory),
    the geometry is moved along the imaginary mode and relaxed once more.
    """
    found = [relaxed_record(calculator, molecule, "minimum", settings) for molecule in molecules]
    rows = [row for row, record in enumerate(found) if has_converged(record)]
    rows.sort(key=lambda row: found[row]["properties"]["return_energy"])
    for row in rows[: settings["hessians_per_molecule"]]:
        found[row] = with_hessian(calculator, found[row], settings)
        lowest, mode = lowest_mode(found[row])
        if lowest < -settings["saddle_wavenumber_per_cm"]:
            moved = relaxed_record(
                calculator, displaced(found[row]["molecule"], mode), "minimum", settings
            )
            moved["extras"]["forceladder"]["procedure"]["left_saddle_per_cm"] = lowest
            if has_converged(moved):  # else a saddle point is better than nothing
                found[row] = with_hessian(calculator, moved, settings)
    return found


def has_converged(record: dict) -> bool:
    return record["success"] and record["extras"]["forceladder"]["procedure"]["converged"]


def with_hessian(calculator: Calculator, record: dict, settings: dict) -> dict:
    """The record with `hessian_extras` and its softest mode, if it is a converged success."""
    if has_converged(record):
        ours = record["extras"]["forceladder"]
        ours |= hessian_extras(calculator, record, settings)
        if "hessian" in ours:
            ours["lowest_wavenumber_per_cm"] = lowest_mode(record)[0]
    return record


def lowest_mode(record: dict) -> tuple[float, np.ndarray]:
    """Wavenumber (1/cm, negative if imaginary) of the softest mode of a record's Hessian, and
    its direction [atoms, 3], the largest component one; infinity without a Hessian."""
    elements = record["extras"]["forceladder"].get("hessian")
    atoms = len(record["molecule"]["symbols"])
    if elements is None:
        return np.inf, np.zeros((atoms, 3))
    masses = np.array([periodictable.to_mass(s) for s in record["molecule"]["symbols"]])
    root = np.sqrt(np.repeat(masses, 3))
    curvatures, modes = np.linalg.eigh(np.reshape(elements, (3 * atoms, -1)) / np.outer(root, root))
    # rigid motions have no curvature at all, and say nothing
    softest = min(np.flatnonzero(np.abs(curvatures) > 1e-10), key=lambda k: curvatures[k])
    direction = (modes[:, softest] / root).reshape(-1, 3)
    in_kcal = curvatures[softest] * HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2
    wavenumber = np.sign(in_kcal) * wavenumbers(abs(in_kcal) / EV_IN_KCAL)
    return float(wavenumber), direction / np.abs(direction).max()


def displaced(molecule: dict, direction) -> dict:
    """A qcschema molecule moved by SADDLE_STEP along a direction [atoms, 3]."""
    geometry = np.ravel(molecule["geometry"]) + SADDLE_STEP * np.ravel(direction)
    return molecule | {"geometry": geometry.tolist()}


def hessian_extras(calculator: Calculator, record: dict, settings: dict) -> dict:
    """`hessian` [9 N²] Hartree/Bohr² of a record's geometry, or `hessian_error`."""
    molecule = record["molecule"]
    gradient = calculator.gradient_of(molecule)
    positions = np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    try:
        matrix = hessian(gradient, positions, settings["hessian_step_angstrom"])
    except QMError as error:
        return {"hessian_error": f"{error.error_type}: {error}"[-300:]}
    matrix = matrix / HARTREE_PER_BOHR2_IN_KCAL_PER_ANGSTROM2
    return {"hessian": matrix.ravel().tolist(), "hessian_steps": gradient.steps}


def scan_records(calculator: Calculator, molecules: list[dict], settings: dict) -> list[dict]:
    """The points of one scan, each relaxed with its torsions held at the grid's angles.

    With `torsion_scans: wavefront` in the settings, each new lowest point seeds its
    neighbours at this level of theory as well.
    """
    if settings["torsion_scans"] == "wavefront":
        molecules = wavefront(calculator, molecules, settings)
    return [relaxed_record(calculator, m, "torsion_scan", settings) for m in molecules]


def wavefront(calculator: Calculator, molecules: list[dict], settings: dict) -> list[dict]:
    """The same points at geometries from a wavefront at this level of theory; as they were
    where no optimization of a point succeeded."""
    scan = molecules[0]["extras"]["scan"]
    starts = [np.reshape(m["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM for m in molecules]
    try:
        points = drive_torsions(
            calculator.gradient_of(molecules[0]), molecules[0]["symbols"], starts, scan,
            settings["max_steps"], settings["convergence"],
        )  # fmt: skip
    except RelaxationError:
        return molecules
    moved = []
    for molecule in molecules:
        angles = tuple(round(angle) for angle in molecule["extras"]["scan"]["angles_degrees"])
        if angles in points:
            molecule = molecule | {"geometry": (points[angles] / BOHR_IN_ANGSTROM).ravel().tolist()}
        moved.append(molecule)
    return moved


def relaxed_record(calculator: Calculator, molecule: dict, kind: str, settings: dict) -> dict:
    """Record of the geometry to which a molecule relaxes; a failure is a record, too.

    A scan's torsions are held, and its record carries no ESP; a minimum has all properties.
    """
    scan = molecule["extras"].get("scan") if kind == "torsion_scan" else None
    held = (scan["torsions"], scan["angles_degrees"]) if scan else ((), ())
    start = np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    gradient = calculator.gradient_of(molecule)
    procedure = {"kind": kind, "convergence": settings["convergence"]}
    if scan:
        procedure |= {"torsions": held[0], "angles_degrees": held[1]}
    try:
        found = relax(
            gradient, molecule["symbols"], start, *held, settings["max_steps"],
            settings["convergence"], first_hessian(molecule, start),
        )  # fmt: skip
    except (QMError, RelaxationError) as error:
        kind_of_error = getattr(error, "error_type", "relaxation_failed")
        procedure |= {"converged": False, "steps": gradient.steps}
        task = calculator.task(molecule)
        record = make_record(task, molecule, failure(kind_of_error, str(error)))
    else:
        procedure |= {"converged": found.converged, "steps": gradient.steps}
        geometry = (found.positions / BOHR_IN_ANGSTROM).ravel().tolist()
        extras = molecule["extras"] | {"geometry_kind": kind}
        molecule = molecule | {"geometry": geometry, "extras": extras}
        task = calculator.task(molecule, **({"esp": None} if scan else {}))
        record = make_record(task, molecule, calculator.result(task))
    record["extras"]["forceladder"]["procedure"] = procedure
    return record


def first_hessian(molecule: dict, positions) -> np.ndarray | None:
    """GFN2-xTB's Hessian, kcal/mol/Å²: a start that saves about a third of the steps."""
    mol = molecule_from_mapped_smiles(molecule["extras"][MAPPED])
    gradient = xtb_gradient(
        mol, round(molecule["molecular_charge"]), molecule["molecular_multiplicity"]
    )
    try:
        return hessian(gradient, positions, step=0.005)
    except QMError:
        return None
