"""Folders of a rung as the rules of the workflow leave them."""

import openmm

from forceladder import files
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.model.checkpoint import save_model


def exported(folder, model, dataset):
    """Folders of the systems (parameters and OpenMM Systems) and of the model."""
    systems = folder / "systems"
    systems.mkdir()
    for parameters in molecule_parameters(model, dataset):
        name, system = parameters["id"], openmm_system(parameters)
        files.write_json(systems / f"{name}.json", parameters)
        files.write_text(systems / f"{name}.xml", openmm.XmlSerializer.serialize(system))
    (folder / "model").mkdir()
    save_model(model, folder / "model")
    return systems, folder / "model"
