"""Random models of every rung of the ladder, for the tests of several rooms."""

import torch

from force_fields import CLASS1, COUPLINGS, random_rung

CLASS2 = (
    "bond_quartic", "angle_quartic", "torsion_cosine", "out_of_plane",
    *dict.fromkeys([*COUPLINGS, "torsion_torsion"]), "lennard_jones_96", "coulomb",
)  # fmt: skip
LADDER = {
    "class1": CLASS1,
    "class2": CLASS2,
    "delta": (*CLASS2, "correction"),
    "mlff": ("correction",),
}
CORRECTION = {
    "architecture": "cluster_expansion", "cutoff_angstrom": 3.0, "graph_layers": 1,
    "layers": 2, "channels": 6,
    "densities": 5, "transported": 3,
    "hidden": 8, "chemistry": 4, "radial_functions": 5, "radial_damping": 2.0, "max_degree": 2,
    "correlation": 3, "max_energy_kcal_per_atom": None,
}  # fmt: skip


def ladder_rung(graph, terms, seed=0, scale=0.3, strength=10.0, settings=CORRECTION, **correction):
    """A rung with these terms; `strength` kcal/mol scales the last weights of its correction.

    settings: of the correction; what else is named is laid over them
    """
    model = random_rung(
        graph, seed, scale, terms=list(terms), fit_lennard_jones=True,
        correction={**settings, **correction},
    )  # fmt: skip
    if model.correction is not None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in model.correction.last_weights():
                weight.copy_(strength * torch.randn(weight.shape, generator=generator).double())
    return model
