"""A verdict on every QM record: use it, or do not, and why."""

from pathlib import Path

from forceladder import files, job
from forceladder.qm.verdicts import judge_record
from forceladder.tables import write_table

COLUMNS = ["molecule", "geometry", "verdict", "reason", "wall_seconds", "cpu_seconds", "digest"]


def main(snakemake):
    verdicts = []
    for folder in snakemake.input.records:
        for path in sorted(Path(folder).glob("*.jsonl.xz")):
            for geometry, record in enumerate(files.read_json_lines(path)):
                verdict, reason = judge_record(
                    record, snakemake.params.spec, snakemake.params.limits
                )
                ours = record["extras"]["forceladder"]
                verdicts.append(
                    {
                        "molecule": path.name.removesuffix(".jsonl.xz"),
                        "geometry": geometry,
                        "verdict": verdict,
                        "reason": reason,
                        "wall_seconds": round(ours["wall_seconds"], 3),
                        "cpu_seconds": round(ours["cpu_seconds"], 3),
                        "digest": ours["task_digest"],
                    }
                )
    write_table(snakemake.output.verdicts, verdicts, COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
