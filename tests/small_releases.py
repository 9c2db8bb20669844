"""Releases with random models, as much of them as `forceladder.load` reads."""

from pathlib import Path

from examples import read
from force_fields import topology
from forceladder.files import write_json
from forceladder.model.checkpoint import save_model
from forceladder.molecules.domain import DOMAIN, domain_of
from forceladder.release.ensemble import copy_models
from ladder import LADDER, ladder_rung

ELEMENTS = ["C", "H", "N", "O"]


# In small releases, so that what tests parametrize is seldom outside
TRAINING = (
    "CCO", "CC(=O)NC", "CC(=O)[O-]", "COC(=O)CN", "CO", "CC=O", "N[C@@H](C)C(=O)O", "c1ccoc1",
    "CC(=O)NCO", "C[NH3+]",
)  # fmt: skip


def save_release(
    folder: Path, models: dict | None = None, elements=ELEMENTS, training=TRAINING
) -> Path:
    """models: rung → model, or list of them, an ensemble; without them random ones of the ladder
    training: SMILES of what the release says it was fitted to, None for one that does not say
    """
    if models is None:
        graph = topology("CCO")
        models = {rung: ladder_rung(graph, terms) for rung, terms in LADDER.items()}
    for rung, given in models.items():
        fits = {}
        for seed, model in enumerate(given if isinstance(given, list) else [given]):
            fits[seed] = folder.parent / f"{folder.name}-fits" / rung / f"seed-{seed}"
            fits[seed].mkdir(parents=True)
            save_model(model, fits[seed])
        copy_models(fits, folder / "models" / rung)
    manifest = {"name": "small", "version": "0.0.1", "rungs": list(models), "elements": elements}
    write_json(folder / "manifest.json", manifest)
    if training:
        domain = domain_of(read(smiles)["mapped_smiles"] for smiles in training)
        write_json(folder / DOMAIN, domain._asdict())
    return folder
