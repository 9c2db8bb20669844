"""Physics battery, clashes of two molecules, bonds pulled and pressed."""

import torch

from forceladder import job
from forceladder.figures import save_figure
from forceladder.tables import write_table
from forceladder.training_set.chosen import chosen_molecules
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.battery import probed_molecules
from forceladder.validate.checks import COLUMNS, passed_fraction
from forceladder.validate.plots.probes import plot_probes


def main(snakemake):
    whole, label = read_training_set(snakemake.input.training_set), snakemake.params.label
    dataset = chosen_molecules(whole, snakemake.params.max_molecules)
    torch.set_num_threads(1)
    progress = job.Progress("probes", dataset.sizes["molecule"])
    rows, curves = [], {}
    for done, (name, of_molecule, of_bonds) in enumerate(
        probed_molecules(
            label, dataset, snakemake.params.settings, snakemake.input.get("systems"),
            snakemake.input.get("model"),
        ), start=1,
    ):  # fmt: skip
        rows += of_molecule
        curves[name] = of_bonds
        progress.update(done, name)
    for part in ("physics", "probes"):
        job.log.info("%s: %.1f %% of %s passed", label, 100.0 * passed_fraction(rows, part), part)
    write_table(snakemake.output.probes, rows, COLUMNS)
    save_figure(plot_probes(rows, curves, label), snakemake.output.plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
