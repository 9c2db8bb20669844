"""Other levels of theory beside the reference, at the same geometries."""

from pathlib import Path

import numpy as np

from forceladder import files, job
from forceladder.figures import save_figure
from forceladder.qm.levels import COLUMNS, compare_levels, shared_geometries
from forceladder.qm.plots import plot_levels
from forceladder.qm.tasks import level_of_theory
from forceladder.tables import write_table


def main(snakemake):
    rows, pairs = [], []
    for spec, folders in snakemake.params.others.items():
        arrays = {"energy": [], "force": []}
        for ours, theirs in zip(snakemake.input.records, folders, strict=True):
            for path in files.members(ours, "*.jsonl.xz"):
                shared = shared_geometries(
                    files.read_json_lines(path), files.read_json_lines(Path(theirs, path.name))
                )
                if not shared:
                    continue
                row, values = compare_levels(path.name.removesuffix(".jsonl.xz"), shared)
                rows.append(row)
                for quantity, value in values.items():
                    arrays[quantity].append(value)
        if arrays["energy"]:
            joined = {quantity: np.hstack(values) for quantity, values in arrays.items()}
            pairs.append(
                joined | {"level_of_theory": level_of_theory(snakemake.params.specs[spec])}
            )
    write_table(snakemake.output.table, rows, COLUMNS)
    reference = level_of_theory(snakemake.params.specs[snakemake.params.reference])
    save_figure(plot_levels(pairs, reference), snakemake.output.plot)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
