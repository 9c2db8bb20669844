"""Conformers, displaced geometries and torsion scans of one shard."""

from forceladder import files, job
from forceladder.errors import MoleculeError
from forceladder.molecules.geometries import generate_geometries, geometries_to_sdf
from forceladder.molecules.listing import is_dataset
from forceladder.training_set.importers.qcsubmit import molecules_and_geometries


def main(snakemake):
    molecules = files.read_json(snakemake.input.molecules)["accepted"]
    progress = job.Progress("geometries", len(molecules))
    brought, rejected, left_out = {}, [], []
    if is_dataset(snakemake.input.molecule_file):
        found, _ = molecules_and_geometries(
            snakemake.input.molecule_file, **snakemake.params.checks
        )
        brought = {molecule["mapped_smiles"]: rest for molecule, *rest in found}
    with files.atomic_directory(snakemake.output.geometries, listed=True) as folder:
        for done, molecule in enumerate(molecules, start=1):
            given, drives = brought.get(molecule["mapped_smiles"], ((), ()))
            row = {"id": molecule["id"], "line": molecule["line"]}
            try:
                geometries = generate_geometries(
                    molecule, snakemake.params.settings, given, drives, left_out
                )
                text = geometries_to_sdf(molecule, geometries)
            except MoleculeError as error:
                job.log.warning("%s rejected: %s", molecule["id"], error)
                rejected.append(row | {"code": error.code, "reason": str(error)})
            except Exception as error:  # of a library: it costs this molecule and no other
                job.log.exception("%s rejected", molecule["id"])
                reason = f"unforeseen {type(error).__name__}: {error}"[:300]
                rejected.append(row | {"code": "unforeseen", "reason": reason})
            else:
                files.write_text(folder / f"{molecule['id']}.sdf", text)
            progress.update(done, molecule["id"])
        files.write_json(folder / "rejected.json", rejected)
        files.write_json(folder / "left_out.json", left_out)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
