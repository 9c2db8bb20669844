"""Parameters of single molecules as plain JSON: what a release stores and exporters read."""

import torch

from forceladder.energy.terms import TERMS
from forceladder.energy.topology import topology_of
from forceladder.errors import MoleculeError
from forceladder.fields import TABLES
from forceladder.model.priors import ELEMENTS
from forceladder.model.rung import Rung


def molecule_parameters(model: Rung, dataset) -> list[dict]:
    """One JSON value per molecule of a dataset with topology fields.

    returns: id, mapped_smiles, atomic_number, mass (amu), charge (e), lj_sigma (Å),
        lj_epsilon (kcal/mol), pair_is_14, and terms: name → {atoms, parameter: values, …};
        units beside them
    raises: MoleculeError element_unknown
    """
    topology = topology_of(dataset)
    if unknown := set(topology.atomic_number.tolist()) - set(ELEMENTS):
        raise MoleculeError(
            "element_unknown", f"no prior for atomic number {min(unknown)}; add it to priors.py."
        )
    with torch.no_grad():
        found = model(topology)
    ids = topology.molecule_ids
    first_atom = torch.cumsum(topology.atom_count, 0) - topology.atom_count
    first_row = {t: torch.cumsum(topology.count[t], 0) - topology.count[t] for t in TABLES}
    results = []
    for m, name in enumerate(ids):
        atoms = slice(int(first_atom[m]), int(first_atom[m] + topology.atom_count[m]))
        rows = {
            t: slice(int(first_row[t][m]), int(first_row[t][m] + topology.count[t][m]))
            for t in TABLES
        }
        terms = {}
        for term, parameters in found.terms.items():
            table = TERMS[term].table
            indices = topology.atoms[table][rows[table]] - first_atom[m]
            terms[term] = {"atoms": indices.tolist()} | {
                key: value[rows[table]].tolist() for key, value in parameters.items()
            }
        results.append(
            {
                "id": name,
                "mapped_smiles": str(dataset["mapped_smiles"].values[m]),
                "atomic_number": topology.atomic_number[atoms].tolist(),
                "mass": dataset["mass"].values[atoms].tolist(),
                "charge": found.charge[atoms].tolist(),
                "lj_sigma": topology.lj_sigma[atoms].tolist(),
                "lj_epsilon": topology.lj_epsilon[atoms].tolist(),
                "pair_is_14": topology.pair_is_14[rows["pair"]].tolist(),
                "terms": terms,
                "units": units(found.terms),
            }
        )
    return results


def units(terms) -> dict:
    """Unit of every number in a parameter file."""
    per_term = {name: TERMS[name].parameters for name in terms}
    return {"mass": "amu", "charge": "e", "lj_sigma": "angstrom", "lj_epsilon": "kcal/mol"} | {
        "terms": per_term
    }


def terms_as_tensors(parameters: dict) -> dict:
    """The `terms` of a parameter file as `energy.total` wants them, in float64."""
    return {
        name: {
            key: torch.tensor(v, dtype=torch.float64) for key, v in values.items() if key != "atoms"
        }
        for name, values in parameters["terms"].items()
    }
