"""The reference's torsion scans and minima, relaxed by the method itself; its Hessians."""

import torch

from forceladder import files, job
from forceladder.training_set.chosen import chosen_molecules, conformer_rows
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.methods import Method, method_surfaces
from forceladder.validate.relaxations import fingerprints, relaxed_geometries


def main(snakemake):
    given, params = snakemake.input, snakemake.params
    torch.set_num_threads(1)
    whole, most = read_training_set(given.training_set), params.max_molecules
    dataset = chosen_molecules(whole, most)
    method = Method(
        params.label, given.get("systems"), given.get("model"), params.relaxing + params.surface
    )
    relaxed = relaxed_geometries(
        method.label, method_surfaces(dataset, method.label, method.systems, method.model),
        dataset, params.settings, params.checkpoint,
        fingerprints(dataset, method, params.settings),
    )  # fmt: skip
    rows = conformer_rows(whole, most)[relaxed["relaxed_conformer"].values]
    relaxed["relaxed_conformer"].values[:] = rows
    files.write_netcdf(snakemake.output.relaxed, relaxed)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
