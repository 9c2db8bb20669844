"""Trajectories of all molecules in one dataset, and their stability in one table."""

from typing import NamedTuple

import numpy as np
import xarray

from forceladder.fields import MD_FIELDS, labelled
from forceladder.md.distances import BIN, BLOCKS, EDGES
from forceladder.md.plans import Plan, frame_times, plans
from forceladder.md.stability import energy_drift, energy_fluctuation, in_thermal_units
from forceladder.md.watch import ALIVE, NO_PARAMETERS


class MoleculeResults(NamedTuple):
    """results: by a plan's name, see `Trajectory.result`; None where the method cannot describe
    the molecule."""

    name: str
    atoms: int
    results: dict[str, dict] | None


def as_md_dataset(molecules: list[MoleculeResults], settings: dict) -> xarray.Dataset:
    """Trajectories of several molecules, dims and units as in MD_FIELDS.

    settings: the config's `md` section, the method's own laid over it
    """
    nve, nvt = ([p for p in plans(settings, "") if p.kind == kind] for kind in ("nve", "nvt"))
    shape = len(settings["nvt_temperatures_kelvin"]), settings["nvt_replicas"]
    found = [[_result(m, plan) for plan in nve] for m in molecules]
    heated = [[_result(m, plan) for plan in nvt] for m in molecules]

    def of_nve(key):
        return [[result[key] for result in row] for row in found]

    def of_nvt(key, dtype=float, *rest):
        values = [[result[key] for result in row] for row in heated]
        return np.array(values, dtype=dtype).reshape(len(molecules), *shape, *rest)

    frames, length = settings["nvt_frames"], settings["nvt_ps"]
    timesteps = settings["nve_timesteps_fs"]
    arrays = {
        "molecule_id": [m.name for m in molecules],
        "degrees_of_freedom": [max(3 * m.atoms - 6, 1) for m in molecules],
        "nve_timestep": timesteps,
        "nve_time": [frame_times(settings["nve_ps"], t, settings["nve_frames"]) for t in timesteps],
        "nve_energy": of_nve("energy"),
        "nve_cause": of_nve("cause"),
        "nve_phrase": of_nve("phrase"),
        "nve_death_time": of_nve("died"),
        "nvt_temperature": settings["nvt_temperatures_kelvin"],
        "nvt_time": frame_times(length, settings["nvt_timestep_fs"], frames),
        "nvt_bond_deviation": of_nvt("deviation", float, frames),
        "nvt_energy": of_nvt("energy", float, frames),
        "nvt_cause": of_nvt("cause", object),
        "nvt_death_time": of_nvt("died"),
        "nvt_phrase": of_nvt("phrase", object),
        "distance": EDGES[:-1] + BIN / 2,
        "nvt_distance_count": of_nvt("counts", np.int32, BLOCKS, len(EDGES) - 1),
    }
    return xarray.Dataset(labelled(arrays | _broken(molecules, [*nve, *nvt]), MD_FIELDS))


def _result(molecule: MoleculeResults, plan: Plan) -> dict:
    """Of one plan; of a molecule that the method cannot describe all NaN."""
    if molecule.results is None:
        nothing = np.full(plan.frames, np.nan)
        counts = np.zeros((BLOCKS, len(EDGES) - 1), np.int32)
        return {
            "energy": nothing, "deviation": nothing, "counts": counts, "died": np.nan,
            "cause": NO_PARAMETERS, "phrase": "",
        }  # fmt: skip
    result = molecule.results[plan.name]
    return {**result, "cause": str(result["cause"]), "phrase": str(result["phrase"])}


def _broken(molecules: list[MoleculeResults], planned: list[Plan]) -> dict:
    """What was kept around every death."""
    found = [
        (row, plan.name, molecule.results[plan.name])
        for row, molecule in enumerate(molecules)
        if molecule.results is not None
        for plan in planned
        if not np.isnan(molecule.results[plan.name]["died"])
    ]

    def flat(key, *rest):
        pieces = [np.zeros((0, *rest))] + [result[key].reshape(-1, *rest) for *_, result in found]
        return np.concatenate(pieces)

    return {
        "broken_molecule": [row for row, *_ in found],
        "broken_name": [name for _, name, _ in found],
        "broken_time": [result["died"] for *_, result in found],
        "broken_frame_count": [len(result["kept_time"]) for *_, result in found],
        "broken_frame_time": flat("kept_time"),
        "broken_energy": flat("kept_energy"),
        "broken_deviation": flat("kept_deviation"),
        "broken_positions": flat("kept_positions", 3),
    }


