"""Quartic wells that have one minimum, and what couplings may use of them.

K₂Δ² + K₃Δ³ + K₄Δ⁴ with K₂, K₄ > 0 and K₃² ≤ (8/3) K₂K₄ is convex. Quadratic couplings with
other coordinates get at most the share SHARE_OF_COUPLINGS of K₂ (see `couplings`). That may be
more than one: the quartic terms hold everything that is left, whatever the network says
(`model.bounds` has the floor). Harmonic wells have none, and keep a part of themselves.
"""

import math

import torch
from torch import Tensor

from forceladder.model.readout import bounded

CONVEX = 8.0 / 3.0
SHARE_OF_COUPLINGS = 1.2
SHARE_OF_HARMONIC = 0.95
QUARTIC_LOG = 3.0  # quartic coefficients × or ÷ 20


def quartic_well(
    quadratic: Tensor, cubic: float, quartic: float, deviation: Tensor
) -> dict[str, Tensor]:
    """Cubic and quartic coefficients about their priors, within the bound above.

    quadratic: [rows], as predicted      cubic, quartic: priors, as multiples of `quadratic`
    deviation: [rows, 2], of the cubic and the quartic
    """
    prior = math.atanh(cubic / math.sqrt(CONVEX * quartic))
    k4 = quadratic * quartic * torch.exp(bounded(deviation[:, 1], QUARTIC_LOG))
    largest = torch.sqrt(CONVEX * quadratic * k4)
    return {"cubic": largest * torch.tanh(prior + deviation[:, 0]), "quartic": k4}
