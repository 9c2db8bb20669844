"""Rungs of the configuration made small, and fits of them compared."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import yaml

from forceladder.configuration import fit_settings
from forceladder.fit.step import predict
from forceladder.training_set.dataset import select_split

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
NETWORK = {"width": 8, "layers": 2, "torsion_orders": 3}
CORRECTION = {
    "layers": 1, "channels": 4, "densities": 4, "transported": 2, "hidden": 8, "chemistry": 4,
    "radial_functions": 4, "max_degree": 1, "correlation": 2,
}  # fmt: skip
TRAINING = {"conformers_per_batch": 20, "evaluate_every": 3, "checkpoint_every": 2}


@lru_cache
def _config() -> str:
    return CONFIG.read_text()


def rung_settings(rung: str, epochs: int, **training) -> dict:
    """Settings of a rung of config.yaml with tiny networks; `training` is laid over the rest."""
    settings = fit_settings(yaml.safe_load(_config()), rung)
    settings["network"] |= NETWORK
    settings["training"] |= {**TRAINING, "epochs": epochs, **training}
    if "correction" in settings:
        settings["correction"] |= CORRECTION
    return settings


def splits(dataset):
    """What a fit may see: training and validation molecules."""
    return select_split(dataset, "train"), select_split(dataset, "validation")


def same_weights(one, two) -> bool:
    states = one.state_dict(), two.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(states[0][name], states[1][name]) for name in states[0]
    )


def same_history(one, two) -> bool:
    return one.keys() == two.keys() and all(
        np.array_equal(one[name], two[name], equal_nan=True) for name in one
    )


def predictions(model, batches) -> list:
    """(Surface, Parameters, FitData) of every batch, without graph."""
    return [(*predict(model, one, differentiable=False), one.data) for one in batches]
