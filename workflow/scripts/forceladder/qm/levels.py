"""Several levels of theory at the same geometries: how far they are apart, and what each costs."""

import numpy as np

from forceladder.units import HARTREE_IN_KCAL, HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM

COLUMNS = [
    "level_of_theory", "molecule", "geometries", "energy_rms_kcal", "force_rms_kcal_per_angstrom",
    "dipole_rms_debye", "core_seconds", "reference_core_seconds",
]  # fmt: skip
E_BOHR_IN_DEBYE = 2.541746473


def shared_geometries(records: list[dict], others: list[dict]) -> list[tuple[dict, dict]]:
    """Pairs of successful records of one molecule at exactly the same geometry."""

    def by_geometry(members):
        return {tuple(r["molecule"]["geometry"]): r for r in members if r["success"]}

    known = by_geometry(records)
    return [(known[key], other) for key, other in by_geometry(others).items() if key in known]


def compare_levels(molecule: str, pairs: list[tuple[dict, dict]]) -> tuple[dict, dict]:
    """One row of the table for a molecule, and the arrays behind it.

    pairs: records at the reference and at another level of theory, same geometries
    returns: a row (COLUMNS), and {energy [2, n] kcal/mol relative to the mean over the
        geometries, force [2, m] kcal/mol/Å}
    """
    energy = np.array([[r["properties"]["return_energy"] for r in pair] for pair in pairs]).T
    energy = (energy - energy.mean(axis=1, keepdims=True)) * HARTREE_IN_KCAL
    force = [
        np.concatenate([r["return_result"] for r in side]) for side in zip(*pairs, strict=True)
    ]
    force = -np.array(force) * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
    dipole = np.array([[r["properties"]["scf_dipole_moment"] for r in pair] for pair in pairs])
    ours = [[r["extras"]["forceladder"] for r in pair] for pair in pairs]

    def rms(values):
        return float(np.sqrt(np.mean((values[0] - values[1]) ** 2)))

    row = {
        "level_of_theory": ours[0][1]["level_of_theory"],
        "molecule": molecule,
        "geometries": len(pairs),
        "energy_rms_kcal": rms(energy),
        "force_rms_kcal_per_angstrom": rms(force),
        "dipole_rms_debye": rms(dipole.swapaxes(0, 1)) * E_BOHR_IN_DEBYE,
        "core_seconds": sum(pair[1]["cpu_seconds"] for pair in ours),
        "reference_core_seconds": sum(pair[0]["cpu_seconds"] for pair in ours),
    }
    return row, {"energy": energy, "force": force}
