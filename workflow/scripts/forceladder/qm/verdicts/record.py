"""What a record says against itself: the checks that need no other record."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from rdkit import Chem

from forceladder.molecules.angles import torsion_angle
from forceladder.molecules.connectivity import changed_bonds, moved_protons, phrase_of_changes
from forceladder.molecules.listing import MAPPED
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.molecules.stereo import stereo_change
from forceladder.qm.engines import ENGINES
from forceladder.qm.tasks import level_of_theory
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)

ACCEPTED = "accepted"

Verdict = tuple[str, str]  # code and reason


class Evidence(NamedTuple):
    """A successful record in house units, and the molecule that it should be."""

    record: dict
    mol: Chem.Mol  # as drawn, explicit hydrogens
    positions: np.ndarray  # [atoms, 3]  Å
    energy: float  # kcal/mol
    gradient: np.ndarray  # [atoms, 3]  kcal/mol/Å

    @property
    def ours(self) -> dict:
        return self.record["extras"]["forceladder"]


def judge_record(record: dict, spec: dict, limits: dict) -> Verdict:
    """(verdict, reason): 'accepted' and '', or the code of the first check that fails.

    spec: the level of theory that was asked for      limits: the config's `qm.limits`
    """
    if not record["success"]:
        error = record["error"]
        return f"failed_{error['error_type']}", error["error_message"][-300:]
    if reason := other_level_of_theory(record, spec):
        return "wrong_level_of_theory", reason
    evidence = evidence_of(record)
    for check in CHECKS:
        if verdict := check(evidence, limits):
            return verdict
    return ACCEPTED, ""


def evidence_of(record: dict) -> Evidence:
    """A successful record in house units; missing numbers are NaN."""
    molecule = record["molecule"]
    gradient = np.reshape(np.array(record["return_result"], float), (-1, 3))
    energy = record["properties"]["return_energy"]
    return Evidence(
        record=record,
        mol=_molecule(molecule["extras"][MAPPED]),
        positions=np.reshape(molecule["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM,
        energy=np.nan if energy is None else energy * HARTREE_IN_KCAL,
        gradient=gradient * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
    )


@lru_cache(maxsize=4)  # records come molecule by molecule
def _molecule(mapped_smiles: str) -> Chem.Mol:
    return molecule_from_mapped_smiles(mapped_smiles)


def other_level_of_theory(record: dict, spec: dict) -> str | None:
    """How method, basis, dispersion or engine differ from what was asked, None if they do not."""
    ours, asked = record["extras"]["forceladder"], level_of_theory(spec)
    if ours["level_of_theory"] != asked:
        return f"{ours['level_of_theory']} instead of {asked}"
    creator = record["provenance"]["creator"]
    if creator != ENGINES[spec["engine"]].creator:
        return f"computed by {creator} instead of {ENGINES[spec['engine']].creator}"
    without = ours["energy_without_dispersion"]
    if spec.get("dispersion") and record["properties"]["return_energy"] == without:
        return f"without the dispersion energy of {asked}"
    return None


def not_finite(evidence: Evidence, limits: dict) -> Verdict | None:
    """Energy or gradient hold something else than numbers, or too few."""
    if evidence.gradient.shape != evidence.positions.shape:
        return "not_finite", (
            f"{len(evidence.gradient)} gradient vectors for {len(evidence.positions)} atoms"
        )
    if not (np.isfinite(evidence.gradient).all() and np.isfinite(evidence.energy)):
        return "not_finite", "energy or gradient is not a number"
    return None


def net_force(evidence: Evidence) -> float:
    """|Σ g|, kcal/mol/Å: an exact energy does not change when a molecule is moved."""
    return float(np.linalg.norm(evidence.gradient.sum(axis=0)))


def net_torque(evidence: Evidence) -> float:
    """|Σ r × g| about the mean position, kcal/mol: nor does it when a molecule is turned."""
    arms = evidence.positions - evidence.positions.mean(axis=0)
    return float(np.linalg.norm(np.cross(arms, evidence.gradient).sum(axis=0)))


def largest_force(evidence: Evidence) -> float:
    """Length of the longest force on an atom, kcal/mol/Å."""
    return float(np.linalg.norm(evidence.gradient, axis=1).max())


def finite_difference_error(evidence: Evidence) -> float:
    """|analytic − numeric| of the spot check's directional derivative, kcal/mol/Å; NaN if none."""
    if check := evidence.ours.get("finite_difference"):
        error = abs(check["analytic"] - check["numeric"])
        return float(error * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM)
    return np.nan


