"""Internal coordinates and their gradients: the rows of Wilson's B matrix.

Each function takes the positions of its atoms, [..., atoms, 3] in Å, and returns the
coordinate, [...], with its derivative by those positions, [..., atoms, 3].
Wilson, Decius & Cross, Molecular Vibrations (1955).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

# Below these the direction of a gradient is not defined; it is set to (nearly) zero.
SMALLEST_LENGTH = 1e-8  # Å
SMALLEST_SINE = 1e-8
SMALLEST_SQUARE = 1e-12  # Å⁴
TORSION_ORDERS = 6  # highest multiplicity of a torsion's Fourier series


def distance(x: Tensor) -> tuple[Tensor, Tensor]:
    """r = |x₁ − x₀|, Å."""
    vector = x[..., 1, :] - x[..., 0, :]
    r = vector.norm(dim=-1)
    unit = vector / r.clamp_min(SMALLEST_LENGTH)[..., None]
    return r, torch.stack([-unit, unit], dim=-2)


def angle(x: Tensor) -> tuple[Tensor, Tensor]:
    """θ between 1→0 and 1→2, rad in [0, π]; exact near 0 and π, where arccos is not.

    ∂θ/∂x₀ = u × (u × v)/(|x₀ − x₁| sin θ) with unit vectors u, v. At θ = π it is set to zero,
    the limit of the force of any smooth E(θ) that has its minimum there.
    """
    u, v = x[..., 0, :] - x[..., 1, :], x[..., 2, :] - x[..., 1, :]
    length_u = u.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_LENGTH)
    length_v = v.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_LENGTH)
    u, v = u / length_u, v / length_v
    normal = torch.linalg.cross(u, v)
    sine = normal.norm(dim=-1, keepdim=True)
    theta = torch.atan2(sine[..., 0], (u * v).sum(dim=-1))
    safe = sine.clamp_min(SMALLEST_SINE)
    first = torch.linalg.cross(u, normal) / (length_u * safe)
    last = torch.linalg.cross(normal, v) / (length_v * safe)
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
    length = g.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_LENGTH)
    a_square = (a * a).sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SQUARE)
    b_square = (b * b).sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SQUARE)
    sine = (torch.linalg.cross(b, a) * g).sum(dim=-1) / length[..., 0]
    phi = torch.atan2(sine, (a * b).sum(dim=-1))
    first = -length / a_square * a
    last = length / b_square * b
    fg = (f * g).sum(dim=-1, keepdim=True) / (a_square * length) * a
    hg = (h * g).sum(dim=-1, keepdim=True) / (b_square * length) * b
    return phi, torch.stack([first, -first + fg - hg, -last - fg + hg, last], dim=-2)


def wilson_angle(x: Tensor) -> tuple[Tensor, Tensor]:
    """Out-of-plane angle χ of the bond 0→3 with the plane of 0, 1 and 2, rad.

    sin χ = (e₁ × e₂) · e₃ / sin θ₁₂ with unit vectors from the centre, atom 0.
    """
    bonds = x[..., 1:, :] - x[..., :1, :]
    lengths = bonds.norm(dim=-1, keepdim=True).clamp_min(SMALLEST_LENGTH)
    unit = bonds / lengths
    first, second, third = unit.unbind(dim=-2)
    cosine = (first * second).sum(dim=-1, keepdim=True)
    normal = torch.linalg.cross(first, second)
    square = (normal * normal).sum(dim=-1, keepdim=True).clamp_min(SMALLEST_SINE)
    sine = square.sqrt()
    lifted = (normal * third).sum(dim=-1, keepdim=True) / sine  # sin χ
    slope = (1.0 - lifted**2).clamp_min(SMALLEST_SINE).sqrt()  # cos χ
    chi = torch.atan2(lifted, slope)

    def by_unit(other, sign):
        """∂ sin χ / ∂e of the plane's bonds: e₂ × e₃ / sin θ, and sin θ itself moves."""
        return sign * torch.linalg.cross(other, third) / sine

    derivatives = [
        by_unit(second, 1.0) + lifted * cosine / square * second,
        by_unit(first, -1.0) + lifted * cosine / square * first,
        normal / sine,
    ]
    outer = []
    for derivative, e, length in zip(
        derivatives, (first, second, third), lengths.unbind(dim=-2), strict=True
    ):
        across = derivative - (derivative * e).sum(dim=-1, keepdim=True) * e
        outer.append(across / (length * slope))
    return chi[..., 0], torch.stack([-sum(outer), *outer], dim=-2)


def out_of_plane(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the three Wilson angles of a centre (atom 0) with three neighbours, rad.

    The neighbours in cyclic order, so that the three have one sign: LAMMPS' and CFF's χ.
    """
    values, derivatives = 0.0, torch.zeros_like(x)
    for order in ((0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2)):
        chi, derivative = wilson_angle(x[..., order, :])
        values = values + chi / 3.0
        back = [order.index(atom) for atom in range(4)]
        derivatives = derivatives + derivative[..., back, :] / 3.0
    return values, derivatives


class Harmonics(NamedTuple):
    """cosine, sine: [instances, 6], cos nφ and sin nφ of a torsion, n = 1…6."""

    cosine: Tensor
    sine: Tensor


def harmonics(phi: Tensor) -> Harmonics:
    """phi: [instances] rad."""
    multiple = phi[:, None] * torch.arange(
        1, TORSION_ORDERS + 1, device=phi.device, dtype=phi.dtype
    )
    return Harmonics(torch.cos(multiple), torch.sin(multiple))


class Coordinate(NamedTuple):
    """One internal coordinate for each row of a topology table.

    columns: of the row's atoms      function: as the ones above
    periodic: its values are passed on as Harmonics
    """

    table: str
    columns: tuple[int, ...]
    function: Callable
    periodic: bool = False


# The centre is column 0 of the table of impropers, and first in the torsion: SMIRNOFF's trefoil.
# Every order of its three neighbours, so that an energy is exactly the same however they are
# listed: the three cyclic ones are the same torsions, but not to the last digit.
IMPROPER_ORDERS = (
    (0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 1, 3), (0, 1, 3, 2), (0, 3, 2, 1)
)  # fmt: skip

COORDINATES: dict[str, Coordinate] = {
    "bond": Coordinate("bond", (0, 1), distance),
    "angle": Coordinate("angle", (0, 1, 2), angle),
    "torsion": Coordinate("torsion", (0, 1, 2, 3), torsion, periodic=True),
    "out_of_plane": Coordinate("improper", (0, 1, 2, 3), out_of_plane),
    "pair": Coordinate("pair", (0, 1), distance),
} | {
    f"improper_torsion_{k}": Coordinate("improper", columns, torsion, periodic=True)
    for k, columns in enumerate(IMPROPER_ORDERS)
}
