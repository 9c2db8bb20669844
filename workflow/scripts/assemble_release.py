"""The release: models, parameters, systems, errors, pictures, report, manifest."""

from forceladder import files, job
from forceladder.release.assemble import assemble_release, said_of_release


def main(snakemake):
    with files.atomic_directory(snakemake.output.release) as folder:
        assemble_release(
            folder,
            snakemake.input,
            shown={name: snakemake.input[name] for name in snakemake.params.shown},
            config=snakemake.params.config,
        )
    job.log.info("%s", said_of_release(snakemake.output.release))


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
