"""Which trajectories a molecule gets: each is one line of settings, independent of the others."""

from typing import NamedTuple

import numpy as np

from forceladder.job import seed_of
from forceladder.provenance import digest


class Plan(NamedTuple):
    """All that one trajectory depends on but for the molecule and its force field.

    length: ps      timestep, watch_interval, persistence: fs      temperature: K
    friction: 1/ps, of Langevin's noise or a Nosé-Hoover chain's frequency
    thermostat: empty for NVE
    """

    name: str
    kind: str
    replica: int
    seed: int
    temperature: float
    timestep: float
    length: float
    frames: int
    watch_interval: float
    persistence: float
    thermostat: str = ""
    friction: float = 0.0
    equilibration: float = 0.0

    @property
    def steps_per_frame(self) -> int:
        return max(1, round(self.length * 1000.0 / self.timestep / self.frames))

    @property
    def steps_per_look(self) -> int:
        return min(max(1, round(self.watch_interval / self.timestep)), self.steps_per_frame)

    @property
    def looks_to_be_sure(self) -> int:
        """Frames in a row that must be changed before a molecule counts as another one."""
        return 1 + round(self.persistence / (self.steps_per_look * self.timestep))

    @property
    def picoseconds(self) -> float:
        """What whole steps make of `length`."""
        return self.frames * self.steps_per_frame * self.timestep * 1e-3

    def fingerprint(self, molecule: str) -> str:
        """Digest of the plan and of what it is for; a stored trajectory is used if it has it."""
        return digest([self._asdict(), molecule])


def plans(settings: dict, molecule: str) -> list[Plan]:
    """NVE at every time step from one start, then NVT at every temperature.

    settings: the config's `md` section, the method's own laid over it
    """
    shared = {
        "watch_interval": settings["watch_interval_fs"],
        "persistence": settings["watch_persistence_fs"],
    }
    nve = [
        Plan(
            f"nve-{timestep:g}fs", "nve", 0, seed_of("nve", settings["seed"], molecule),
            settings["nve_temperature_kelvin"], timestep, settings["nve_ps"],
            settings["nve_frames"], equilibration=settings["nve_equilibration_ps"], **shared,
        )
        for timestep in settings["nve_timesteps_fs"]
    ]  # fmt: skip
    nvt = [
        Plan(
            f"nvt-{temperature:g}K-{replica}", "nvt", replica,
            seed_of("nvt", settings["seed"], molecule, temperature, replica),
            temperature, settings["nvt_timestep_fs"], settings["nvt_ps"], settings["nvt_frames"],
            thermostat=settings["nvt_thermostat"], friction=settings["nvt_friction_per_ps"],
            **shared,
        )
        for temperature in settings["nvt_temperatures_kelvin"]
        for replica in range(settings["nvt_replicas"])
    ]  # fmt: skip
    return nve + nvt


def frame_times(length: float, timestep: float, frames: int) -> np.ndarray:
    """Times [frames] ps of the frames of a trajectory; the first comes after one interval."""
    steps = max(1, round(length * 1000.0 / timestep / frames))
    return np.arange(1, frames + 1) * steps * timestep * 1e-3