def stability_rows(dataset: xarray.Dataset, temperature: float) -> list[dict]:
    """One row per molecule.

    nve_drift, nve_fluctuation: by time step, in k_BT/ns and k_BT per degree of freedom
    at `temperature` K, where NVE started; None if the molecule died
    nve_ratio: fluctuation at the longest time step by that at the shortest; of an integrator of
    second order the square of the steps' ratio, `nve_ratio_expected`; None if there is one step
    survival: by temperature, the fraction of replicas alive at the end
    survival_ps: by temperature, the mean survival time
    deaths: one sentence each
    reason: why there are no numbers, empty if there are
    """
    lengths = {"nve": dataset["nve_time"].values[:, -1], "nvt": dataset["nvt_time"].values[-1]}
    timesteps = dataset["nve_timestep"].values
    short, long = int(np.argmin(timesteps)), int(np.argmax(timesteps))
    rows = []
    for m, name in enumerate(dataset["molecule_id"].values):
        one = dataset.isel(molecule=m)
        described = not (one["nvt_cause"].values == NO_PARAMETERS).any()
        freedom = int(one["degrees_of_freedom"])
        drift, fluctuation, survival, survival_ps = {}, {}, {}, {}
        for t, timestep in enumerate(timesteps):
            time, energy = one["nve_time"].values[t], one["nve_energy"].values[t]
            key = f"{timestep:g} fs"
            drift[key] = _thermal(energy_drift(time, energy, freedom), temperature)
            fluctuation[key] = _thermal(energy_fluctuation(time, energy, freedom), temperature)
        pair = [fluctuation[f"{timesteps[t]:g} fs"] for t in (short, long)]
        for t, kelvin in enumerate(dataset["nvt_temperature"].values):
            died, key = one["nvt_death_time"].values[t], f"{kelvin:g} K"
            survival[key] = float(np.isnan(died).mean()) if described else None
            times = np.where(np.isnan(died), lengths["nvt"], died)
            survival_ps[key] = float(times.mean()) if described else None
        rows.append(
            {
                "molecule": str(name),
                "reason": "" if described else "no parameters",
                "nve_drift": drift,
                "nve_fluctuation": fluctuation,
                "nve_ratio": pair[1] / pair[0] if short != long and all(pair) else None,
                "nve_ratio_expected": float((timesteps[long] / timesteps[short]) ** 2),
                "survival": survival,
                "survival_ps": survival_ps,
                "deaths": [*_deaths_of_nve(one), *_deaths_of_nvt(one)],
            }
        )
    return rows


def _deaths_of_nve(one) -> list[str]:
    return [
        f"NVE {timestep:g} fs: {cause} at {time:.3g} ps"
        for timestep, cause, time in zip(
            one["nve_timestep"].values, one["nve_cause"].values, one["nve_death_time"].values,
            strict=True,
        )
        if cause not in (ALIVE, NO_PARAMETERS)
    ]  # fmt: skip


def _deaths_of_nvt(one) -> list[str]:
    found = []
    for t, kelvin in enumerate(one["nvt_temperature"].values):
        for replica in range(one.sizes["replica"]):
            cause, time, phrase = (
                one[f"nvt_{name}"].values[t, replica] for name in ("cause", "death_time", "phrase")
            )
            if cause not in (ALIVE, NO_PARAMETERS):
                found.append(
                    f"NVT {kelvin:g} K, replica {replica}: {cause} at {time:.3g} ps ({phrase})"
                )
    return found


def _thermal(value: float, temperature: float) -> float | None:
    """In units of k_BT, rounded to what is meant; None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(f"{in_thermal_units(value, temperature):.6g}")
