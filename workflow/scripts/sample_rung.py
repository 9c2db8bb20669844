"""Geometries of molecular dynamics with a rung that was fitted before, for one shard."""

from forceladder import files, job
from forceladder.deploy.force_field import load
from forceladder.errors import MoleculeError
from forceladder.md.sampling import sampled_geometries
from forceladder.molecules.geometries import geometries_from_sdf, geometries_to_sdf


def main(snakemake):
    settings = snakemake.params.settings
    fitted = load(snakemake.input.release, settings["rung"])
    molecules = files.read_json(snakemake.input.molecules)["accepted"]
    known = {path.stem: path for path in files.members(snakemake.input.geometries, "*.sdf")}
    progress, left_out = job.Progress("rung frames", len(molecules)), []
    with files.atomic_directory(snakemake.output.geometries, listed=True) as folder:
        for done, molecule in enumerate(molecules, start=1):
            name = molecule["id"]
            if name not in known:  # it was rejected there, with a reason
                continue
            geometries = geometries_from_sdf(known[name])
            minima = [g["positions"] for g in geometries if g["kind"] == "conformer"]
            try:
                parametrized = fitted.parametrize(
                    molecule["mapped_smiles"], molecule.get("charges")
                )
                found = sampled_geometries(parametrized.to_openmm(), minima, settings)
                files.write_text(folder / f"{name}.sdf", geometries_to_sdf(molecule, found))
            except MoleculeError as error:
                job.log.warning("%s has no rung frames: %s", name, error)
                left_out.append({"id": name, "code": error.code, "reason": str(error)})
            progress.update(done, name)
        files.write_json(folder / "left_out.json", left_out)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
