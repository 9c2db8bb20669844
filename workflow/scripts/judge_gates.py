"""Hold every rung's numbers against the limits of the config."""

from forceladder import job
from forceladder.release.gates import COLUMNS, judge_gates, measures_of
from forceladder.tables import write_table


def main(snakemake):
    rungs, methods = snakemake.params.rungs, snakemake.params.methods
    found = measures_of(dict(snakemake.input.items()), rungs, methods)
    limits, waivers = snakemake.params.gates, snakemake.params.waivers
    rows = [row for rung in rungs for row in judge_gates(rung, found[rung], limits, waivers)]
    write_table(snakemake.output.gates, rows, COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
