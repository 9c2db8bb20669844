"""Energies and gradients of one shard: what the cache has is taken, the rest is computed."""

from forceladder import files, job
from forceladder.qm.campaign import compute_shard


def main(snakemake):
    compute_shard(
        snakemake.input.datasets,
        snakemake.output.records,
        snakemake.params.spec,
        snakemake.params.cache,
        engine_version=files.read_json(snakemake.input.engine)["version"],
        threads=snakemake.threads,
        limits=snakemake.params.limits,
        procedures=snakemake.params.procedures,
        progress_file=snakemake.params.progress,
    )


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
