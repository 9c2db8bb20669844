"""Survival, NVE drift and pair distances of every method, side by side."""

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set
from forceladder.validate import distances, drift, survival
from forceladder.validate.plots.survival import plot_distances, plot_survival


def main(snakemake):
    given, made = snakemake.input, snakemake.output
    methods = {
        label: files.read_netcdf(path)
        for label, path in zip(snakemake.params.labels, given.trajectories, strict=True)
    }
    common = survival.common_lengths(methods)
    alive = [
        row
        for name, found in methods.items()
        for row in survival.survival_rows(name, found, common)
    ]
    drifts = [
        row
        for name, found in methods.items()
        for row in drift.drift_rows(name, found, snakemake.params.temperatures[name])
    ]
    apart = distances.distance_rows(read_training_set(given.training_set), methods)
    write_table(made.survival, alive, survival.COLUMNS)
    write_table(made.drift, drifts, drift.COLUMNS)
    write_table(made.distances, apart, distances.COLUMNS)
    save_figure(plot_survival(methods), made.survival_plot)
    reference = distances.REFERENCE if distances.REFERENCE in methods else distances.TRAINING_FRAMES
    save_figure(plot_distances(apart, reference), made.distances_plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
