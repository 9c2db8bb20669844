"""NVE drift and NVT survival of every molecule in OpenMM."""

import torch

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.md.run import run_molecule
from forceladder.md.summary import as_md_dataset, stability_rows
from forceladder.training_set.dataset import molecule_positions, read_training_set, row_ranges
from forceladder.validate.methods import method_surfaces
from forceladder.validate.plots.stability import plot_stability


def main(snakemake):
    dataset, settings = read_training_set(snakemake.input.training_set), snakemake.params.settings
    torch.set_num_threads(1)
    bond_rows = row_ranges(dataset)["bond"]
    progress = job.Progress("MD", dataset.sizes["molecule"])
    names, runs = [], []
    # dynamics do with a correction in float32, a fifth faster on one thread
    for index, name, _, surface in method_surfaces(
        dataset, snakemake.params.label, snakemake.input.get("systems"),
        snakemake.input.get("model"), torch.float32,
    ):  # fmt: skip
        bonds = dataset["bond_atoms"].values[slice(*bond_rows[index : index + 2])]
        positions = molecule_positions(dataset, index)
        runs.append(run_molecule(surface.system(), bonds, positions, name, settings))
        names.append(name)
        progress.update(index + 1, name)
    trajectories = as_md_dataset(names, runs, settings)
    rows = stability_rows(trajectories, settings["nve_temperature_kelvin"])
    files.write_netcdf(snakemake.output.trajectories, trajectories)
    files.write_json(snakemake.output.stability, rows)
    save_figure(plot_stability(trajectories, snakemake.params.label), snakemake.output.plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
