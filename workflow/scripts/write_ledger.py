"""What a level of theory has cost: core-hours by molecule, kind of calculation and outcome."""

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.qm.ledger import COLUMNS, total_ledger
from forceladder.qm.plots import plot_ledger
from forceladder.tables import write_table


def main(snakemake):
    paths = [p for f in snakemake.input.records for p in files.members(f, "tasks.csv")]
    rows = total_ledger(paths)
    write_table(snakemake.output.ledger, rows, COLUMNS)
    save_figure(plot_ledger(rows), snakemake.output.plot)
    seconds = sum(row["core_seconds"] + row["retry_core_seconds"] for row in rows)
    count = sum(row["calculations"] for row in rows)
    job.log.info("%d calculations, %.3g core-hours", count, seconds / 3600)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
