"""Training sets of noise, of any size: for time and memory only sizes matter."""

import numpy as np

from examples import read
from force_fields import embedded
from forceladder.training_set.build import conformer, conformer_set, join_molecules

GEOMETRY_NOISE = 0.02  # Å on every coordinate of an embedded conformer
FORCE_NOISE = 20.0  # kcal/mol/Å
ENERGY_NOISE = 5.0  # kcal/mol


def noisy_set(smiles: list[str], conformers: int, seed: int):
    """Dataset of the molecules, one after another, each with as many conformers."""
    random = np.random.default_rng(seed)
    parts = []
    for row, one in enumerate(smiles):
        molecule = {**read(one, split="train"), "id": f"molecule-{row}"}
        noisy = [noisy_conformer(embedded(one), random) for _ in range(conformers)]
        parts.append(conformer_set(molecule, noisy))
    return join_molecules(parts, provenance={})


def noisy_conformer(positions, random) -> dict:
    """Fields of one conformer near `positions` [atoms, 3] Å; energy and forces are noise."""
    shape = positions.shape
    return conformer(
        positions + random.normal(scale=GEOMETRY_NOISE, size=shape),
        random.normal(scale=ENERGY_NOISE),
        "md",
        temperature=300.0,
        record_digest=random.bytes(32).hex(),
        gradients=random.normal(scale=FORCE_NOISE, size=shape),
        dipole=random.normal(size=3),
    )
