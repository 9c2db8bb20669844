"""A fitted rung on the geometries of the training set."""

from forceladder import files, job
from forceladder.model.checkpoint import load_model
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.predictions import rung_predictions


def main(snakemake):
    dataset = read_training_set(snakemake.input.training_set)
    model = load_model(snakemake.input.model)
    predictions = rung_predictions(snakemake.params.method, model, dataset)
    files.write_netcdf(snakemake.output.predictions, predictions)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
