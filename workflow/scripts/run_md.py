"""NVE drift and NVT survival of every molecule in OpenMM."""

from pathlib import Path

import openmm
import torch

from forceladder import files, job
from forceladder.export.openmm.correction import attach_correction
from forceladder.figures import save_figure
from forceladder.md.run import run_molecule
from forceladder.md.summary import as_md_dataset, stability_rows
from forceladder.model.checkpoint import load_model
from forceladder.training_set.dataset import molecule_positions, read_training_set, row_ranges
from forceladder.validate.plots import plot_stability


def main(snakemake):
    dataset, settings = read_training_set(snakemake.input.training_set), snakemake.params.settings
    torch.set_num_threads(1)
    model = load_model(snakemake.input.model)
    names = [str(name) for name in dataset["molecule_id"].values]
    bond_rows = row_ranges(dataset)["bond"]
    progress = job.Progress("MD", len(names))
    runs, folder = [], Path(snakemake.input.systems)
    for index, name in enumerate(names):
        system = openmm.XmlSerializer.deserialize((folder / f"{name}.xml").read_text())
        if model.correction is not None:
            parameters = files.read_json(folder / f"{name}.json")
            system = attach_correction(system, model, parameters, torch.float32)
        bonds = dataset["bond_atoms"].values[slice(*bond_rows[index : index + 2])]
        runs.append(run_molecule(system, bonds, molecule_positions(dataset, index), name, settings))
        progress.update(index + 1, name)
    trajectories = as_md_dataset(names, runs, settings)
    rows = stability_rows(trajectories, settings["nve_temperature_kelvin"])
    files.write_netcdf(snakemake.output.trajectories, trajectories)
    files.write_json(snakemake.output.stability, rows)
    save_figure(plot_stability(trajectories, snakemake.wildcards.rung), snakemake.output.plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
