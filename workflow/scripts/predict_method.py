"""A fitted rung or a baseline on the geometries of the training set."""

from forceladder import files, job
from forceladder.model.checkpoint import load_model
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.predictions import baseline_predictions, rung_predictions


def main(snakemake):
    dataset, label = read_training_set(snakemake.input.training_set), snakemake.params.label
    if model := snakemake.input.get("model"):
        predictions = rung_predictions(label, load_model(model), dataset)
    else:
        predictions = baseline_predictions(label, dataset)
    files.write_netcdf(snakemake.output.predictions, predictions)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
