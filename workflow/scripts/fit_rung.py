"""Fit one rung of the ladder with one seed, on a GPU where there is one."""

import torch

from forceladder import files, job, provenance
from forceladder.fit.history import write_history
from forceladder.fit.loop import fit_rung
from forceladder.model.checkpoint import save_model
from forceladder.training_set.dataset import read_training_set


def main(snakemake):
    seed, settings = int(snakemake.wildcards.seed), snakemake.params.settings
    device = snakemake.params.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(snakemake.threads)
    torch.use_deterministic_algorithms(device == "cpu")
    sources = {
        "rung": snakemake.wildcards.rung,
        "seed": seed,
        "settings": settings,
        "training_set_sha256": provenance.file_digest(snakemake.input.training_set),
        "device": device,
        "threads": snakemake.threads,
    }
    model, history = fit_rung(
        read_training_set(snakemake.input.training_set),
        settings,
        seed,
        checkpoint=snakemake.params.checkpoint,
        fingerprint=provenance.digest([sources, snakemake.params.code]),
        device=device,
    )
    sources |= {"packages": provenance.package_versions(), "code": provenance.code_commit()}
    with files.atomic_directory(snakemake.output.model) as folder:
        save_model(model, folder)
        write_history(history, folder / "history.nc")
        files.write_json(folder / "fit.json", sources)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
