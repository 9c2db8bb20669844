"""Parameters of planar centres."""

import torch

from forceladder.model import priors
from forceladder.model.heads.head import Head, Writing
from forceladder.model.readout import CentreReadout, bounded

IMPROPER_LOG = 3.0


def readout(settings: dict):
    return CentreReadout(width=settings["width"], outputs=1)


def scaled_prior(deviation, prior: float):
    return prior * torch.exp(bounded(deviation[:, 0], IMPROPER_LOG))


def cosine(writing: Writing, deviation):
    """amplitude kcal/mol [impropers]."""
    return {"amplitude": scaled_prior(deviation, priors.IMPROPER_AMPLITUDE)}


def out_of_plane(writing: Writing, deviation):
    """quadratic kcal/mol/rad² [impropers]."""
    return {"quadratic": scaled_prior(deviation, priors.OUT_OF_PLANE_QUADRATIC)}


COSINE = Head(readout, "improper", cosine)
OUT_OF_PLANE = Head(readout, "improper", out_of_plane)
