"""What a force costs, all methods in turn on one thread; and what the reference's has cost."""

import os

from forceladder import job
from forceladder.tables import read_table, write_table
from forceladder.training_set.dataset import read_training_set, select
from forceladder.validate.cost import (
    COLUMNS,
    chosen_molecules,
    ledger_costs,
    measured_costs,
)
from forceladder.validate.methods import method_surfaces


def main(snakemake):
    os.environ["OMP_NUM_THREADS"] = "1"  # the job has all cores, to be alone; it uses one
    params, everything = snakemake.params, read_training_set(snakemake.input.training_set)
    chosen = chosen_molecules(everything["atom_count"].values, params.molecules)
    dataset = select(everything, [(m, [0]) for m in chosen])
    methods = {
        label: method_surfaces(dataset, label, *(folders or ()))
        for label, folders in params.methods.items()
    }
    rows = measured_costs(dataset, methods, params.rounds)
    names = dataset["molecule_id"].values.tolist()
    sizes = dict(zip(names, dataset["atom_count"].values.tolist(), strict=True))
    # where a baseline is the reference, too, it was measured here
    paid = ledger_costs(read_table(snakemake.input.ledger), sizes)
    rows += [row for row in paid if row["method"] not in methods]
    write_table(snakemake.output.cost, rows, COLUMNS)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
