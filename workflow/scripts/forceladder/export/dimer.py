"""Two copies of a molecule that feel each other: for tests of the walls between molecules.

Atoms of different molecules are pairs like those of one molecule that are more than three bonds
apart: by the rung's own mixing rule, unscaled. So are they for a correction.
"""

import re

import torch

from forceladder.energy.terms import TERMS
from forceladder.export.parameters import ATOM_PARAMETERS
from forceladder.model.heads.nonbonded import lorentz_berthelot, sixth_powers
from forceladder.model.rung import CORRECTION

MIXING = {"lennard_jones": lorentz_berthelot, "lennard_jones_96": sixth_powers}


def dimer_parameters(parameters: dict) -> dict:
    """Parameters of two copies, the atoms of the second behind those of the first.

    parameters: of one molecule, as `molecule_parameters` returns them; so is the result
    """
    between = pairs_between(parameters)
    size = len(parameters["mass"])
    terms = {}
    for name, term in parameters["terms"].items():
        rows = term["atoms"] + [[atom + size for atom in row] for row in term["atoms"]]
        twice = {key: 2 * values for key, values in term.items()} | {"atoms": rows}
        more = between["terms"].get(name, {key: [] for key in term})
        terms[name] = {key: twice[key] + more[key] for key in term}
    pairs = 2 * parameters["pair_is_14"] + between["pair_is_14"]
    return between | {"terms": terms, "pair_is_14": pairs}


def pairs_between(parameters: dict) -> dict:
    """The same, but nothing within either copy is felt by any term; a correction is still that of
    all atoms, whose energy is no sum over pairs."""
    size = len(parameters["mass"])
    doubled = {
        name: 2 * parameters[name]
        for name in ("mass", "atomic_number", *ATOM_PARAMETERS)
        if name in parameters
    }
    if CORRECTION in parameters:
        embedding = parameters[CORRECTION]["embedding"]
        doubled[CORRECTION] = parameters[CORRECTION] | {"embedding": 2 * embedding}
    bonds = parameters["bonds"] + [[i + size, j + size] for i, j in parameters["bonds"]]
    name = parameters["mapped_smiles"]
    pairs = [[i, size + j] for i in range(size) for j in range(size)]
    return doubled | {
        "id": f"two {parameters['id']}",
        "mapped_smiles": f"{name}.{moved(name, size)}",
        "bonds": bonds,
        "pair_is_14": [False] * len(pairs),
        "terms": {
            name: {"atoms": pairs} | mixed(name, doubled, pairs)
            for name in parameters["terms"]
            if TERMS[name].table == "pair"
        },
        "units": parameters["units"],
    }


def moved(mapped_smiles: str, by: int) -> str:
    """The SMILES with `by` added to its map numbers."""
    return re.sub(r":(\d+)\]", lambda found: f":{int(found[1]) + by}]", mapped_smiles)


def mixed(term: str, atoms: dict, pairs: list) -> dict[str, list[float]]:
    """Parameter → numbers of a term of pairs [pairs, 2], from what is said of atoms."""
    index = torch.tensor(pairs)
    if term == "coulomb":
        charge = torch.tensor(atoms["charge"], dtype=torch.float64)
        return {"charge_product": charge[index].prod(dim=1).tolist()}
    sigma, epsilon = (
        torch.tensor(atoms[name], dtype=torch.float64) for name in ("lj_sigma", "lj_epsilon")
    )
    return {key: value.tolist() for key, value in MIXING[term](sigma, epsilon, index).items()}
