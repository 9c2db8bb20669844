"""Find the program of a level of theory once, before any job needs it."""

from forceladder import files, job
from forceladder.qm.engines import ENGINES


def main(snakemake):
    engine = snakemake.params.spec["engine"]
    version = ENGINES[engine].version()
    job.log.info("%s %s", engine, version)
    files.write_json(snakemake.output.engine, {"engine": engine, "version": version})


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
