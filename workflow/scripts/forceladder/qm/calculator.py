"""Results of tasks: from the cache, else from the engine, with retries; all of it recorded."""

import json

import numpy as np

from forceladder.errors import KilledError, QMError
from forceladder.job import log
from forceladder.provenance import digest
from forceladder.qm.cache import Cache
from forceladder.qm.engines import EngineProcess
from forceladder.qm.records import with_dispersion
from forceladder.qm.retries import failure_class, retry_ladders
from forceladder.qm.tasks import make_task
from forceladder.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL
from forceladder.units import HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM as GRADIENT_UNIT


class Calculator:
    """One level of theory with its cache, its engine and its retry ladders.

    limits: memory_mb for the engine, time_limit_s for one task, retries (config `qm.retries`)
    on_result: called with (task, result, whether it was computed now) after each task
    Each result goes to the cache the moment it is there: a job that is killed has lost the
    calculation under way, no other. Procedures that go through here (relaxations, scans,
    Hessians) replay their finished steps from the cache, so they need no state of their own.
    """

    def __init__(self, spec, version, cache_folder, threads, limits, on_result=lambda *_: None):
        self.spec, self.version, self.limits = spec, version, limits
        self.cache, self.on_result = Cache(cache_folder), on_result
        self.ladders = retry_ladders(spec["engine"], limits["retries"])
        # a failure is remembered for this much effort; with more, it is tried again
        self.effort = digest([self.ladders, limits["memory_mb"], limits["time_limit_s"]])
        self.engine = EngineProcess(spec["engine"], threads)

    def __enter__(self) -> "Calculator":
        return self

    def __exit__(self, *_):
        self.engine.close()

    def task(self, molecule: dict, **changes) -> dict:
        """The task of a qcschema molecule; changes: keys of the spec, or `driver`."""
        driver = changes.pop("driver", "gradient")
        return make_task(molecule, {**self.spec, **changes}, self.version, driver)

    def result(self, task: dict) -> dict:
        """The result of a task; a failure is a result, and is remembered.

        raises: KilledError where the engine was killed twice, which says nothing of the task
        """
        address = task["digest"]
        result = self.cache.get(address) or self.cache.get_failure(address, self.effort)
        known = result is not None
        if not known:
            # with its keys in the cache's order, so that a rerun writes the same bytes
            result = json.loads(json.dumps(self._compute(task), sort_keys=True))
            if result["success"]:
                self.cache.put(address, result)
            else:
                self.cache.put_failure(address, self.effort, result)
        self.on_result(task, result, not known)
        return result

    def _compute(self, task: dict) -> dict:
        attempts, climbed, changes, change = [], {}, {}, {}
        while True:
            result = self.engine.compute(
                {**task, "scf_helpers": change.get("scf_helpers")},
                round(self.limits["memory_mb"] * change.get("memory_factor", 1)),
                self.limits["time_limit_s"] * change.get("time_factor", 1),
            )
            if result["success"]:
                break
            kind = failure_class(result)
            step = climbed.get(kind, 0)
            climbed[kind] = step + 1
            if step >= len(self.ladders[kind]):
                if kind == "killed":
                    raise KilledError(self._sentence_of_kill(result))
                break
            # a task that needs more memory and then fails otherwise still needs the memory
            changes[kind] = self.ladders[kind][step]
            change = {key: value for one in changes.values() for key, value in one.items()}
            seconds = {key: result[key] for key in ("wall_seconds", "cpu_seconds")}
            attempts.append(
                {"failure": kind, "message": result["error_message"][-300:], "then": change}
                | seconds
            )
            log.warning(
                "%s failed (%s: %s); trying again with %s", "".join(task["symbols"]), kind,
                result["error_message"][-200:], change or "the same",
            )  # fmt: skip
        return result | ({"attempts": attempts} if attempts else {})

    def _sentence_of_kill(self, result: dict) -> str:
        return (
            f"{self.spec['engine']} was killed twice while it computed one task, most likely for "
            f"want of memory (qm.memory_mb is {self.limits['memory_mb']}); give the job more "
            "memory or the engine less, and run again: finished calculations are kept."
        )

    def gradient_of(self, molecule: dict):
        """positions Å → energy kcal/mol, gradient kcal/mol/Å, as relaxations want it.

        molecule: qcschema; its geometry is replaced. No ESP grid is asked for on the way.
        The function raises QMError where a calculation fails; its `steps` lists the digests.
        """

        def gradient(positions):
            geometry = (np.ravel(positions) / BOHR_IN_ANGSTROM).tolist()
            task = self.task({**molecule, "geometry": geometry}, esp=None)
            gradient.steps.append(task["digest"])
            result = self.result(task)
            if not result["success"]:
                raise QMError(result["error_type"], result["error_message"])
            energy, slope = with_dispersion(task, result)
            return energy * HARTREE_IN_KCAL, slope * GRADIENT_UNIT

        gradient.steps = []
        return gradient
