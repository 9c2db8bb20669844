"""Proof that an exported system is the force field that was fitted."""

import numpy as np
import torch

from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.energy.total import term_energy_and_gradient
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import context_at, force_energy_and_gradient
from forceladder.export.openmm.system import home
from forceladder.export.parameters import terms_as_tensors
from forceladder.model.potential import correction_surface, neighbours_of
from forceladder.model.rung import CORRECTION, Rung
from forceladder.training_set.dataset import molecule_positions, select_molecules

COLUMNS = ["molecule", "engine", "term", "quantity", "unit", "value", "difference"]


def proof_rows(index: int, dataset, parameters: dict, system, model: Rung) -> list[dict]:
    """OpenMM against the training code, per term, on the molecule's geometry of highest energy:
    off the symmetric points of a minimum, such as straight angles, where OpenMM's own
    rounding shows.

    system: without the correction, as it is stored      model: where the parameters are from
    Rows of COLUMNS, for the terms that the molecule has rows of: `value` is ours, `difference`
    OpenMM's minus ours; for forces the largest component of either. Lennard-Jones 12-6 and
    Coulomb are one force of OpenMM and one row. The sum of charges, where there are any, is held
    against the net charge.
    """
    one = select_molecules(dataset, [index])
    positions = molecule_positions(dataset, index)[int(np.argmax(one["energy"].values))]
    geometry = Geometry(topology_of(one), torch.tensor([1]), torch.as_tensor(positions))
    ours = {
        name: term_energy_and_gradient(name, values, geometry)
        for name, values in terms_as_tensors(parameters).items()
    }
    if CORRECTION in parameters:
        system = attach_correction(system, model, parameters)
        ours[CORRECTION] = correction_of(model, geometry)
    context, rows = context_at(system, positions), []

    def add(engine, term, quantity, unit, value, difference):
        cells = (parameters["id"], engine, term, quantity, unit, float(value), float(difference))
        rows.append(dict(zip(COLUMNS, cells, strict=True)))

    for names in shared_rows(ours):
        energy = sum(float(ours[name][0]) for name in names)
        gradient = sum(ours[name][1].numpy() for name in names)
        force = CORRECTION if names == [CORRECTION] else home(names[0])
        theirs = force_energy_and_gradient(context, force, names)
        term, difference = "+".join(names), np.abs(theirs[1] - gradient).max()
        add("OpenMM", term, "energy", "kcal/mol", energy, theirs[0] - energy)
        add("OpenMM", term, "force", "kcal/mol/angstrom", np.abs(gradient).max(), difference)
    if "charge" in parameters:
        total, net_charge = sum(parameters["charge"]), float(one["net_charge"].values[0])
        add("none", "charges", "sum", "e", total, total - net_charge)
    return rows


def shared_rows(terms) -> list[list[str]]:
    """The terms one by one, but those together that OpenMM cannot tell apart."""
    nonbonded = [name for name in terms if name != CORRECTION and home(name) == "nonbonded"]
    rows = [[name] for name in terms if name not in nonbonded]
    return rows + ([nonbonded] if nonbonded else [])


def correction_of(model: Rung, geometry: Geometry):
    """Energy and gradient as the fit has them, from neighbours that are searched for."""
    with torch.no_grad():
        embedding = model(geometry.topology).embedding
    found = correction_surface(model, embedding, geometry, neighbours_of(model, geometry))
    return found.energy.detach(), found.gradient
