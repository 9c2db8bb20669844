"""Trajectories of all molecules by one method, on as many cores as there are.

Trajectories know nothing of each other, and what each says is a file in a folder of checkpoints
(see md/run.py): a worker is given a molecule and some of its trajectories, and whoever comes
later takes what is there.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from queue import Empty
from typing import NamedTuple

import torch
import xarray

from forceladder import job
from forceladder.errors import KilledError
from forceladder.files import as_name
from forceladder.md.plans import Plan, plans
from forceladder.md.run import MoleculeRun, Store
from forceladder.md.summary import MoleculeResults
from forceladder.md.watch import Watch
from forceladder.training_set.dataset import molecule_positions, row_ranges, select_each
from forceladder.validate.methods import Method, fingerprint, method_surfaces, model_digests


class Work(NamedTuple):
    """Some trajectories of one molecule. dataset: a training set of that molecule alone"""

    dataset: xarray.Dataset
    method: Method
    planned: list[Plan]
    store: Store
    every: int


def run_molecules(
    dataset: xarray.Dataset, method: Method, settings: dict, folder: Path, threads: int
) -> list[MoleculeResults]:
    """All trajectories of every molecule of a training set.

    settings: the config's `md` section, the method's own laid over it
    folder: of checkpoints; a job that is killed goes on from there
    threads: worker processes; with one all is done in this process
    raises: KilledError if a worker was killed
    """
    works, stores, model = [], [], model_digests(method)
    names = dataset["molecule_id"].values.tolist()
    each = select_each(dataset, ([(row, None)] for row in range(len(names))))
    for name, one in zip(names, each, strict=True):
        planned = plans(settings, name)
        store = Store(Path(folder, as_name(name)), fingerprint(one, method, model))
        stores.append((name, int(one["atom_count"].values[0]), planned, store))
        left = [plan for plan in planned if store.result(plan) is None]
        shares = max(1, threads // dataset.sizes["molecule"])
        works += [
            Work(one, method, left[k::shares], store, settings["checkpoint_frames"])
            for k in range(shares)
            if left[k::shares]
        ]
    # the longest first, so that none is left for the end
    works.sort(key=lambda work: -_cost(work))
    undescribed = _in_this_process(works) if threads == 1 else _in_workers(works, threads)
    return [
        MoleculeResults(
            name, atoms,
            None if name in undescribed else {p.name: store.result(p) for p in planned},
        )
        for name, atoms, planned, store in stores
    ]  # fmt: skip


def run_work(work: Work, report: Callable = lambda picoseconds: None) -> str | None:
    """Run trajectories into their store; the molecule's name if the method cannot describe it."""
    torch.set_num_threads(1)
    method = work.method
    # dynamics do with a correction in float32, a fifth faster on one thread
    (subject,) = method_surfaces(
        work.dataset, method.label, method.systems, method.model, torch.float32, method.device
    )
    if subject.surface is None:
        report(sum(plan.picoseconds for plan in work.planned))
        return subject.name
    ranges, positions = row_ranges(work.dataset)["bond"], molecule_positions(work.dataset, 0)
    bonds = work.dataset["bond_atoms"].values[slice(*ranges)]
    watch = Watch(subject.mol, bonds, positions)
    run = MoleculeRun(subject.surface.system, watch, positions, work.store)
    for plan in work.planned:
        run.run(plan, work.every, report)
    return None


def _cost(work: Work) -> float:
    return sum(plan.picoseconds for plan in work.planned) * work.dataset.sizes["atom"]


class _Bar:
    """Progress in tenths of a picosecond."""

    def __init__(self, works: list[Work]):
        tenths = sum(10.0 * plan.picoseconds for work in works for plan in work.planned)
        self.total, self.done, self.shown = max(round(tenths), 1), 0.0, -1
        self.bar = job.Progress("MD, 0.1 ps", self.total)

    def add(self, picoseconds: float):
        self.done += 10.0 * picoseconds
        tenths = min(round(self.done), self.total)
        if tenths > self.shown:
            self.shown = tenths
            self.bar.update(tenths)


def _in_this_process(works: list[Work]) -> set[str]:
    bar, undescribed = _Bar(works), set()
    for work in works:
        undescribed.add(run_work(work, bar.add))
    return undescribed - {None}


def _in_workers(works: list[Work], threads: int) -> set[str]:
    bar, context = _Bar(works), multiprocessing.get_context("spawn")
    done = context.Queue()  # picoseconds
    with ProcessPoolExecutor(threads, context, _begin_worker, (done,)) as pool:
        left = futures = {pool.submit(_work_in_worker, work) for work in works}
        try:
            while left:
                left = wait(left, timeout=1.0).not_done
                bar.add(_drain(done))
            return {future.result() for future in futures} - {None}
        except BrokenProcessPool:
            raise KilledError(
                "a worker of MD was killed, most likely for want of memory; run again with fewer "
                "md.threads, finished trajectories are kept."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _drain(queue) -> float:
    total = 0.0
    while True:
        try:
            total += queue.get_nowait()
        except Empty:
            return total


def _begin_worker(done):
    """Keep the queue, and end with the process that began this one, however that ends."""
    global _done
    _done = done
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _work_in_worker(work: Work) -> str | None:
    return run_work(work, lambda picoseconds: _done.put(float(picoseconds)))
