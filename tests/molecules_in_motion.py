"""Small molecules with force fields that hold them, or do not, for the tests of this room."""

import numpy as np
import openmm

from examples import mol_of
from force_fields import dataset_of, embedded, topology, untrained_rung
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.md.plans import Plan
from forceladder.md.run import MoleculeRun, Store
from forceladder.md.simulator import Simulator, minimized_positions
from forceladder.md.watch import Watch

SETTINGS = {
    "seed": 1, "checkpoint_frames": 5, "nve_temperature_kelvin": 300, "nve_equilibration_ps": 1,
    "nve_ps": 2, "nve_frames": 100, "nve_timesteps_fs": [0.25, 0.5],
    "nvt_temperatures_kelvin": [300, 600], "nvt_replicas": 2, "nvt_ps": 2, "nvt_frames": 20,
    "nvt_timestep_fs": 0.5, "nvt_thermostat": "langevin", "nvt_friction_per_ps": 5.0,
    "watch_interval_fs": 10, "watch_persistence_fs": 100,
}  # fmt: skip


def plan(**changes) -> Plan:
    """An NVT trajectory of 2 ps, or what is made of it."""
    usual = Plan(
        "nvt-300K-0", "nvt", 0, 5, 300.0, 0.5, 2.0, 20, 10.0, 100.0, "langevin", 5.0
    )  # fmt: skip
    return usual._replace(**changes)


def parameters_of(smiles):
    graph = topology(smiles)
    return molecule_parameters(untrained_rung(graph), dataset_of(smiles))[0]


def bonds_of(parameters):
    return np.array(parameters["terms"]["bond_harmonic"]["atoms"])


def molecule_run(smiles, folder, change=lambda parameters: None, extra=None, **more):
    """A MoleculeRun under an untrained rung; change(parameters) before its System is made,
    extra(system, parameters) after."""
    parameters = parameters_of(smiles)
    change(parameters)
    system = openmm_system(parameters)
    if extra:
        extra(system, parameters)
    positions = more.get("positions", embedded(smiles)[None])
    watch = Watch(mol_of(smiles), bonds_of(parameters), positions)
    return MoleculeRun(lambda: system, watch, positions, Store(folder, more.get("key", "one")))


def trapped_run(folder):
    """Methanol that no floor holds, from its minimum: cold it lives, hot it dies."""
    minimum = minimized_positions(Simulator(openmm_system(parameters_of("CO"))), embedded("CO"))
    return molecule_run("CO", folder, extra=trap, positions=minimum[None])


def trap(system: openmm.System, parameters):
    """No floor below: sane at the minimum, gone once a bond is pushed by some 0.15 Å."""
    force = openmm.CustomBondForce("-1e11*max(0, r-r0)^4")
    force.addPerBondParameter("r0")
    lengths = parameters["terms"]["bond_harmonic"]["length"]
    for (i, j), length in zip(bonds_of(parameters).tolist(), lengths, strict=True):
        force.addBond(i, j, [0.1 * length + 0.008])
    system.addForce(force)
