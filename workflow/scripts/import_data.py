"""QM data of others as a training set of its own; molecules that cannot be used are listed."""

from forceladder import job
from forceladder.tables import write_table
from forceladder.training_set.dataset import write_training_set
from forceladder.training_set.importers.collect import REJECTED_COLUMNS, import_data


def main(snakemake):
    dataset, rejected = import_data(
        snakemake.wildcards.source,
        snakemake.input.source,
        snakemake.params.settings,
        elements=snakemake.params.elements,
        split_fractions=snakemake.params.split_fractions,
    )
    write_training_set(dataset, snakemake.output.dataset)
    write_table(snakemake.output.rejected, rejected, REJECTED_COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
