"""Check the molecules of one shard; say why each rejected one was rejected."""

from forceladder import files, job
from forceladder.errors import ConfigError, MoleculeError
from forceladder.molecules.listing import molecule_rows
from forceladder.molecules.read import read_row


def main(snakemake):
    settings = snakemake.params.settings
    rows = {row["id"]: row for row in molecule_rows(snakemake.input.molecules)}
    accepted, rejected = [], []
    for name in snakemake.params.rows:
        if name not in rows:
            raise ConfigError(
                f"{snakemake.input.molecules} changed while the workflow ran: {name} is gone; "
                "run again."
            )
        row = rows[name]
        try:
            accepted.append(
                read_row(
                    row, settings["elements"], settings["max_atoms"], settings["split_fractions"]
                )
                | {"line": row["line"]}
            )
        except MoleculeError as error:
            job.log.warning("%s rejected: %s", name, error)
            rejected.append(
                {"id": name, "line": row["line"], "code": error.code, "reason": str(error)}
            )
    files.write_json(snakemake.output.molecules, {"accepted": accepted, "rejected": rejected})


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
