"""Join topology and QM data of all molecules into one flat, ragged NetCDF file."""

from pathlib import Path

from forceladder import files, job, provenance
from forceladder.qm.tasks import level_of_theory
from forceladder.qm.verdicts import ACCEPTED, judge_campaign
from forceladder.tables import read_table, write_table
from forceladder.training_set.build import build_training_set
from forceladder.training_set.dataset import read_training_set, write_training_set
from forceladder.training_set.importers.join import join_imports


def main(snakemake):
    listed = [row["id"] for row in read_table(snakemake.input.molecules)]
    molecules = {
        molecule["id"]: molecule
        for path in snakemake.input.shards
        for molecule in files.read_json(path)["accepted"]
    }
    record_files = {
        path.name.removesuffix(".jsonl.xz"): path
        for folder in snakemake.input.records
        for path in files.members(folder, "*.jsonl.xz")
    }
    verdicts = read_table(snakemake.input.verdicts)
    judge_campaign(verdicts, snakemake.params.max_failed_fraction)
    good = {
        (row["molecule"], int(row["geometry"])) for row in verdicts if row["verdict"] == ACCEPTED
    }

    def entries():
        for name in listed:
            records = files.read_json_lines(record_files[name])
            yield molecules[name], [r for k, r in enumerate(records) if (name, k) in good]

    sources = {
        "level_of_theory": level_of_theory(snakemake.params.spec),
        "spec": snakemake.params.spec,
        "seeds": snakemake.params.seeds,
        "packages": provenance.package_versions(),
        "code": provenance.code_commit(),
    }
    dataset, left_out = build_training_set(entries(), snakemake.params.min_conformers, sources)
    imports = {Path(path).stem: read_training_set(path) for path in snakemake.input.imports}
    dataset, too_few = join_imports(
        dataset, imports, snakemake.params.leave_out_flags, snakemake.params.min_conformers
    )
    job.log.info(
        "%d molecules, %d conformers", dataset.sizes["molecule"], dataset.sizes["conformer"]
    )
    write_training_set(dataset, snakemake.output.training_set)
    write_table(snakemake.output.left_out, left_out + too_few, ["id", "code", "reason"])


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
