"""Errors of every method per molecule, split and functional group, and the worst cases."""

from forceladder import job
from forceladder.figures import save_figure
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.errors import molecule_errors, split_errors
from forceladder.validate.group_errors import group_errors
from forceladder.validate.plots.errors import plot_errors, plot_parity
from forceladder.validate.plots.groups import plot_group_errors
from forceladder.validate.plots.worst import plot_worst
from forceladder.validate.predictions import read_predictions
from forceladder.validate.worst import COLUMNS, worst_cases


def main(snakemake):
    dataset = read_training_set(snakemake.input.training_set)
    predictions = read_predictions(snakemake.input.predictions)
    seed, output = snakemake.params.seed, snakemake.output
    molecules = molecule_errors(dataset, predictions, seed)
    splits = split_errors(molecules, seed)
    groups = group_errors(dataset, predictions, seed)
    worst = worst_cases(dataset, predictions, snakemake.params.worst_cases)
    write_table(output.molecules, molecules, list(molecules[0]))
    write_table(output.splits, splits, list(splits[0]))
    write_table(output.groups, groups, list(groups[0]))
    write_table(output.worst, worst, COLUMNS)
    save_figure(plot_errors(molecules), output.plot)
    save_figure(plot_parity(dataset, predictions), output.parity)
    save_figure(plot_group_errors(groups), output.groups_plot)
    save_figure(plot_worst(dataset, worst), output.worst_plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
