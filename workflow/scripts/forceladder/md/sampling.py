"""Geometries that a fitted rung visits: where it may be wrong, and new data teach most."""

import numpy as np
import openmm

from forceladder.errors import MoleculeError
from forceladder.export.openmm.evaluation import context_of
from forceladder.job import seed_of
from forceladder.md.simulator import positions_of
from forceladder.units import ANGSTROM_IN_NM


def sampled_geometries(system: openmm.System, minima, settings: dict) -> list[dict]:
    """Frames at every temperature, shared out among the conformers.

    minima: list of positions [atoms, 3] Å      settings: the config's `geometries.rung_frames`
    returns: geometries of kind 'rung_sampled', see molecules/geometries.py
    """
    geometries = []
    for temperature in settings["temperatures_kelvin"]:
        shares = np.array_split(np.arange(settings["frames_per_temperature"]), len(minima))
        for conformer, share in enumerate(shares):
            frames = rung_frames(
                system, minima[conformer], temperature, len(share),
                settings["frame_interval_fs"], settings["timestep_fs"],
                settings["friction_per_ps"], settings["seed"] + conformer,
            )  # fmt: skip
            geometries += [
                {"positions": frame, "kind": "rung_sampled", "temperature": float(temperature)}
                for frame in frames
            ]
    return geometries


def rung_frames(
    system: openmm.System, positions, temperature: float, count: int, interval: float,
    timestep: float, friction: float, seed: int,
) -> list[np.ndarray]:  # fmt: skip
    """`count` frames of Langevin dynamics from `positions`, one every `interval` fs.

    Every frame is kept, however distorted: a geometry that the rung should not have
    visited is the one that teaches most, and the verdicts on QM records come later.

    positions: [atoms, 3] Å      temperature: K      interval, timestep: fs      friction: 1/ps
    returns: list of positions [atoms, 3], Å; centroid at the origin
    raises: MoleculeError sampling_failed where the trajectory breaks
    """
    integrator = openmm.LangevinMiddleIntegrator(temperature, friction, timestep * 1e-3)
    seed = seed_of("rung sampling", seed, temperature)
    integrator.setRandomNumberSeed(seed)
    context = context_of(system, integrator)
    context.setPositions(np.asarray(positions) * ANGSTROM_IN_NM)
    context.setVelocitiesToTemperature(temperature, seed)
    frames = []
    for _ in range(count):
        try:
            integrator.step(max(1, round(interval / timestep)))
        except openmm.OpenMMException as error:
            raise MoleculeError(
                "sampling_failed", f"MD with the rung broke at {temperature:g} K: {error}."
            ) from error
        frame = positions_of(context.getState(getPositions=True))
        frames.append(frame - frame.mean(axis=0))
    if not np.isfinite(frames).all():
        raise MoleculeError(
            "sampling_failed", f"MD with the rung left all bounds at {temperature:g} K."
        )
    return frames
