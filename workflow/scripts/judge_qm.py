"""A verdict on every QM record: use it, or do not, and why."""

from collections import Counter

import numpy as np

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.qm.verdict_plots import plot_counts, plot_measures
from forceladder.qm.verdicts import ACCEPTED, MEASURES, examine_molecule, kind_of
from forceladder.tables import write_table

COLUMNS = [
    "molecule", "geometry", "kind", "verdict", "reason", "wall_seconds", "cpu_seconds", "digest"
]  # fmt: skip


def main(snakemake):
    spec, limits = snakemake.params.spec, snakemake.params.limits
    verdicts, measured = [], {}
    paths = [p for f in snakemake.input.records for p in files.members(f, "*.jsonl.xz")]
    progress = job.Progress("records of molecules", len(paths))
    for done, path in enumerate(sorted(paths), start=1):
        records = files.read_json_lines(path)
        for geometry, (record, finding) in enumerate(
            zip(records, examine_molecule(records, spec, limits), strict=True)
        ):
            ours, kind = record["extras"]["forceladder"], kind_of(record)
            verdicts.append(
                {
                    "molecule": path.name.removesuffix(".jsonl.xz"),
                    "geometry": geometry,
                    "kind": kind,
                    "verdict": finding.verdict,
                    "reason": finding.reason,
                    "wall_seconds": round(ours["wall_seconds"], 3),
                    "cpu_seconds": round(ours["cpu_seconds"], 3),
                    "digest": ours["task_digest"],
                }
            )
            measured.setdefault(kind, []).append([finding.measures[name] for name in MEASURES])
        progress.update(done)
    counts = {
        kind: dict(Counter(row["verdict"] for row in verdicts if row["kind"] == kind))
        for kind in measured
    }
    accepted = sum(row.get(ACCEPTED, 0) for row in counts.values())
    job.log.info("%d of %d records accepted", accepted, len(verdicts))
    write_table(snakemake.output.verdicts, verdicts, COLUMNS)
    files.write_json(
        snakemake.output.counts, {"records": len(verdicts), "accepted": accepted, "counts": counts}
    )
    columns = {
        kind: dict(zip(MEASURES, np.transpose(rows), strict=True))
        for kind, rows in measured.items()
    }
    save_figure(plot_counts(counts), snakemake.output.plot)
    save_figure(plot_measures(columns, limits), snakemake.output.measures)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
