"""Releases with random models, as much of them as `forceladder.load` reads."""

from pathlib import Path

from force_fields import topology
from forceladder.files import write_json
from forceladder.model.checkpoint import save_model
from ladder import LADDER, ladder_rung

ELEMENTS = ["C", "H", "N", "O"]


def save_release(folder: Path, models: dict | None = None, elements=ELEMENTS) -> Path:
    """models: rung → model; without them random ones of the whole ladder"""
    if models is None:
        graph = topology("CCO")
        models = {rung: ladder_rung(graph, terms) for rung, terms in LADDER.items()}
    for rung, model in models.items():
        (folder / "models" / rung).mkdir(parents=True)
        save_model(model, folder / "models" / rung)
    manifest = {"name": "small", "version": "0.0.1", "rungs": list(models), "elements": elements}
    write_json(folder / "manifest.json", manifest)
    return folder
