"""Parameters and an OpenMM System per molecule, and their agreement with the training code."""

import openmm
import torch

from forceladder import files, job
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.export.proof import COLUMNS, proof_rows
from forceladder.model.checkpoint import load_model
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set


def main(snakemake):
    torch.set_num_threads(1)
    dataset, model = (
        read_training_set(snakemake.input.training_set),
        load_model(snakemake.input.model),
    )
    rows = []
    with files.atomic_directory(snakemake.output.systems) as folder:
        for index, parameters in enumerate(molecule_parameters(model, dataset)):
            system = openmm_system(parameters)
            rows += proof_rows(index, dataset, parameters, system, model)
            name = parameters["id"]
            files.write_json(folder / f"{name}.json", parameters)
            files.write_text(folder / f"{name}.xml", openmm.XmlSerializer.serialize(system))
    write_table(snakemake.output.proof, rows, COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
