"""Internal coordinates and their gradients: the rows of Wilson's B matrix.

Each function takes the positions of its atoms, [..., atoms, 3] in Å, and returns the
coordinate, [...], with its derivative by those positions, [..., atoms, 3].
Wilson, Decius & Cross, Molecular Vibrations (1955).
"""

import torch
from torch import Tensor

# Below these the direction of a gradient is not defined; it is set to (nearly) zero.
SMALLEST_SINE = 1e-8
SMALLEST_SQUARE = 1e-12  # Å⁴


def distance(x: Tensor) -> tuple[Tensor, Tensor]:
    """r = |x₁ − x₀|, Å."""
    vector = x[..., 1, :] - x[..., 0, :]
    r = vector.norm(dim=-1)
    unit = vector / r.clamp_min(SMALLEST_SINE)[..., None]
    return r, torch.stack([-unit, unit], dim=-2)


def angle(x: Tensor) -> tuple[Tensor, Tensor]:
    """θ between 1→0 and 1→2, rad in [0, π]; exact near 0 and π, where arccos is not.

    ∂θ/∂x₀ = (cos θ u − v)/(|x₀ − x₁| sin θ) with unit vectors u, v. At θ = π it is set to
    zero, the limit of the force of any smooth E(θ) that has its minimum there.
    """
    u, v = x[..., 0, :] - x[..., 1, :], x[..., 2, :] - x[..., 1, :]
    length_u, length_v = u.norm(dim=-1, keepdim=True), v.norm(dim=-1, keepdim=True)
    u, v = u / length_u, v / length_v
    sine = torch.linalg.cross(u, v).norm(dim=-1, keepdim=True)
    cosine = (u * v).sum(dim=-1, keepdim=True)
    theta = torch.atan2(sine, cosine)[..., 0]
    safe = sine.clamp_min(SMALLEST_SINE)
    first = (cosine * u - v) / (length_u * safe)
    last = (cosine * v - u) / (length_v * safe)
    return theta, torch.stack([first, -first - last, last], dim=-2)


def torsion(x: Tensor) -> tuple[Tensor, Tensor]:
    """φ about the bond 1–2, rad in (−π, π], zero for cis (IUPAC sign).

    Gradient after Blondel & Karplus, J. Comput. Chem. 17, 1132 (1996): it has no
    singularity but for three atoms in a line.
    """
    f = x[..., 0, :] - x[..., 1, :]
    g = x[..., 1, :] - x[..., 2, :]
    h = x[..., 3, :] - x[..., 2, :]
    a, b = torch.linalg.cross(f, g), torch.linalg.cross(h, g)
    length = g.norm(dim=-1, keepdim=True)
    a_square = (a * a).sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SQUARE)
    b_square = (b * b).sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SQUARE)
    sine = (torch.linalg.cross(b, a) * g).sum(dim=-1) / length[..., 0]
    phi = torch.atan2(sine, (a * b).sum(dim=-1))
    first = -length / a_square * a
    last = length / b_square * b
    fg = (f * g).sum(dim=-1, keepdim=True) / (a_square * length) * a
    hg = (h * g).sum(dim=-1, keepdim=True) / (b_square * length) * b
    return phi, torch.stack([first, -first + fg - hg, -last - fg + hg, last], dim=-2)


BY_ATOM_COUNT = {2: distance, 3: angle, 4: torsion}
