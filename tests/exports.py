"""What the tests of the exporters of class I force fields share."""

import json

import numpy as np

from force_fields import (
    CLASS1,
    VARIETY,
    dataset_of,
    dataset_of_mapped,
    geometry_of,
    random_rung,
    shaken,
)
from forceladder.energy.topology import topology_of
from forceladder.energy.total import energy_and_gradient
from forceladder.export.parameters import molecule_parameters, terms_as_tensors

CHLORIDE = "[Cl-:1]"  # a single atom
# Pairs across straight chains, where no torsion is; bicycles; halogens, a sulfone, planar N, ions
EXPORTED = (
    *VARIETY, "CS(=O)(=O)C", CHLORIDE, "[OH-]", "C#CC#C", "IC#C", "FC(F)(Cl)Br", "c1ccccc1",
    "C1CC2CCC1C2", "NC(N)=[NH2+]", "COP(=O)([O-])OC", "CCCCCC",
)  # fmt: skip


def model_and_dataset(smiles: str, seed: int = 0, terms=CLASS1):
    """A rung with random weights, its Lennard-Jones parameters too, and the molecule."""
    dataset = dataset_of_mapped([smiles]) if smiles == CHLORIDE else dataset_of(smiles)
    return random_rung(topology_of(dataset), seed, terms=terms, fit_lennard_jones=True), dataset


def exported(smiles: str, seed: int = 0, terms=CLASS1) -> dict:
    """Parameters of a molecule as a release stores them: through JSON."""
    model, dataset = model_and_dataset(smiles, seed, terms)
    return json.loads(json.dumps(molecule_parameters(model, dataset)[0]))


def place(smiles: str, seed: int = 0, noise: float = 0.1) -> np.ndarray:
    """Positions [atoms, 3] Å far from any minimum."""
    return np.array([[0.3, -0.2, 0.1]]) if smiles == CHLORIDE else shaken(smiles, seed, noise)


def ours(smiles: str, parameters: dict, names, positions) -> tuple[float, np.ndarray]:
    """Energy and gradient of some terms by the training code."""
    dataset = dataset_of_mapped([smiles]) if smiles == CHLORIDE else dataset_of(smiles)
    geometry = geometry_of(topology_of(dataset), [positions])
    terms = {name: values for name, values in terms_as_tensors(parameters).items() if name in names}
    energy, gradient = energy_and_gradient(terms, geometry)
    return float(energy[0]), gradient.numpy()


def assert_agrees(smiles, parameters, found, positions, energy, gradient):
    """Every term of the molecule is in one of the groups found, or in several, and each group
    is that of the training code within `energy` kcal/mol and `gradient` kcal/mol/Å."""
    assert {name for names in found for name in names} == set(terms_as_tensors(parameters))
    for names, (their_energy, their_gradient) in found.items():
        our_energy, our_gradient = ours(smiles, parameters, names, positions)
        assert abs(their_energy - our_energy) < energy, (smiles, names)
        np.testing.assert_allclose(
            their_gradient, our_gradient, rtol=0, atol=gradient, err_msg=f"{smiles} {names}"
        )
