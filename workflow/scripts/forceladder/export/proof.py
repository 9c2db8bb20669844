"""Proof that an exported system is the force field that was fitted."""

import numpy as np
import torch

from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.energy.total import term_energy_and_gradient
from forceladder.export.openmm_system import openmm_energy_and_gradient
from forceladder.export.parameters import terms_as_tensors
from forceladder.training_set.dataset import molecule_positions, select_molecules

NONBONDED = ("lennard_jones", "coulomb")  # OpenMM has one force for both


COLUMNS = ["molecule", "engine", "term", "quantity", "unit", "value", "difference"]


def proof_rows(index: int, dataset, parameters: dict, system) -> list[dict]:
    """OpenMM against the training code, per term, on the molecule's geometry of highest energy:
    off the symmetric points of a minimum, such as straight angles, where OpenMM's own
    rounding shows.

    Rows of COLUMNS: `value` is ours, `difference` OpenMM's minus ours; for forces the
    largest component of either. The sum of charges is held against the net charge.
    """
    one = select_molecules(dataset, [index])
    positions = molecule_positions(dataset, index)[int(np.argmax(one["energy"].values))]
    geometry = Geometry(topology_of(one), torch.tensor([1]), torch.as_tensor(positions))
    ours = {
        name: term_energy_and_gradient(name, values, geometry)
        for name, values in terms_as_tensors(parameters).items()
    }
    rows = []

    def add(engine, term, quantity, unit, value, difference):
        cells = (parameters["id"], engine, term, quantity, unit, float(value), float(difference))
        rows.append(dict(zip(COLUMNS, cells, strict=True)))

    for force in system.getForces():
        names = NONBONDED if force.getName() == "nonbonded" else (force.getName(),)
        energy = sum(float(ours[name][0]) for name in names if name in ours)
        gradient = sum(ours[name][1].numpy() for name in names if name in ours)
        engine_energy, engine_gradient = openmm_energy_and_gradient(
            system, positions, groups=1 << force.getForceGroup()
        )
        term, difference = "+".join(names), np.abs(engine_gradient - gradient).max()
        add("OpenMM", term, "energy", "kcal/mol", energy, engine_energy - energy)
        add("OpenMM", term, "force", "kcal/mol/angstrom", np.abs(gradient).max(), difference)
    net_charge = float(one["net_charge"].values[0])
    total = sum(parameters["charge"])
    add("none", "charges", "sum", "e", total, total - net_charge)
    return rows
