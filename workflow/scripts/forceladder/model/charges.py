"""Atomic charges by electronegativity equalization."""

import torch
from torch import Tensor


def equalized_charges(
    electronegativity: Tensor, hardness: Tensor, molecule: Tensor, net_charge: Tensor
) -> Tensor:
    """Charges that minimize Σ χᵢqᵢ + ½ηᵢqᵢ² with Σqᵢ = Q in every molecule.

    qᵢ = (λ − χᵢ)/ηᵢ,  λ = (Q + Σ χ/η) / Σ 1/η
    Gilson, Gilson & Potter, J. Chem. Inf. Comput. Sci. 43, 1982 (2003). The charges add
    up to Q, do not depend on the conformer, and are equal where χ and η are.

    electronegativity χ, hardness η > 0: [atoms]     molecule: [atoms], row of each atom's
    molecule     net_charge Q: [molecules] e
    returns: [atoms] e
    """

    def total(values):
        return torch.zeros_like(net_charge).index_add(0, molecule, values)

    level = (net_charge + total(electronegativity / hardness)) / total(1.0 / hardness)
    return (level[molecule] - electronegativity) / hardness
