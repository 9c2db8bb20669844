"""What the records of one molecule say against each other."""

from typing import NamedTuple

import numpy as np

from forceladder.qm.verdicts.duplicates import repetitions
from forceladder.qm.verdicts.energies import scf_outliers
from forceladder.qm.verdicts.record import (
    ACCEPTED,
    Evidence,
    Verdict,
    evidence_of,
    finite_difference_error,
    judge_record,
    largest_force,
    net_force,
    net_torque,
)

# What is measured of every record of the right level of theory, and what it is called
MEASURES = {
    "net_force": "net force (kcal/mol/Å)",
    "net_torque": "net torque (kcal/mol)",
    "largest_force": "largest force (kcal/mol/Å)",
    "energy_per_atom": "energy above the lowest (kcal/mol/atom)",
    "energy_mismatch": "energy against gradients (kcal/mol)",
    "finite_difference_error": "finite-difference error (kcal/mol/Å)",
}

NOTHING_TO_MEASURE = ("failed_", "wrong_level_of_theory", "not_finite")


class Finding(NamedTuple):
    """Verdict, reason, and by name of MEASURES what was measured (NaN where it was not)."""

    verdict: str
    reason: str
    measures: dict[str, float]


def judge_molecule(records: list[dict], spec: dict, limits: dict) -> list[Verdict]:
    """(verdict, reason) of every record of one molecule, in order; see `judge_record`."""
    return [finding[:2] for finding in examine_molecule(records, spec, limits)]


def examine_molecule(records: list[dict], spec: dict, limits: dict) -> list[Finding]:
    """Verdict, reason and measures of every record of one molecule, in order.

    Each record is judged by itself first. Those that pass are compared: copies go, then
    energies that their gradients contradict, then energies that no molecular dynamics visits.

    spec: the level of theory that was asked for      limits: the config's `qm.limits`
    """
    verdicts = dict(enumerate(judge_record(record, spec, limits) for record in records))
    evidence = {
        row: evidence_of(records[row])
        for row, (verdict, _) in verdicts.items()
        if not verdict.startswith(NOTHING_TO_MEASURE)
    }

    def accepted() -> dict[int, Evidence]:
        return {row: e for row, e in evidence.items() if verdicts[row][0] == ACCEPTED}

    verdicts |= repeated(accepted(), limits)
    outliers, mismatch = contradicted(accepted(), limits)
    verdicts |= outliers
    lowest = min((e.energy for e in accepted().values()), default=np.nan)
    verdicts |= unvisited(accepted(), lowest, limits)
    return [
        Finding(*verdict, measures(evidence.get(row), lowest, mismatch.get(row, np.nan)))
        for row, verdict in verdicts.items()
    ]


def repeated(evidence: dict[int, Evidence], limits: dict) -> dict[int, Verdict]:
    """Copies: the same task, or the same geometry with the same energy. The first stays, but
    one with a Hessian comes before those without.

    Two energies of one geometry are no copies: one of them is wrong, and `contradicted` asks
    which. Nor is a point of a torsion scan a copy of anything: the scan needs it in its place.
    """
    found, first = {}, {}
    free = (r for r, e in evidence.items() if "scan" not in e.record["molecule"]["extras"])
    order = sorted(free, key=lambda row: ("hessian" not in evidence[row].ours, row))
    for row in order:
        twin = first.setdefault(evidence[row].ours["task_digest"], row)
        if twin != row:
            found[row] = "duplicate", f"the same task as geometry {twin}"
    rows, limit = list(first.values()), limits["duplicate_rmsd_angstrom"]
    for row, twin, distance in repetitions(
        [evidence[row].positions for row in rows],
        [evidence[row].energy for row in rows],
        max_rmsd=limit,
        max_energy=limits["max_energy_mismatch_kcal"],
    ):
        reason = f"within {distance:.4f} Å (RMSD) of geometry {rows[twin]}, limit {limit:g}"
        found[rows[row]] = "duplicate", reason
    return found


def contradicted(evidence: dict[int, Evidence], limits: dict) -> tuple[dict, dict]:
    """Energies of another SCF solution than the neighbours', and the mismatch of all."""
    if not evidence:
        return {}, {}
    rows, limit = list(evidence), limits["max_energy_mismatch_kcal"]
    outliers, mismatch = scf_outliers(
        [evidence[row].positions for row in rows],
        [evidence[row].energy for row in rows],
        [evidence[row].gradient for row in rows],
        limit,
        second_opinion(evidence[rows[0]]),
    )
    found = {
        rows[one]: (
            "scf_energy_outlier",
            f"energy {alone:+.1f} kcal/mol off from what the gradients say, "
            f"{difference:+.1f} on the difference to GFN2-xTB, limit {limit:g}",
        )
        for one, (alone, difference) in outliers.items()
    }
    return found, dict(zip(rows, map(float, mismatch), strict=True))


def second_opinion(evidence: Evidence):
    """GFN2-xTB of a molecule, set up when it is first asked."""

    def gradient(positions):
        if not calculator:
            from forceladder.molecules.sampling import xtb_gradient  # most runs need no xTB

            molecule = evidence.record["molecule"]
            charge, multiplicity = molecule["molecular_charge"], molecule["molecular_multiplicity"]
            calculator.append(xtb_gradient(evidence.mol, round(charge), multiplicity))
        return calculator[0](positions)

    calculator = []
    return gradient


def unvisited(evidence: dict[int, Evidence], lowest: float, limits: dict) -> dict[int, Verdict]:
    """Energies per atom so far above the lowest that no molecular dynamics gets there."""
    limit = limits["max_energy_kcal_per_atom"]
    found = {}
    for row, one in evidence.items():
        height = (one.energy - lowest) / len(one.positions)
        if height > limit:
            found[row] = (
                "energy_outlier",
                (f"energy {height:.1f} kcal/mol per atom above the lowest, limit {limit:g}"),
            )
    return found


def measures(evidence: Evidence | None, lowest: float, mismatch: float) -> dict[str, float]:
    """What was measured of a record, by name of MEASURES; NaN where it was not."""
    if evidence is None:
        return dict.fromkeys(MEASURES, np.nan)
    return {
        "net_force": net_force(evidence),
        "net_torque": net_torque(evidence),
        "largest_force": largest_force(evidence),
        "energy_per_atom": (evidence.energy - lowest) / len(evidence.positions),
        "energy_mismatch": mismatch,
        "finite_difference_error": finite_difference_error(evidence),
    }


def kind_of(record: dict) -> str:
    """Where a record's geometry comes from: conformer, sampled, minimum, torsion_scan, …"""
    molecule = record["molecule"] if record["success"] else record["input_data"]["molecule"]
    procedure = record["extras"]["forceladder"].get("procedure", {})
    return procedure.get("kind", molecule["extras"]["geometry_kind"])
