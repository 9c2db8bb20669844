"""Proof that an exported molecule is the force field that was fitted, in every engine."""

import numpy as np
import torch

from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import topology_of
from forceladder.energy.total import term_energy_and_gradient
from forceladder.export.engines import ENGINES, engine_module, precision
from forceladder.export.openmm.correction import attach_correction
from forceladder.export.openmm.evaluation import context_at, force_energy_and_gradient
from forceladder.export.openmm.system import home
from forceladder.export.parameters import terms_as_tensors
from forceladder.model.potential import correction_surface, neighbours_of
from forceladder.model.rung import CORRECTION, Rung
from forceladder.training_set.dataset import molecule_positions, select_molecules

COLUMNS = ["molecule", "engine", "term", "quantity", "unit", "value", "difference", "precision"]


class Proof:
    """One molecule as the training code has it, to hold engines against.

    On its geometry of highest energy: off the symmetric points of a minimum, such as straight
    angles, where engines' own rounding shows.

    positions  [atoms, 3] Å      ours  term → energy kcal/mol and gradient [atoms, 3] kcal/mol/Å

    Rows of COLUMNS: `value` is ours, `difference` the engine's minus ours; for forces the largest
    component of either; `precision` what the engine's own arithmetic leaves of either, relative.
    """

    def __init__(self, index: int, dataset, parameters: dict, model: Rung):
        """index: row of the molecule in the dataset      model: where the parameters are from"""
        self.parameters, self.model = parameters, model
        self.dataset = select_molecules(dataset, [index])
        highest = int(np.argmax(self.dataset["energy"].values))
        self.positions = molecule_positions(dataset, index)[highest]
        geometry = Geometry(
            topology_of(self.dataset), torch.tensor([1]), torch.as_tensor(self.positions)
        )
        self.ours = {
            name: term_energy_and_gradient(name, values, geometry)
            for name, values in terms_as_tensors(parameters).items()
        }
        if CORRECTION in parameters:
            self.ours[CORRECTION] = correction_of(model, geometry)

    def openmm_rows(self, system) -> list[dict]:
        """Each term, those together that OpenMM has one force for.

        system: without the correction, as it is stored
        """
        if CORRECTION in self.parameters:
            system = attach_correction(system, self.model, self.parameters)
        context, rows = context_at(system, self.positions), []
        for names in shared_rows(self.ours):
            force = CORRECTION if names == [CORRECTION] else home(names[0])
            rows += self.rows("OpenMM", names, force_energy_and_gradient(context, force, names))
        return rows

    def engine_rows(self, name: str) -> list[dict]:
        """Each group of terms that the engine can tell apart, from files that it has read.

        name: in ENGINES
        """
        found = engine_module(name).evaluate(self.parameters, self.positions)
        own = precision(name)
        return [
            row
            for names, said in found.items()
            for row in self.rows(ENGINES[name], list(names), said, own)
        ]

    def rows(self, engine: str, names: list[str], said, precision: float = 0.0) -> list[dict]:
        """Energy and force of some terms.

        said: the engine's energy and gradient
        """
        energy = sum(float(self.ours[name][0]) for name in names)
        gradient = sum(self.ours[name][1].numpy() for name in names)
        force = np.abs(said[1] - gradient).max()
        return [
            self.row(engine, "+".join(names), "energy", "kcal/mol", energy, said[0] - energy,
                     precision),
            self.row(engine, "+".join(names), "force", "kcal/mol/angstrom", np.abs(gradient).max(),
                     force, precision),
        ]  # fmt: skip

    def charge_rows(self) -> list[dict]:
        """The sum of charges, where there are any, against the net charge."""
        if "charge" not in self.parameters:
            return []
        total, net = sum(self.parameters["charge"]), float(self.dataset["net_charge"].values[0])
        return [self.row("none", "charges", "sum", "e", total, total - net, 0.0)]

    def row(self, *cells) -> dict:
        *names, value, difference, precision = (self.parameters["id"], *cells)
        numbers = float(value), float(difference), float(precision)
        return dict(zip(COLUMNS, (*names, *numbers), strict=True))


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
