"""All trajectories of one molecule: NVE for energy drift, NVT for survival.

Each trajectory is a file of its own in a folder of checkpoints, first its state, in the end
its result; whoever runs the same plan with the same force field again goes on from there.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openmm

from forceladder.job import seed_of
from forceladder.md.plans import Plan
from forceladder.md.simulator import (
    Simulator,
    minimized_positions,
    positions_of,
    thermal_velocities,
    velocities_of,
)
from forceladder.md.trajectory import Trajectory, read_arrays, write_arrays
from forceladder.md.watch import ALIVE, Watch
from forceladder.units import ANGSTROM_IN_NM


class Store(NamedTuple):
    """Where the trajectories of one molecule are kept, and what they were made from.

    fingerprint: digest of the molecule, its reference data, the force field and the code
    """

    folder: Path
    fingerprint: str

    def result(self, plan: Plan) -> dict | None:
        """Of a finished trajectory, see `Trajectory.result`; None if it is not finished."""
        return read_arrays(self._path(plan, "npz"), plan.fingerprint(self.fingerprint))

    def keep(self, plan: Plan, result: dict):
        write_arrays(self._path(plan, "npz"), plan.fingerprint(self.fingerprint), result)
        self._path(plan, "state.npz").unlink(missing_ok=True)

    def state(self, plan: Plan) -> dict | None:
        return read_arrays(self._path(plan, "state.npz"), plan.fingerprint(self.fingerprint))

    def put_away(self, plan: Plan, state: dict):
        write_arrays(self._path(plan, "state.npz"), plan.fingerprint(self.fingerprint), state)

    def _path(self, plan: Plan, ending: str) -> Path:
        return self.folder / f"{plan.name}.{ending}"


class MoleculeRun:
    """The trajectories of one molecule, on one Context that is made when it is first needed.

    system: makes the System      positions: [conformers, atoms, 3] Å, of the reference data;
    the first, minimized in the force field, is the start
    """

    def __init__(self, system: Callable[[], openmm.System], watch: Watch, positions, store: Store):
        self.system, self.watch, self.store = system, watch, store
        self.positions = np.asarray(positions, float)

    @cached_property
    def simulator(self) -> Simulator:
        return Simulator(self.system())

    @cached_property
    def minimum(self) -> np.ndarray:
        """[atoms, 3] Å; kept, because it costs as much as many steps."""
        path, key = self.store.folder / "minimum.npz", self.store.fingerprint
        if (stored := read_arrays(path, key)) is None:
            stored = {"minimum": minimized_positions(self.simulator, self.positions[0])}
            write_arrays(path, key, stored)
        return stored["minimum"]

    def start(self, plan: Plan) -> dict:
        """Where a trajectory sets out: minimum, and of NVE positions and velocities."""
        if plan.kind == "nvt":
            return {"minimum": self.minimum}
        # time steps are compared from one start
        about = [plan.seed, plan.temperature, plan.equilibration, self.store.fingerprint]
        path, key = self.store.folder / "nve-start.npz", str(seed_of(*about))
        if (stored := read_arrays(path, key)) is None:
            # a molecule that is broken in its own minimum need not fly apart before it is watched
            whole = self.watch.look(self.minimum)[1] == ALIVE
            length = plan.equilibration if whole else 0.0
            stored = thermal_start(
                self.simulator, self.minimum, plan.temperature, length, plan.seed
            )
            write_arrays(path, key, stored)
        return stored

    def run(self, plan: Plan, every: int = 0, report: Callable = lambda picoseconds: None) -> dict:
        """The result of a plan: of the store, gone on with, or from the beginning.

        every: frames between checkpoints, 0 for none      report: told of picoseconds done
        """
        if (result := self.store.result(plan)) is not None:
            report(plan.picoseconds)
            return result
        trajectory, start = Trajectory(self.simulator, plan, self.watch), self.start(plan)
        if (state := self.store.state(plan)) is not None:
            trajectory.take_up(state, start)
            report(trajectory.time)
        else:
            trajectory.set_out(self.positions[0], start)
        trajectory.run(
            lambda: self.store.put_away(plan, trajectory.state()), every, report
        )  # fmt: skip
        report(plan.picoseconds - trajectory.frame * trajectory.frame_interval)
        self.store.keep(plan, result := trajectory.result())
        return result


def thermal_start(
    simulator: Simulator, minimum, temperature: float, length: float, seed: int
) -> dict:
    """Positions [atoms, 3] Å and velocities [atoms, 3] nm/ps after `length` ps of Langevin
    dynamics at `temperature` K from `minimum`, which brings them off it.

    A trajectory that the engine ends under way starts at the minimum instead: NVE will break
    as well, and shows how.
    """
    cold = {
        "positions": np.asarray(minimum),
        "velocities": thermal_velocities(simulator.masses, temperature, seed),
    }
    simulator.begin(seed)
    context = simulator.langevin(temperature, 10.0, 1.0)
    context.setPositions(cold["positions"] * ANGSTROM_IN_NM)
    context.setVelocities(cold["velocities"])
    try:
        context.getIntegrator().step(round(length * 1000.0))
    except openmm.OpenMMException:
        return cold
    state = context.getState(getPositions=True, getVelocities=True)
    return {"positions": positions_of(state), "velocities": velocities_of(state)}
