"""What an energy with its forces costs on each rung, beside GFN2-xTB and the DFT call itself.

    python tests/benchmarks/evaluation_speed.py [--rounds 15]

Writes results/bench/evaluation_speed.json: microseconds a geometry, of ethanol and of 3BPA, one
geometry at a time and in a batch. Rungs are those of config/config.yaml with random weights:
what an evaluation costs does not depend on them. Everything that stays the same along a
trajectory is worked out before (parameters, index tables); what follows from positions is not:
coordinates, their derivatives and neighbours. Psi4's gradient is computed once for ethanol
where Psi4 is installed; for 3BPA the stored value is cited.
"""

import time

import numpy as np
import openmm
import torch
from bench import (
    alternating_seconds,
    devices,
    entry,
    median,
    network_of,
    rounds_asked,
    rung_settings,
    write_results,
)
from tblite.interface import Calculator

from examples import qc_molecule
from force_fields import dataset_of, embedded, geometry_of, shaken, topology
from forceladder.energy.geometry import Geometry
from forceladder.errors import HouseError
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.fit.loop import PRECISIONS
from forceladder.model.potential import correction_surface, mechanical_surface, neighbours_of
from forceladder.model.rung import Rung, make_rung
from forceladder.qm import engines
from forceladder.qm.tasks import make_task
from forceladder.units import ANGSTROM_IN_NM, BOHR_IN_ANGSTROM

SEED = 1
MOLECULES = {"ethanol": "CCO", "3BPA": "Nc1ncccc1OCc1ccccc1"}
RUNGS = ("class1", "class2", "delta", "mlff")
BATCH = 256
NOISE = 0.02  # Å on every coordinate
B3LYP = {"engine": "psi4", "method": "b3lyp", "basis": "dzvp"}
STORED_B3LYP_SECONDS = {"ethanol": 8.0, "3BPA": 113.0}  # Psi4 1.3.2, one thread, a slow core
XTB = "GFN2-xTB of the same molecule, tblite, one thread, same run"


def random_rung(name: str, smiles: str, device: str) -> Rung:
    """The rung of the config, every weight moved a little off its start."""
    settings = rung_settings(name)
    model = make_rung(network_of(settings), topology(smiles), SEED)
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.02 * torch.randn(weight.shape, generator=generator).to(weight)
    if model.correction is not None:
        model.correction.to(PRECISIONS[settings["training"]["precision"]])
    return model.to(device).requires_grad_(False)


def torch_evaluation(name: str, smiles: str, conformers: int, device: str):
    """A function that takes energies and gradients of all conformers anew."""
    model = random_rung(name, smiles, device)
    graph = moved(topology(smiles), device)
    positions = np.stack([shaken(smiles, seed, NOISE) for seed in range(conformers)])
    geometry = geometry_of(topology(smiles), [positions])
    geometry = Geometry(graph, geometry.conformer_count, geometry.positions.to(device))
    with torch.no_grad():
        parameters = model(graph)

    def evaluate():
        geometry.move(geometry.positions)
        if parameters.terms:
            with torch.no_grad():
                mechanical_surface(parameters, geometry)
        if model.correction is not None:
            neighbours = neighbours_of(model, geometry)
            correction_surface(model, parameters.embedding, geometry, neighbours)

    return evaluate


def moved(value, device: str):
    """A topology on a device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: moved(one, device) for key, one in value.items()}
    if isinstance(value, tuple):
        return type(value)(*(moved(one, device) for one in value))
    return value


def openmm_evaluation(name: str, smiles: str):
    """The same on OpenMM's Reference platform, the correction through its PythonForce."""
    model = random_rung(name, smiles, "cpu")
    (parameters,) = molecule_parameters(model, dataset_of(smiles))
    system = openmm_system(parameters)
    if model.correction is not None:
        dtype = next(model.correction.parameters()).dtype
        system = attach_correction(system, model, parameters, dtype)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    positions = shaken(smiles, 0, NOISE) * ANGSTROM_IN_NM

    def evaluate():
        context.setPositions(positions)
        context.getState(energy=True, forces=True)

    return evaluate


def xtb_evaluation(smiles: str):
    molecule = qc_molecule(smiles, embedded(smiles))
    numbers = make_task(molecule, {**B3LYP, "engine": "gfn2-xtb"}, "")["atomic_numbers"]
    calculator = Calculator("GFN2-xTB", np.array(numbers), embedded(smiles) / BOHR_IN_ANGSTROM)
    calculator.set("verbosity", 0)
    return calculator.singlepoint


def psi4_entries() -> dict[str, dict]:
    """Seconds of one B3LYP/DZVP gradient; the larger molecule's is cited."""
    cited = "Psi4 1.3.2 on one thread of a slow core, measured for this project and stored"
    found = {
        f"{molecule}, B3LYP/DZVP, stored": entry(seconds * 1e6, "µs", cited)
        for molecule, seconds in STORED_B3LYP_SECONDS.items()
    }
    try:
        version = engines.psi4_version()
    except HouseError as error:
        print(f"Psi4's gradient is not computed: {error}")
        return found
    task = make_task(qc_molecule("CCO", embedded("CCO")), B3LYP, version)
    with engines.EngineProcess("psi4", threads=1) as engine:
        engine.compute({**task, "driver": "energy"}, 2000, 600.0)  # Psi4 has started
        start = time.perf_counter()
        engine.compute(task, 2000, 600.0)
        seconds = time.perf_counter() - start
    found["ethanol, B3LYP/DZVP, Psi4"] = entry(
        seconds * 1e6, "µs", f"{version}, one thread, same run"
    )
    return found


def speeds(molecule: str, rounds: int) -> dict[str, dict]:
    """Of one molecule, one geometry at a time and in batches."""
    smiles = MOLECULES[molecule]
    single = {"GFN2-xTB": xtb_evaluation(smiles)}
    batched = {}
    for name in RUNGS:
        for device in devices():
            single[f"{name}, torch {device}"] = torch_evaluation(name, smiles, 1, device)
            batched[f"{name}, torch {device}"] = torch_evaluation(name, smiles, BATCH, device)
        try:
            single[f"{name}, OpenMM Reference"] = openmm_evaluation(name, smiles)
        except HouseError as error:
            print(f"{name} is not measured in OpenMM: {error}")
    # the first evaluation is not counted: it fills caches
    times = alternating_seconds(single, rounds)
    many = alternating_seconds(batched, max(3, rounds // 3))
    xtb = median(times["GFN2-xTB"])
    found = {}
    for name, seconds in times.items():
        value = median(seconds)
        found[f"{molecule}, {name}"] = entry(value * 1e6, "µs", XTB, of_xtb=value / xtb)
    for name, seconds in many.items():
        value = median(seconds) / BATCH
        found[f"{molecule}, {name}, {BATCH} at once"] = entry(
            value * 1e6, "µs", XTB, of_xtb=value / xtb
        )
    return found


def main():
    rounds, entries = rounds_asked(__doc__), {}
    for molecule in MOLECULES:
        entries |= speeds(molecule, rounds)
    entries |= psi4_entries()
    write_results(
        "evaluation_speed", entries, SEED, molecules=MOLECULES, batch=BATCH, rounds=rounds,
        rungs={rung: network_of(rung_settings(rung)) for rung in RUNGS},
    )  # fmt: skip


if __name__ == "__main__":
    main()
