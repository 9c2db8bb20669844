"""What a method costs: milliseconds of one energy with its forces, and of one step of MD."""

import numpy as np
import torch

from forceladder.errors import MissingProgramError
from forceladder.export.openmm.evaluation import context_at
from forceladder.job import Progress, log
from forceladder.tables import number
from forceladder.training_set.dataset import molecule_positions
from forceladder.units import ANGSTROM_IN_NM
from forceladder.validate.surface import Surface
from forceladder.validate.timing import alternating_seconds

COLUMNS = ["method", "molecule", "atoms", "what", "milliseconds", "low", "high", "source"]
ENERGY_AND_FORCE, MD_STEP = "energy_and_force", "md_step"
PYTHON = {"MMFF94": "RDKit", "UFF": "RDKit", "GFN2-xTB": "tblite"}  # the others are OpenMM's
LEDGER = "ledger"
STILL = 1e-9  # ps; atoms stay where they are, for what a step costs does not depend on it
STEPS = 5  # of MD in one call


def measured_costs(dataset, methods: dict, rounds: int) -> list[dict]:
    """One row per method, molecule and what is measured, on one thread of this machine.

    energy_and_force  of one geometry, as one asks for it from Python: OpenMM's Reference platform,
                      RDKit, tblite
    md_step           of Verlet in OpenMM's Reference platform; what is no System of its own is
                      asked through a PythonForce
    milliseconds      median over rounds, in each of which all methods take their turn, so that a
                      busy machine slows all alike; low and high are the quartiles; CPU time
    NaN where a method has no parameters for a molecule, or cannot run here.

    methods: label → iterator over `methods.Subject`s of all molecules of the dataset
    """
    torch.set_num_threads(1)
    surfaces = all_surfaces(methods, dataset.sizes["molecule"])
    rows, progress = [], Progress("cost", len(surfaces))
    for m, by_method in enumerate(surfaces):
        positions = molecule_positions(dataset, m)[0]
        actions = {}
        for label, surface in by_method.items():
            if surface is not None:
                actions |= {(label, w): a for w, a in actions_of(label, surface, positions).items()}
        times = alternating_seconds(actions, rounds)
        for label in by_method:
            for what in (ENERGY_AND_FORCE, MD_STEP):
                repeats = STEPS if what == MD_STEP else 1
                said = milliseconds(times.get((label, what), np.array([])) / repeats)
                rows.append(
                    {
                        "method": label, "molecule": str(dataset["molecule_id"].values[m]),
                        "atoms": int(dataset["atom_count"].values[m]), "what": what, **said,
                        "source": source(label, what),
                    }
                )  # fmt: skip
        progress.update(m + 1, str(dataset["molecule_id"].values[m]))
    order = list(methods)
    return sorted(rows, key=lambda row: order.index(row["method"]))


def all_surfaces(methods: dict, molecules: int) -> list[dict[str, Surface | None]]:
    """Of each molecule: label → its surface, None where there is none."""
    found = [dict.fromkeys(methods) for _ in range(molecules)]
    for label, subjects in methods.items():
        try:
            for subject in subjects:
                found[subject.index][label] = subject.surface
        except MissingProgramError as error:
            log.warning("%s is not measured: %s", label, error)
    return found


def actions_of(label: str, surface: Surface, positions) -> dict:
    """What is timed → a function that does it once."""
    context = context_at(surface.system(), positions)
    context.getIntegrator().setStepSize(STILL)
    found = {MD_STEP: lambda: context.getIntegrator().step(STEPS)}
    if label in PYTHON:
        return {ENERGY_AND_FORCE: lambda: surface(positions)} | found

    scaled = positions * ANGSTROM_IN_NM

    def energy_and_force():
        context.setPositions(scaled)
        context.getState(energy=True, forces=True)

    return {ENERGY_AND_FORCE: energy_and_force} | found


def milliseconds(seconds: np.ndarray) -> dict:
    """Median and quartiles of [rounds] s; NaN of none."""
    if not len(seconds):
        return dict.fromkeys(("milliseconds", "low", "high"), float("nan"))
    low, middle, high = (float(x) for x in 1e3 * np.percentile(seconds, [25, 50, 75]))
    return {"milliseconds": middle, "low": low, "high": high}


def source(label: str, what: str) -> str:
    """Which program does the work."""
    if label not in PYTHON:
        return "OpenMM Reference"
    return PYTHON[label] if what == ENERGY_AND_FORCE else f"{PYTHON[label]} in OpenMM"


def ledger_costs(ledger: list[dict], sizes: dict[str, int]) -> list[dict]:
    """What the reference itself has cost: core-seconds of its successful calculations, each of
    them a gradient, over their number; no spread is known. A step of MD needs one gradient.

    ledger: rows of ledger.csv      sizes: atoms of the molecules that are wanted, by name
    """
    totals: dict[tuple[str, str], list[float]] = {}
    for row in ledger:
        if row["outcome"] == "success" and row["molecule"] in sizes:
            account = totals.setdefault((row["level_of_theory"], row["molecule"]), [0.0, 0.0])
            account[0] += number(row["core_seconds"])
            account[1] += number(row["calculations"])
    return [
        {
            "method": level, "molecule": molecule, "atoms": sizes[molecule],
            "what": what, "milliseconds": 1e3 * core_seconds / calculations,
            "low": None, "high": None, "source": LEDGER,
        }
        for (level, molecule), (core_seconds, calculations) in totals.items()
        for what in (ENERGY_AND_FORCE, MD_STEP)
    ]  # fmt: skip


def with_numbers(rows: list[dict]) -> list[dict]:
    """Rows of cost.csv as they are read, with atoms and milliseconds as numbers."""
    return [
        row | {"atoms": int(row["atoms"]), "milliseconds": number(row["milliseconds"])}
        for row in rows
    ]


def chosen_molecules(atom_counts, most: int) -> list[int]:
    """Rows of at most `most` molecules, spread evenly over the order of their sizes, the smallest
    and the largest among them."""
    order = np.argsort(np.asarray(atom_counts), kind="stable")
    picks = np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int))
    return sorted(int(row) for row in order[picks])


def growth_exponent(rows: list[dict]) -> float | None:
    """p of cost ∝ atomsᵖ over molecules, by least squares of logarithms; None for one size."""
    known = [r for r in rows if np.isfinite(r["milliseconds"])]
    if len({row["atoms"] for row in known}) < 2:
        return None
    sizes = np.log([row["atoms"] for row in known])
    return float(np.polyfit(sizes, np.log([row["milliseconds"] for row in known]), 1)[0])
