"""What a step of MD in OpenMM costs on each rung and platform, as a multiple of class1.

    python tests/benchmarks/md_speed.py [--rounds 15]

Writes results/bench/md_speed.json: microseconds a step of 3BPA (27 atoms) on every platform that
is there, on one core; how that of class1 and class2 grows with the atoms of alkanes, with and
without the pairs of atoms, of which OpenMM takes all where there is no cutoff; where the time of
delta goes; and what geometries of many molecules at once cost beside one. Rungs are those of
config/config.yaml with random weights, and steps are so short that atoms stay where they are:
what a step costs does not depend on either.
"""

import os
from functools import partial

import numpy as np
import openmm
import torch
from bench import (
    alternating_seconds,
    devices,
    entry,
    growth_exponent,
    median,
    median_ratio,
    network_of,
    rounds_asked,
    rung_settings,
    write_results,
)
from evaluation_speed import MOLECULES, NOISE, RUNGS, SEED, random_rung, torch_evaluation

from force_fields import dataset_of, shaken
from forceladder.export.openmm.correction import all_neighbours, attach_correction
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.units import ANGSTROM_IN_NM

SMILES = MOLECULES["3BPA"]
PLATFORMS = ("Reference", "CPU", "OpenCL", "CUDA")
ALKANES = (8, 16, 32, 64)  # carbon atoms
PAIRS = ("nonbonded", "lennard_jones_96")
BATCHES = (1, 8, 64, 256)
STEPS = 5
TIMESTEP_PS = 1e-9
CLASS1 = "class1 on this platform, same run"


def platforms() -> list[str]:
    """Those that OpenMM has here, and can use."""
    found = []
    for index in range(openmm.Platform.getNumPlatforms()):
        name = openmm.Platform.getPlatform(index).getName()
        try:
            stepping(openmm_system(rung_of("class1", "C")[1]), "C", name)()
            found.append(name)
        except openmm.OpenMMException as error:
            print(f"{name} is not measured: {error}")
    print(f"platforms not here: {', '.join({*PLATFORMS} - {*found}) or 'none'}")
    return found


def rung_of(name: str, smiles: str):
    """A rung with random weights, and its parameters of a molecule."""
    model = random_rung(name, smiles, "cpu")
    (parameters,) = molecule_parameters(model, dataset_of(smiles))
    return model, parameters


def system_of(name: str, smiles: str) -> openmm.System:
    """With the correction of a rung that has one."""
    model, parameters = rung_of(name, smiles)
    system = openmm_system(parameters)
    if model.correction is None:
        return system
    return attach_correction(system, model, parameters, next(model.correction.parameters()).dtype)


def stepping(system: openmm.System, smiles: str, platform: str):
    """A function that takes STEPS steps of Langevin dynamics."""
    integrator = openmm.LangevinMiddleIntegrator(300.0, 1.0, TIMESTEP_PS)
    threads = {"Threads": "1"} if platform == "CPU" else {}
    context = openmm.Context(
        system, integrator, openmm.Platform.getPlatformByName(platform), threads
    )
    context.setPositions(shaken(smiles, 0, NOISE) * ANGSTROM_IN_NM)

    def step():
        integrator.step(STEPS)
        if platform in ("OpenCL", "CUDA"):
            context.getState(positions=True)  # wait until they are done

    step.context = context  # which the integrator does not keep alive
    return step


def steps(rounds: int) -> dict[str, dict]:
    """Of every rung on every platform."""
    systems = {rung: system_of(rung, SMILES) for rung in RUNGS}
    found = {}
    for platform in platforms():
        actions = {r: stepping(system, SMILES, platform) for r, system in systems.items()}
        times = alternating_seconds(actions, rounds)
        for rung in RUNGS:
            ratio = median_ratio(times[rung], times["class1"])
            found[f"3BPA, {rung}, {platform}"] = entry(
                median(times[rung]) / STEPS * 1e6, "µs/step", CLASS1, of_class1=ratio
            )
    return found


