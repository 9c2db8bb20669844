"""Models on disk: a JSON file of settings and a NumPy archive of weights. No pickle."""

import json
from pathlib import Path

import numpy as np
import torch

from forceladder.errors import CorruptFileError
from forceladder.files import write_json
from forceladder.model.rung import Rung


def save_model(model: Rung, folder):
    """Write model.json and weights.npz into an existing folder."""
    folder = Path(folder)
    write_json(folder / "model.json", model.settings)
    weights = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    np.savez(folder / "weights.npz", **weights)


def load_model(folder) -> Rung:
    """The model that `save_model` wrote; pickled content is refused.

    raises: CorruptFileError
    """
    folder = Path(folder)
    try:
        model = Rung(json.loads((folder / "model.json").read_text())).to(torch.float64)
        with np.load(folder / "weights.npz", allow_pickle=False) as archive:
            model.load_state_dict({name: torch.as_tensor(archive[name]) for name in archive.files})
    except Exception as error:  # a damaged archive fails in a dozen ways
        raise CorruptFileError(f"{folder} holds no readable model ({error}).") from error
    return model.eval()
