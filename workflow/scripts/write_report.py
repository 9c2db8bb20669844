"""What people read of a run, whether or not its gates pass: report, summary, model card."""

from forceladder import job
from forceladder.release.assemble import write_report


def main(snakemake):
    write_report(
        snakemake.output,
        snakemake.input,
        shown={name: snakemake.input[name] for name in snakemake.params.shown},
        methods=snakemake.params.methods,
        config=snakemake.params.config,
    )


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
