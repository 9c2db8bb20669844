"""Errors of every method per molecule and per split."""

from forceladder import job
from forceladder.figures import save_figure
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.errors import molecule_errors, split_errors
from forceladder.validate.plots.errors import plot_errors, plot_parity
from forceladder.validate.predictions import read_predictions


def main(snakemake):
    dataset = read_training_set(snakemake.input.training_set)
    predictions = read_predictions(snakemake.input.predictions)
    molecules = molecule_errors(dataset, predictions)
    splits = split_errors(molecules, snakemake.params.seed)
    write_table(snakemake.output.molecules, molecules, list(molecules[0]))
    write_table(snakemake.output.splits, splits, list(splits[0]))
    save_figure(plot_errors(molecules), snakemake.output.plot)
    save_figure(plot_parity(dataset, predictions), snakemake.output.parity)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
