"""One verdict per QM record: use it, or do not, and why.

Rejected records are kept and counted, never used.
"""

import numpy as np

from forceladder.errors import TooManyFailuresError
from forceladder.molecules.connectivity import connectivity_change
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.qm.datasets import MAPPED
from forceladder.qm.tasks import level_of_theory
from forceladder.units import BOHR_IN_ANGSTROM, HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM

ACCEPTED = "accepted"


def judge_record(record: dict, spec: dict, limits: dict) -> tuple[str, str]:
    """(verdict, reason): 'accepted' and '', or the code of the first check that fails.

    limits: max_net_force and max_force, kcal/mol/Å
    """
    if not record["success"]:
        return f"failed_{record['error']['error_type']}", record["error"]["error_message"][-300:]
    level = record["extras"]["forceladder"]["level_of_theory"]
    if level != level_of_theory(spec):
        return "wrong_level_of_theory", f"{level} instead of {level_of_theory(spec)}"
    gradient = np.reshape(record["return_result"], (-1, 3)) * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    if not (np.isfinite(gradient).all() and np.isfinite(record["properties"]["return_energy"])):
        return "not_finite", "energy or gradient is not a number"
    net = np.abs(gradient.sum(axis=0)).max()
    if net > limits["max_net_force"]:
        limit = limits["max_net_force"]
        return "net_force", f"forces add up to {net:.3f} kcal/mol/Å, limit {limit:g}"
    largest = np.abs(gradient).max()
    if largest > limits["max_force"]:
        limit = limits["max_force"]
        return "large_force", f"largest force {largest:.0f} kcal/mol/Å, limit {limit:g}"
    mol = molecule_from_mapped_smiles(record["molecule"]["extras"][MAPPED])
    positions = np.reshape(record["molecule"]["geometry"], (-1, 3)) * BOHR_IN_ANGSTROM
    if change := connectivity_change(mol, positions):
        return "connectivity_changed", change
    return ACCEPTED, ""


def judge_campaign(verdicts: list[dict], max_failed_fraction: float):
    """Raise TooManyFailuresError if more than the allowed fraction was not accepted."""
    rejected = [verdict for verdict in verdicts if verdict["verdict"] != ACCEPTED]
    if not verdicts:
        raise TooManyFailuresError(
            "no molecule reached the QM stage; rejected.csv says why each one was rejected."
        )
    if len(rejected) > max_failed_fraction * len(verdicts):
        worst = rejected[0]
        raise TooManyFailuresError(
            f"{len(rejected)} of {len(verdicts)} QM records were not accepted, more than "
            f"qm.max_failed_fraction {max_failed_fraction:g}; the first is {worst['molecule']}: "
            f"{worst['verdict']} ({worst['reason'][:200]}). verdicts.csv lists all of them. "
            "To try failed ones again, delete their folder in qm/<spec>/records/ and run again."
        )
