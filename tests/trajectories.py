"""Datasets of trajectories made by hand, for those who judge and draw them."""

import numpy as np

from forceladder.md.distances import BLOCKS, EDGES
from forceladder.md.plans import plans
from forceladder.md.summary import MoleculeResults, as_md_dataset
from forceladder.md.watch import NO_PARAMETERS
from molecules_in_motion import SETTINGS


def md_dataset(cause, died, length=2.0, names=None, atoms=None, counts=None):
    """Trajectories with these ends; NVE never dies.

    cause, died: [molecules, temperatures, replicas], ps      counts: [.., blocks, bins]
    atoms: [molecules]
    """
    cause, died = np.array(cause, dtype=object), np.array(died, float)
    molecules, temperatures, replicas = cause.shape
    settings = SETTINGS | {
        "nvt_temperatures_kelvin": [300.0, 500.0, 1000.0][:temperatures],
        "nvt_replicas": replicas, "nvt_ps": length,
    }  # fmt: skip
    names = names or [f"molecule-{m}" for m in range(molecules)]
    atoms = atoms or [6] * molecules
    found = []
    for m, name in enumerate(names):
        results = {}
        for plan in plans(settings, name):
            time = (np.arange(plan.frames) + 1) * plan.length / plan.frames
            if plan.kind == "nve":
                wave = 0.01 * plan.timestep**2 * np.sin(40.0 * time)
                results[plan.name] = one_result(wave, 0 * time, "alive", np.nan, atoms[m])
                continue
            t = settings["nvt_temperatures_kelvin"].index(plan.temperature)
            place = m, t, plan.replica
            gone = time >= (np.inf if np.isnan(died[place]) else died[place])
            trace = np.where(gone, np.nan, 0.1 + 0.02 * np.sin(9 * time))
            results[plan.name] = one_result(trace, trace, cause[place], died[place], atoms[m])
            if counts is not None:
                results[plan.name]["counts"] = counts[place]
        undescribed = (cause[m] == NO_PARAMETERS).any()
        found.append(MoleculeResults(name, atoms[m], None if undescribed else results))
    return as_md_dataset(found, settings)


def one_result(energy, deviation, cause, died, atoms):
    kept = 0 if np.isnan(died) else 4
    time = np.nan_to_num(died) + 0.01 * (np.arange(kept) - 2)
    positions = np.random.default_rng(1).normal(size=(kept, atoms, 3)) * 3
    return {
        "energy": energy, "deviation": deviation, "cause": cause, "phrase": "", "died": died,
        "counts": np.zeros((BLOCKS, len(EDGES) - 1), np.int32), "kept_time": time,
        "kept_positions": positions, "kept_energy": 100.0 * np.arange(kept),
        "kept_deviation": 0.3 * np.arange(kept),
    }  # fmt: skip
