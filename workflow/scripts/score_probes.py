"""The physics battery and the probes of all methods, check by check."""

from forceladder import job
from forceladder.tables import read_table, write_table
from forceladder.validate.checks import SUMMARY_COLUMNS, check_summary


def main(snakemake):
    rows = [row for path in snakemake.input.probes for row in read_table(path)]
    write_table(snakemake.output.summary, check_summary(rows), SUMMARY_COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
