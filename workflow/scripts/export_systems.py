"""Parameters and files for the engines, and their agreement with the training code."""

from collections import Counter

import openmm
import torch

from forceladder import files, job
from forceladder.errors import MissingProgramError
from forceladder.export.engines import ENGINES, engine_module, write_engine
from forceladder.export.openmm.system import openmm_system
from forceladder.export.parameters import molecule_parameters
from forceladder.export.proof import COLUMNS, Proof
from forceladder.model.checkpoint import load_model
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set


def main(snakemake):
    torch.set_num_threads(1)
    dataset, model = (
        read_training_set(snakemake.input.training_set),
        load_model(snakemake.input.model),
    )
    rows, outcomes = [], Counter()
    progress = job.Progress("export", dataset.sizes["molecule"])
    with files.atomic_directory(snakemake.output.systems) as folder:
        for index, parameters in enumerate(molecule_parameters(model, dataset)):
            system, name = openmm_system(parameters), parameters["id"]
            proof = Proof(index, dataset, parameters, model)
            rows += proof.openmm_rows(system) + proof.charge_rows()
            files.write_json(folder / f"{name}.json", parameters)
            files.write_text(folder / f"{name}.xml", openmm.XmlSerializer.serialize(system))
            for engine in snakemake.params.engines:
                outcome = export(engine, proof, folder / engine, rows)
                outcomes[ENGINES[engine], *outcome] += 1
            progress.update(index + 1, name)
    write_table(snakemake.output.proof, rows, COLUMNS)
    write_table(
        snakemake.output.engines,
        [
            {"engine": engine, "outcome": outcome, "reason": reason, "molecules": count}
            for (engine, outcome, reason), count in outcomes.items()
        ],
        ["engine", "outcome", "reason", "molecules"],
    )


def export(engine: str, proof: Proof, folder, rows: list[dict]) -> tuple[str, str]:
    """Write a molecule's files for an engine and add their proof to the rows; what came of it:
    proven, written, not written or refused, and why not more."""
    module, parameters = engine_module(engine), proof.parameters
    if reason := module.refusal(parameters):
        return "refused", reason
    folder.mkdir(exist_ok=True)
    try:
        write_engine(engine, parameters, proof.positions, folder, parameters["id"])
    except MissingProgramError as error:
        return "not written", str(error)
    if not hasattr(module, "evaluate"):
        return "written", "what reads it has an environment of its own; tests hold it against ours"
    if reason := module.missing():
        return "written", reason
    rows += proof.engine_rows(engine)
    return "proven", ""


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
