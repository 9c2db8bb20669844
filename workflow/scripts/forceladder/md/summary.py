"""Trajectories of all molecules in one dataset, and their stability in one table."""

import numpy as np
import xarray

from forceladder.fields import MD_FIELDS, labelled
from forceladder.md.run import frame_times
from forceladder.md.stability import (
    energy_drift,
    energy_fluctuation,
    in_thermal_units,
    survival_time,
)


def as_md_dataset(names: list[str], runs: list[dict], settings: dict) -> xarray.Dataset:
    """Results of `run_molecule` for several molecules, dims and units as in MD_FIELDS."""
    timesteps = settings["nve_timesteps_fs"]
    arrays = {name: [run[name] for run in runs] for name in runs[0]}
    arrays |= {
        "molecule_id": names,
        "nve_timestep": timesteps,
        "nve_time": [frame_times(settings["nve_ps"], t, settings["nve_frames"]) for t in timesteps],
        "nvt_temperature": settings["nvt_temperatures_kelvin"],
        "nvt_time": frame_times(
            settings["nvt_ps"], settings["nvt_timestep_fs"], settings["nvt_frames"]
        ),
    }
    return xarray.Dataset(labelled(arrays, MD_FIELDS))


def stability_rows(dataset: xarray.Dataset, temperature: float) -> list[dict]:
    """One row per molecule.

    nve_drift, nve_fluctuation: by time step, in k_BT/ns and k_BT per degree of freedom
    at `temperature` K, where NVE started; None if the trajectory broke
    survival: by temperature, the fraction of replicas alive at the end
    survival_ps: by temperature, the mean survival time
    """
    rows = []
    length = float(dataset["nvt_time"].values[-1])
    for m, name in enumerate(dataset["molecule_id"].values):
        freedom = int(dataset["degrees_of_freedom"].values[m])
        drift, fluctuation, survival, survival_ps = {}, {}, {}, {}
        for t, timestep in enumerate(dataset["nve_timestep"].values):
            time, energy = dataset["nve_time"].values[t], dataset["nve_energy"].values[m, t]
            key = f"{timestep:g} fs"
            drift[key] = _thermal(energy_drift(time, energy, freedom), temperature)
            fluctuation[key] = _thermal(energy_fluctuation(time, energy, freedom), temperature)
        for t, kelvin in enumerate(dataset["nvt_temperature"].values):
            times = [
                survival_time(dataset["nvt_time"].values, trace)
                for trace in dataset["nvt_bond_deviation"].values[m, t]
            ]
            survival[f"{kelvin:g} K"] = float(np.mean([time >= length for time in times]))
            survival_ps[f"{kelvin:g} K"] = float(np.mean(times))
        rows.append(
            {
                "molecule": str(name),
                "nve_drift": drift,
                "nve_fluctuation": fluctuation,
                "survival": survival,
                "survival_ps": survival_ps,
            }
        )
    return rows


def _thermal(value: float, temperature: float) -> float | None:
    """In units of k_BT, rounded to what is meant; None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(f"{in_thermal_units(value, temperature):.6g}")
