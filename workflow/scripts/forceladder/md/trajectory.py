"""One trajectory, watched, that can be put away and taken up again as if nothing had been."""

import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmm

from forceladder import files
from forceladder.md.distances import BLOCKS, pair_counts
from forceladder.md.plans import Plan
from forceladder.md.simulator import (
    Simulator,
    positions_of,
    potential_energy,
    total_energy,
)
from forceladder.md.watch import ALIVE, AT_ONCE, METHOD_FAILED, NOT_A_NUMBER, Watch
from forceladder.units import ANGSTROM_IN_NM

KEPT = 20  # looks before a death, and as many after it, that are kept


class Trajectory:
    """Runs from where `set_out` or `take_up` put it until its plan is done, or some looks
    after its death.

    energy: [frames] kcal/mol, total of NVE, potential of NVT
    deviation: [frames] Å, largest of any bond from its length in the reference data
    counts: [blocks, bins] atom pairs by distance, of NVT's frames while it was alive
    All NaN from the death on; died is its time in ps, None if alive.
    """

    def __init__(self, simulator: Simulator, plan: Plan, watch: Watch):
        self.simulator, self.plan, self.watch = simulator, plan, watch
        self.energy, self.deviation = np.full((2, plan.frames), np.nan)
        self.counts = np.zeros((BLOCKS, pair_counts(np.zeros((0, 3))).size), np.int32)
        self.frame = self.steps = 0  # done so far
        self.changed = 0  # looks in a row at another molecule
        self.cause, self.phrase, self.died = ALIVE, "", None
        self.recent = deque(maxlen=2 * KEPT + plan.looks_to_be_sure)  # (ps, positions)
        self.over = False

    def set_out(self, before, start: dict):
        """Begin at a start (see md/run.py); before: positions [atoms, 3] Å of the reference data,
        what a molecule that its own minimization broke looked like."""
        plan = self.plan
        if plan.kind == "nvt":
            positions = start["minimum"]
            self.simulator.heat(plan, positions)
        else:
            positions = start["positions"]
            context = self.simulator.verlet(plan.timestep)
            context.setPositions(positions * ANGSTROM_IN_NM)
            context.setVelocities(start["velocities"])
        self.recent.append((0.0, np.asarray(before, float)))
        self._look(positions)

    def run(self, put_away: Callable = lambda: None, every: int = 0, report=lambda ps: None):
        """To the end; put_away() is called after every so many frames, report after each."""
        while not self.over and self.frame < self.plan.frames:
            self._next_frame()
            if every and not self.over and self.frame % every == 0:
                put_away()
            report(self.plan.steps_per_frame * self.plan.timestep * 1e-3)
        if self.died is not None:
            self._bury()

    def _next_frame(self):
        left, plan = self.plan.steps_per_frame, self.plan
        context = self.simulator.context
        while left and not self.over:
            steps = min(plan.steps_per_look, left)
            left -= steps
            self.steps += steps
            try:
                context.getIntegrator().step(steps)
                positions = positions_of(context.getState(getPositions=True))
                self._look(positions)
                if not left and self.died is None:
                    self._store(positions)
            except openmm.OpenMMException as error:
                # other platforms raise 'Particle coordinate is NaN' where Reference goes on
                text = str(error).strip()
                self._die(NOT_A_NUMBER if "NaN" in text else METHOD_FAILED, text)
                self.over = True
        self.frame += 1

    def _look(self, positions):
        """Take note of a geometry, and of its death."""
        deviation, cause, phrase = self.watch.look(positions)
        self._deviation, self._cause = deviation, cause
        if np.isfinite(positions).all():
            self.recent.append((self.time, positions))
        else:
            self.over = True
        if self.died is not None:
            self.over |= self.time > self.died + KEPT * self.look_interval
            return
        self.changed = self.changed + 1 if cause != ALIVE else 0
        if cause in AT_ONCE:
            self._die(cause, phrase)
        elif self.changed >= self.plan.looks_to_be_sure:
            self._die(cause, phrase, self.time - (self.changed - 1) * self.look_interval)

    def _store(self, positions):
        self.deviation[self.frame] = self._deviation
        if self.plan.kind == "nve":
            self.energy[self.frame] = total_energy(self.simulator.context)
            return
        self.energy[self.frame] = potential_energy(self.simulator.context)
        if self._cause == ALIVE:
            self.counts[self.frame * BLOCKS // self.plan.frames] += pair_counts(positions)

    def _die(self, cause: str, phrase: str, time: float | None = None):
        if self.died is None:
            self.cause, self.phrase = cause, phrase
            self.died = max(self.time if time is None else time, 0.0)

    def _bury(self):
        """NaN from the death on, and what was kept around it with its energies."""
        gone = (np.arange(self.plan.frames) + 1) * self.frame_interval >= self.died - 1e-9
        self.energy[gone] = self.deviation[gone] = np.nan
        near = KEPT * self.look_interval + 1e-9
        self.kept = [(t, x) for t, x in self.recent if abs(t - self.died) <= near]

    @property
    def time(self) -> float:
        """ps since the start."""
        return self.steps * self.plan.timestep * 1e-3

    @property
    def look_interval(self) -> float:
        """ps."""
        return self.plan.steps_per_look * self.plan.timestep * 1e-3

    @property
    def frame_interval(self) -> float:
        """ps."""
        return self.plan.steps_per_frame * self.plan.timestep * 1e-3

    def result(self) -> dict:
        """Arrays of a finished trajectory, and what was kept of a broken one:

        kept_time [kept] ps, kept_positions [kept, atoms, 3] Å, kept_energy [kept] kcal/mol,
        kept_deviation [kept] Å
        """
        kept = self.kept if self.died is not None else []
        atoms = len(self.simulator.masses)
        return {
            "energy": self.energy, "deviation": self.deviation, "counts": self.counts,
            "cause": self.cause, "phrase": self.phrase,
            "died": np.nan if self.died is None else self.died,
            "kept_time": np.array([time for time, _ in kept]),
            "kept_positions": np.array([x for _, x in kept]).reshape(-1, atoms, 3),
            "kept_energy": np.array([self._energy_at(x) for _, x in kept]),
            "kept_deviation": np.array([self.watch.look(x)[0] for _, x in kept]),
        }  # fmt: skip

    def _energy_at(self, positions) -> float:
        try:
            self.simulator.context.setPositions(positions * ANGSTROM_IN_NM)
            return potential_energy(self.simulator.context)
        except openmm.OpenMMException:
            return np.nan

    def state(self) -> dict:
        """Arrays from which `take_up` goes on, bit for bit: OpenMM's checkpoint holds positions,
        velocities, the thermostat and the state of the random numbers."""
        context = self.simulator.context
        return {
            "energy": self.energy, "deviation": self.deviation, "counts": self.counts,
            "frame": self.frame, "steps": self.steps, "changed": self.changed,
            "cause": self.cause, "phrase": self.phrase,
            "died": np.nan if self.died is None else self.died,
            "recent_time": np.array([time for time, _ in self.recent]),
            "recent_positions": np.array([x for _, x in self.recent]),
            "openmm": np.frombuffer(context.createCheckpoint(), np.uint8),
        }  # fmt: skip

    def take_up(self, state: dict, start: dict):
        """Go on from a `state`; start: as for `set_out`."""
        plan = self.plan
        self.energy, self.deviation = np.array(state["energy"]), np.array(state["deviation"])
        self.counts = np.array(state["counts"])
        self.frame, self.steps, self.changed = (
            int(state[name]) for name in ("frame", "steps", "changed")
        )
        self.cause, self.phrase = str(state["cause"]), str(state["phrase"])
        self.died = None if np.isnan(state["died"]) else float(state["died"])
        self.recent.extend(
            (float(t), x)
            for t, x in zip(state["recent_time"], state["recent_positions"], strict=True)
        )
        self.simulator.context.loadCheckpoint(state["openmm"].tobytes())
        if plan.kind == "nvt":
            self.simulator.thermostat(plan, start["minimum"])
        else:
            self.simulator.verlet(plan.timestep)


def write_arrays(path, fingerprint: str, arrays: dict):
    """Arrays and text in one file, whole or not at all."""
    with files.atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, fingerprint=fingerprint, **arrays)


def read_arrays(path, fingerprint: str) -> dict | None:
    """What `write_arrays` wrote under this fingerprint; None if there is no such file, or a
    damaged one: what it held is computed again."""
    try:
        with np.load(Path(path), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return arrays if str(arrays.pop("fingerprint", "")) == fingerprint else None
