"""Fit one rung of the ladder with one seed, on a GPU where there is one."""

import torch

from forceladder import files, job, provenance
from forceladder.fit.bespoke import refine_rung
from forceladder.fit.history import write_history
from forceladder.fit.loop import fit_rung
from forceladder.model.checkpoint import load_model, save_model
from forceladder.model.device import chosen_device
from forceladder.training_set.dataset import read_training_set, select_split


def main(snakemake):
    seed, settings = int(snakemake.wildcards.seed), snakemake.params.settings
    device = chosen_device(snakemake.params.device)
    torch.set_num_threads(snakemake.threads)
    torch.use_deterministic_algorithms(device == "cpu")
    base = load_model(snakemake.input.base[0]) if snakemake.input.base else None
    sources = {
        "rung": snakemake.wildcards.rung,
        "seed": seed,
        "settings": settings,
        "training_set_sha256": provenance.file_digest(snakemake.input.training_set),
        "base_sha256": [
            provenance.file_digest(f"{folder}/weights.npz") for folder in snakemake.input.base
        ],
        "device": device,
        "threads": snakemake.threads,
    }
    dataset = read_training_set(snakemake.input.training_set)
    train, validation = (select_split(dataset, split) for split in ("train", "validation"))
    if "bespoke" in settings:
        model, history = refine_rung(base, train, validation, settings, seed, device)
    else:
        model, history = fit_rung(
            train, validation, settings, seed, base,
            checkpoint=snakemake.params.checkpoint,
            fingerprint=provenance.digest([sources, snakemake.params.code]),
            device=device,
        )  # fmt: skip
    sources |= {"packages": provenance.package_versions(), "code": provenance.code_commit()}
    with files.atomic_directory(snakemake.output.model) as folder:
        save_model(model, folder)
        write_history(history, folder / "history.nc")
        files.write_json(folder / "fit.json", sources)


if __name__ == "__main__":
    job.run(main, snakemake)  # noqa: F821
