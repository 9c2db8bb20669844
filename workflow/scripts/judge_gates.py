"""Hold every rung's numbers against the limits of the config."""

from forceladder import files, job
from forceladder.release.gates import COLUMNS, judge_gates
from forceladder.tables import read_table, write_table


def main(snakemake):
    errors = read_table(snakemake.input.errors)
    rows = []
    per_rung = (snakemake.input[name] for name in ("stability", "proof", "engines"))
    for rung, stability, proof, engines in zip(snakemake.params.rungs, *per_rung, strict=True):
        method = snakemake.params.methods[rung]
        rows += judge_gates(
            rung,
            [row for row in errors if row["method"] == method],
            files.read_json(stability),
            read_table(proof),
            read_table(engines),
            snakemake.params.gates,
        )
    write_table(snakemake.output.gates, rows, COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
