"""The reference's torsion scans and minima, relaxed by the method itself; its Hessians."""

import shutil

import torch

from forceladder import files, job
from forceladder.provenance import digest, path_digest
from forceladder.training_set.dataset import read_training_set
from forceladder.validate.methods import method_surfaces
from forceladder.validate.relaxations import relaxed_geometries


def main(snakemake):
    params, inputs = snakemake.params, snakemake.input
    torch.set_num_threads(1)
    dataset = read_training_set(inputs.training_set)
    subjects = method_surfaces(dataset, params.label, inputs.get("systems"), inputs.get("model"))
    decisive = {
        "settings": dict(params.settings),
        "code": [params.code, params.surface],
        "inputs": [path_digest(path) for path in inputs],
    }
    relaxed = relaxed_geometries(
        params.label, subjects, dataset, params.settings, params.checkpoint, digest(decisive)
    )
    files.write_netcdf(snakemake.output.relaxed, relaxed)
    shutil.rmtree(params.checkpoint, ignore_errors=True)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
