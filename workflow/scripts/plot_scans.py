"""Torsion profiles of the reference and of every method at the same geometries."""

from forceladder import job
from forceladder.figures import save_figure
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.plots.scans import plot_scans
from forceladder.validate.predictions import read_predictions


def main(snakemake):
    dataset = read_training_set(snakemake.input.training_set)
    predictions = read_predictions(snakemake.input.predictions)
    save_figure(plot_scans(dataset, predictions), snakemake.output.plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
