"""NVE drift and NVT survival of every molecule in OpenMM."""

from pathlib import Path

import openmm

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.md.run import run_molecule
from forceladder.md.summary import as_md_dataset, stability_rows
from forceladder.training_set.dataset import molecule_positions, read_training_set, row_ranges
from forceladder.validate.plots import plot_stability


def main(snakemake):
    dataset, settings = read_training_set(snakemake.input.training_set), snakemake.params.settings
    names = [str(name) for name in dataset["molecule_id"].values]
    bond_rows = row_ranges(dataset)["bond"]
    progress = job.Progress("MD", len(names))
    runs = []
    for index, name in enumerate(names):
        folder = Path(snakemake.input.systems)
        system = openmm.XmlSerializer.deserialize((folder / f"{name}.xml").read_text())
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
