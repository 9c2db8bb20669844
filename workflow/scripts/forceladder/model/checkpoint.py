"""Models on disk: a JSON file of settings and a NumPy archive of weights. No pickle."""

import json
from pathlib import Path

import numpy as np
import torch

from forceladder.errors import CorruptFileError, HouseError
from forceladder.files import write_json
from forceladder.model.rung import Rung

BESPOKE = "bespoke_molecules"  # in model.json: mapped SMILES, in the order of their offsets
OFFSETS = "offsets"  # in weights.npz: offsets/{number of the molecule}/{head}


def save_model(model: Rung, folder):
    """Write model.json and weights.npz into an existing folder."""
    folder = Path(folder)
    bespoke = sorted(model.offsets)
    write_json(folder / "model.json", {**model.settings, BESPOKE: bespoke})
    weights = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    for number, smiles in enumerate(bespoke):
        for head, values in model.offsets[smiles].items():
            weights[f"{OFFSETS}/{number}/{head}"] = values.cpu().numpy()
    np.savez(folder / "weights.npz", **weights)


def load_model(folder) -> Rung:
    """The model that `save_model` wrote; pickled content is refused.

    raises: CorruptFileError
    """
    folder = Path(folder)
    try:
        settings = json.loads((folder / "model.json").read_text())
        bespoke = settings.pop(BESPOKE, [])
        model = Rung(settings).to(torch.float64)
        with np.load(folder / "weights.npz", allow_pickle=False) as archive:
            arrays = {name: torch.as_tensor(archive[name]) for name in archive.files}
        for name in [name for name in arrays if name.startswith(OFFSETS)]:
            _, number, head = name.split("/")
            model.offsets.setdefault(bespoke[int(number)], {})[head] = arrays.pop(name)
        model.load_state_dict(arrays)
    except HouseError:  # of the settings, not of the file
        raise
    except Exception as error:  # a damaged archive fails in a dozen ways
        raise CorruptFileError(f"{folder} holds no readable model ({error}).") from error
    return model.eval()
