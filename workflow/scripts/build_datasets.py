"""QCSubmit-loadable datasets, one file per molecule, kind and level of theory."""

from forceladder import files, job
from forceladder.errors import MoleculeError
from forceladder.molecules.geometries import geometries_from_sdf
from forceladder.openff import datasets as qcsubmit_builder
from forceladder.qm import datasets as rdkit_builder
from forceladder.qm.datasets import build_datasets

BUILDERS = {"rdkit": rdkit_builder, "qcsubmit": qcsubmit_builder}


def main(snakemake):
    known = [p for f in snakemake.input.geometries for p in files.members(f, "*.sdf")]
    with files.atomic_directory(snakemake.output.datasets, listed=True) as folder:
        for molecule in files.read_json(snakemake.input.molecules)["accepted"]:
            # a molecule without a file was rejected there, with a reason
            paths = [path for path in known if path.stem == molecule["id"]]
            geometries = [g for path in paths for g in geometries_from_sdf(path)]
            asked = (
                molecule,
                geometries,
                snakemake.wildcards.spec,
                snakemake.params.spec,
                snakemake.params.procedures,
            )
            try:
                datasets = build_datasets(*asked, BUILDERS[snakemake.params.builder])
            except MoleculeError as error:  # radicals are beyond OpenFF
                job.log.warning("%s: %s The RDKit builder takes it.", molecule["id"], error)
                datasets = build_datasets(*asked, rdkit_builder)
            for kind, dataset in datasets.items():
                files.write_json(folder / f"{molecule['id']}.{kind}.json.xz", dataset)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
