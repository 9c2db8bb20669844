"""All molecules that go on, and all that do not, each with its reason."""

from pathlib import Path

from forceladder import files, job
from forceladder.molecules.listing import molecule_rows
from forceladder.molecules.read import check_splits, reject_duplicates
from forceladder.tables import write_table

ACCEPTED = ["id", "line", "smiles", "formula", "net_charge", "multiplicity", "split", "inchikey"]
REJECTED = ["id", "line", "code", "reason"]


def main(snakemake):
    shards = [files.read_json(path) for path in snakemake.input.molecules]
    accepted = [molecule for shard in shards for molecule in shard["accepted"]]
    rejected = [row for shard in shards for row in shard["rejected"]]
    for folder in snakemake.input.geometries:
        rejected += files.read_json(Path(folder, "rejected.json"))
    # a shard's file remembers the line of its own day; rows may have moved since
    lines = {row["id"]: row["line"] for row in molecule_rows(snakemake.input.molecule_file)}
    for row in accepted + rejected:
        row["line"] = lines.get(row["id"], row["line"])
    without_geometry = {row["id"] for row in rejected}
    accepted = [molecule for molecule in accepted if molecule["id"] not in without_geometry]
    accepted, duplicates = reject_duplicates(sorted(accepted, key=lambda row: row["line"]))
    rejected += duplicates
    check_splits(accepted)
    job.log.info("%d molecules accepted, %d rejected", len(accepted), len(rejected))
    write_table(snakemake.output.accepted, accepted, ACCEPTED + ["mapped_smiles"])
    write_table(snakemake.output.rejected, sorted(rejected, key=lambda row: row["line"]), REJECTED)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