def unbalanced(evidence: Evidence, limits: dict) -> Verdict | None:
    """Forces or torques that do not add up to zero: a coarse DFT grid, or a torn gradient."""
    force, limit = net_force(evidence), limits["max_net_force_kcal_per_angstrom"]
    if force > limit:
        return "net_force", f"forces add up to {force:.3f} kcal/mol/Å, limit {limit:g}"
    torque, limit = net_torque(evidence), limits["max_net_torque_kcal"]
    if torque > limit:
        return "net_torque", f"torques add up to {torque:.3f} kcal/mol, limit {limit:g}"
    return None


def torn(evidence: Evidence, limits: dict) -> Verdict | None:
    """A force that no molecular dynamics meets."""
    force, limit = largest_force(evidence), limits["max_force_kcal_per_angstrom"]
    if force > limit:
        return "large_force", f"largest force {force:.0f} kcal/mol/Å, limit {limit:g}"
    return None


def another_molecule(evidence: Evidence, limits: dict) -> Verdict | None:
    """Bonds that are not as drawn: moved protons alone, or anything else."""
    broken, formed = changed_bonds(evidence.mol, evidence.positions)
    if moved := moved_protons(evidence.mol, broken, formed):
        return "protonation_changed", moved
    if broken or formed:
        return "connectivity_changed", phrase_of_changes(evidence.mol, broken, formed)
    return None


def another_isomer(evidence: Evidence, limits: dict) -> Verdict | None:
    """A stereocentre or double bond on the other side of what was drawn."""
    change = stereo_change(evidence.mol, evidence.positions)
    return ("stereo_changed", change) if change else None


def wrong_slope(evidence: Evidence, limits: dict) -> Verdict | None:
    """A spot check by finite differences of energies that the gradient did not pass."""
    check = evidence.ours.get("finite_difference")
    limit = limits["max_finite_difference_error_kcal_per_angstrom"]
    if not check or (error := finite_difference_error(evidence)) <= limit:
        return None
    return "finite_difference", (
        f"gradient and energy differ by {error:.3f} kcal/mol/Å along a direction "
        f"({check['analytic']:.6f} and {check['numeric']:.6f} Hartree/Bohr), limit {limit:g}"
    )


def unfinished(evidence: Evidence, limits: dict) -> Verdict | None:
    """A relaxation that did not converge, or that left its torsions elsewhere."""
    procedure = evidence.ours.get("procedure")
    if not procedure:
        return None
    if not procedure["converged"]:
        steps = procedure["steps"]
        count = steps if isinstance(steps, int) else len(steps)
        return "not_converged", f"{procedure['kind']} not converged after {count} gradients"
    limit = limits["max_torsion_error_degrees"]
    targets = zip(procedure.get("torsions", []), procedure.get("angles_degrees", []), strict=True)
    for atoms, target in targets:
        angle = torsion_angle(evidence.positions[list(atoms)])
        error = abs((angle - target + 180.0) % 360.0 - 180.0)
        if not error <= limit:
            names = "-".join(str(atom + 1) for atom in atoms)
            return "torsion_off_grid", (
                f"torsion {names} is at {angle:.1f}°, {error:.1f}° off its grid point {target:g}°, "
                f"limit {limit:g}°"
            )
    return None


# The order in which a record is judged, after `failed_…` and `wrong_level_of_theory`
CHECKS = (
    not_finite,
    unbalanced,
    torn,
    wrong_slope,
    unfinished,
    another_molecule,
    another_isomer,
)
