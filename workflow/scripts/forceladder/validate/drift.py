"""How well NVE keeps its energy, and whether the error falls as the integrator's order says."""

import numpy as np

from forceladder.md.summary import stability_rows

COLUMNS = [
    "method", "timestep_fs", "molecules", "died", "picoseconds_each", "median_drift",
    "largest_drift", "median_fluctuation", "median_ratio", "expected_ratio",
]  # fmt: skip


def drift_rows(method: str, trajectories, temperature: float) -> list[dict]:
    """One row a time step. Drifts in k_BT/ns, fluctuations in k_BT, per degree of freedom, at
    `temperature` K; medians and the largest magnitude over molecules whose NVE survived.

    median_ratio: of fluctuations at the longest step to those at the shortest; its square root is
        the ratio of the steps for an integrator of second order (`expected_ratio` its square)
    """
    rows = stability_rows(trajectories, temperature)
    ratios = [row["nve_ratio"] for row in rows if row["nve_ratio"] is not None]
    described = [row for row in rows if not row["reason"]]
    found = []
    for t, timestep in enumerate(trajectories["nve_timestep"].values):
        key = f"{timestep:g} fs"
        drifts = [r["nve_drift"][key] for r in described if r["nve_drift"][key] is not None]
        swings = [r["nve_fluctuation"][key] for r in described if r["nve_drift"][key] is not None]
        several = trajectories.sizes["timestep"] > 1
        found.append(
            {
                "method": method, "timestep_fs": float(timestep), "molecules": len(described),
                "died": int((~np.isnan(trajectories["nve_death_time"].values[:, t])).sum()),
                "picoseconds_each": float(trajectories["nve_time"].values[t, -1]),
                "median_drift": _median(drifts),
                "largest_drift": max(map(abs, drifts), default=None),
                "median_fluctuation": _median(swings),
                "median_ratio": _median(ratios),
                "expected_ratio": rows[0]["nve_ratio_expected"] if several and rows else None,
            }
        )  # fmt: skip
    return found


def _median(values) -> float | None:
    return float(np.median(values)) if len(values) else None
