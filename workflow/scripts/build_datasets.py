"""One QCSubmit-loadable dataset file per molecule and level of theory."""

from pathlib import Path

from forceladder import files, job
from forceladder.molecules.geometries import geometries_from_sdf
from forceladder.qm.datasets import build_dataset


def main(snakemake):
    geometries = Path(snakemake.input.geometries)
    with files.atomic_directory(snakemake.output.datasets) as folder:
        for molecule in files.read_json(snakemake.input.molecules)["accepted"]:
            sdf = geometries / f"{molecule['id']}.sdf"
            if sdf.exists():  # else it was rejected there, with a reason
                dataset = build_dataset(
                    molecule,
                    geometries_from_sdf(sdf),
                    snakemake.wildcards.spec,
                    snakemake.params.spec,
                )
                files.write_json(folder / f"{molecule['id']}.json.xz", dataset)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
