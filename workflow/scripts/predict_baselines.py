"""MMFF94, UFF and GFN2-xTB on the geometries of the training set; OpenFF Sage if asked for."""

from forceladder import files, job
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.predictions import baseline_predictions


def main(snakemake):
    dataset = read_training_set(snakemake.input.training_set)
    predictions = baseline_predictions(dataset, snakemake.params.with_openff)
    files.write_netcdf(snakemake.output.predictions, predictions)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