def growth(rounds: int) -> dict[str, dict]:
    """Of class1 and class2 along alkanes, on the Reference platform."""
    actions, atoms = {}, {}
    for carbons in ALKANES:
        smiles = "C" * carbons
        atoms[carbons] = dataset_of(smiles).sizes["atom"]
        for rung in ("class1", "class2"):
            whole = openmm_system(rung_of(rung, smiles)[1])
            actions[rung, "all terms", carbons] = stepping(whole, smiles, "Reference")
            actions[rung, "without pairs", carbons] = stepping(
                without_pairs(whole), smiles, "Reference"
            )
    times = alternating_seconds(actions, rounds)
    found = {}
    for rung in ("class1", "class2"):
        for terms in ("all terms", "without pairs"):
            costs = {n: median(times[rung, terms, n]) / STEPS * 1e6 for n in ALKANES}
            for carbons, value in costs.items():
                ratio = median_ratio(times[rung, terms, carbons], times["class1", terms, carbons])
                found[f"alkane of {atoms[carbons]} atoms, {rung}, {terms}"] = entry(
                    value, "µs/step", "class1, the same terms, same run", of_class1=ratio
                )
            exponent = growth_exponent([*atoms.values()], [*costs.values()])
            found[f"exponent of growth, {rung}, {terms}"] = entry(
                exponent, "1", "1 is linear in the atoms"
            )
    return found


def without_pairs(system: openmm.System) -> openmm.System:
    """A copy without the forces whose rows are pairs of atoms."""
    system = openmm.XmlSerializer.clone(system)
    for index in reversed(range(system.getNumForces())):
        if system.getForce(index).getName() in PAIRS:
            system.removeForce(index)
    return system


def profile_of_delta(rounds: int) -> dict[str, dict]:
    """Steps with ever more of delta, and the parts of what its network does in one of them."""
    model, parameters = rung_of("delta", SMILES)
    dtype = next(model.correction.parameters()).dtype
    class2 = openmm_system(parameters)
    idle = openmm.XmlSerializer.clone(class2)
    idle.addForce(openmm.PythonForce(partial(nothing, len(parameters["mass"])), {}))
    whole = attach_correction(class2, model, parameters, dtype)
    embedding = torch.tensor(parameters["correction"]["embedding"], dtype=dtype)
    atoms = torch.arange(len(embedding))
    neighbours = all_neighbours(len(embedding), parameters["bonds"])
    positions = torch.tensor(shaken(SMILES, 0, NOISE), dtype=dtype)

    def forward(positions=positions):
        return model.correction(embedding, atoms, positions, neighbours).sum()

    def backward():
        moving = positions.clone().requires_grad_()
        torch.autograd.grad(forward(moving), moving)

    times = alternating_seconds(
        {
            "step of class2": stepping(class2, SMILES, "Reference"),
            "step with a PythonForce that does nothing": stepping(idle, SMILES, "Reference"),
            "whole step": stepping(whole, SMILES, "Reference"),
            "network, energy": torch.no_grad()(forward),
            "network, energy and gradient": backward,
        },
        rounds,
    )
    reference = "whole step of delta, same run"
    per_call = {name: STEPS if "step" in name else 1 for name in times}
    share = {name: seconds / per_call[name] for name, seconds in times.items()}
    return {
        f"3BPA, delta, {name}": entry(
            median(seconds) * 1e6, "µs", reference,
            of_step=median_ratio(seconds, share["whole step"]),
        )
        for name, seconds in share.items()
    }  # fmt: skip


def nothing(atoms: int, state: openmm.State):
    """Of a PythonForce: it takes the positions and returns no energy and no forces."""
    state.getPositions(asNumpy=True)
    return 0.0, np.zeros((atoms, 3))


def batches(rounds: int) -> dict[str, dict]:
    """Energy and forces of many geometries at once, by torch."""
    found = {}
    for device in devices():
        actions = {
            (rung, size): torch_evaluation(rung, SMILES, size, device)
            for rung in RUNGS
            for size in BATCHES
        }
        times = alternating_seconds(actions, rounds)
        for (rung, size), seconds in times.items():
            ratio = median_ratio(seconds / size, times[rung, 1])
            found[f"3BPA, {rung}, torch {device}, {size} at once"] = entry(
                median(seconds) / size * 1e6, "µs", "one alone, same run", of_one=ratio
            )
    return found


def stay_on_one_core():
    """The platform CPU hands every force over to a thread; from core to core that costs three
    times the step itself, or nothing, as the scheduler likes."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main():
    rounds = rounds_asked(__doc__)
    stay_on_one_core()
    few = max(3, rounds // 3)
    entries = steps(rounds) | growth(few) | profile_of_delta(few) | batches(few)
    write_results(
        "md_speed", entries, SEED, molecule=SMILES, alkanes=ALKANES, batches=BATCHES,
        rounds=rounds, openmm=openmm.Platform.getOpenMMVersion(),
        rungs={rung: network_of(rung_settings(rung)) for rung in RUNGS},
    )  # fmt: skip


if __name__ == "__main__":
    main()
