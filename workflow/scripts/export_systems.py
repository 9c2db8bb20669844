"""Parameters and an OpenMM System per molecule, and their agreement with the training code."""

import openmm

from forceladder import files, job
from forceladder.export.openmm_system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.export.proof import COLUMNS, proof_rows
from forceladder.model.checkpoint import load_model
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set


def main(snakemake):
    dataset = read_training_set(snakemake.input.training_set)
    rows = []
    with files.atomic_directory(snakemake.output.systems) as folder:
        for index, parameters in enumerate(
            molecule_parameters(load_model(snakemake.input.model), dataset)
        ):
            system = openmm_system(parameters)
            rows += proof_rows(index, dataset, parameters, system)
            name = parameters["id"]
            files.write_json(folder / f"{name}.json", parameters)
            files.write_text(folder / f"{name}.xml", openmm.XmlSerializer.serialize(system))
    write_table(snakemake.output.proof, rows, COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
