"""Relaxed torsion profiles, minima and vibrations of every method against the reference."""

from forceladder import job
from forceladder.figures import save_figure
from forceladder.tables import write_table
from forceladder.training_set.dataset import read_training_set
from forceladder.validate import geometry_errors as tables
from forceladder.validate.geometry_summary import SUMMARY_COLUMNS, geometry_summary
from forceladder.validate.plots.geometries import plot_frequencies, plot_minima, plot_profiles
from forceladder.validate.relaxed import read_relaxed


def main(snakemake):
    output, dataset = snakemake.output, read_training_set(snakemake.input.training_set)
    relaxed = read_relaxed(snakemake.input.relaxed)
    scans = tables.scan_profiles(dataset, relaxed)
    spectra = tables.method_spectra(dataset, relaxed)
    profiles = tables.profile_rows(dataset, scans)
    minima = tables.minimum_rows(dataset, relaxed)
    frequencies = tables.frequency_rows(dataset, spectra)
    summary = geometry_summary(
        {"profiles": profiles, "minima": minima, "frequencies": frequencies},
        snakemake.params.seed,
    )
    write_table(output.profiles, profiles, tables.PROFILE_COLUMNS)
    write_table(output.minima, minima, tables.MINIMUM_COLUMNS)
    write_table(output.frequencies, frequencies, tables.FREQUENCY_COLUMNS)
    write_table(output.summary, summary, SUMMARY_COLUMNS)
    save_figure(plot_profiles(scans), output.profiles_plot)
    save_figure(plot_minima(minima), output.minima_plot)
    save_figure(plot_frequencies(spectra), output.frequencies_plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
