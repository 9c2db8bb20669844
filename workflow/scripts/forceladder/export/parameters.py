"""Parameters of single molecules as plain JSON: what a release stores and exporters read."""

import torch

from forceladder.energy.terms import TERMS
from forceladder.energy.topology import Topology, topology_of
from forceladder.errors import MoleculeError
from forceladder.model.alternatives import LENNARD_JONES
from forceladder.model.priors import ELEMENTS
from forceladder.model.rung import CORRECTION, Parameters, Rung

# name → unit of what a rung says of atoms, and the terms that it is said for
ATOM_PARAMETERS = {
    "charge": ("e", {"coulomb"}),
    "lj_sigma": ("angstrom", set(LENNARD_JONES)),
    "lj_epsilon": ("kcal/mol", set(LENNARD_JONES)),
}


def molecule_parameters(model: Rung, dataset) -> list[dict]:
    """One JSON value per molecule of a dataset with topology fields.

    returns: id, mapped_smiles, atomic_number, mass (amu), bonds, pair_is_14, and terms: name →
        {atoms, parameter: values, …}; charge (e) of a rung with Coulomb's law; lj_sigma (Å) and
        lj_epsilon (kcal/mol) of one with Lennard-Jones; correction of one that has it: its
        settings and the embedding [atoms, width]; units beside them
    raises: MoleculeError element_unknown
    """
    topology = topology_of(dataset)
    if unknown := set(topology.atomic_number.tolist()) - set(ELEMENTS):
        raise MoleculeError(
            "element_unknown", f"no prior for atomic number {min(unknown)}; add it to priors.py."
        )
    with torch.no_grad():
        found = model(topology)
    ends = {table: torch.cumsum(count, 0) for table, count in topology.count.items()}
    results = []
    for m, name in enumerate(topology.molecule_ids):
        rows = {
            table: slice(int(end[m] - topology.count[table][m]), int(end[m]))
            for table, end in ends.items()
        }
        identity = {
            "id": name,
            "mapped_smiles": str(dataset["mapped_smiles"].values[m]),
            "mass": dataset["mass"].values[rows["atom"]].tolist(),
        }
        results.append(identity | of_molecule(model, topology, found, rows))
    return results


def of_molecule(model: Rung, topology: Topology, found: Parameters, rows: dict) -> dict:
    """What `molecule_parameters` says of one molecule but for its names and masses.

    rows: table → its rows, a slice
    """
    atoms = rows["atom"]

    def members(table):
        return (topology.atoms[table][rows[table]] - atoms.start).tolist()

    terms = {
        term: {"atoms": members(TERMS[term].table)}
        | {key: value[rows[TERMS[term].table]].tolist() for key, value in parameters.items()}
        for term, parameters in found.terms.items()
    }
    said = {
        name: getattr(found, name)[atoms].tolist()
        for name, (_, of_terms) in ATOM_PARAMETERS.items()
        if of_terms & terms.keys()
    }
    if model.correction is not None:
        said[CORRECTION] = {
            "settings": model.settings[CORRECTION],
            "embedding": found.embedding[atoms].tolist(),
        }
    return said | {
        "atomic_number": topology.atomic_number[atoms].tolist(),
        "bonds": members("bond"),
        "pair_is_14": topology.pair_is_14[rows["pair"]].tolist(),
        "terms": terms,
        "units": units(terms),
    }


def title(parameters: dict) -> str:
    """The molecule's name in one short line, which no format takes for a word of its own: what a
    user calls a molecule may begin with a bracket, or hold the end of a line."""
    return "molecule " + " ".join(parameters["id"].split())[:120]


def renumbered(parameters: dict, order, mapped_smiles: str) -> dict:
    """The same molecule with its atoms in another order.

    order: [atoms], the new number of each atom      mapped_smiles: in the new order
    """
    old = sorted(range(len(order)), key=lambda atom: order[atom])  # new number → old
    moved = dict(parameters) | {"mapped_smiles": mapped_smiles}
    for name in ("mass", "atomic_number", *ATOM_PARAMETERS):
        if name in parameters:
            moved[name] = [parameters[name][atom] for atom in old]
    if CORRECTION in parameters:
        embedding = parameters[CORRECTION]["embedding"]
        moved[CORRECTION] = parameters[CORRECTION] | {"embedding": [embedding[a] for a in old]}
    moved["bonds"] = [[order[atom] for atom in bond] for bond in parameters["bonds"]]
    moved["terms"] = {}
    for name, term in parameters["terms"].items():
        rows = [[order[atom] for atom in row] for row in term["atoms"]]
        if TERMS[name].table == "pair":
            rows = [sorted(row) for row in rows]  # those who look for pairs look for i < j
        moved["terms"][name] = term | {"atoms": rows}
    return moved


def units(terms) -> dict:
    """Unit of every number in a parameter file."""
    per_atom = {
        name: unit for name, (unit, of_terms) in ATOM_PARAMETERS.items() if of_terms & set(terms)
    }
    return {"mass": "amu"} | per_atom | {"terms": {name: TERMS[name].parameters for name in terms}}


def terms_as_tensors(parameters: dict) -> dict:
    """The `terms` of a parameter file as `energy.total` wants them, in float64; those alone that
    have rows in the molecule."""
    return {
        name: {
            key: torch.tensor(v, dtype=torch.float64) for key, v in values.items() if key != "atoms"
        }
        for name, values in parameters["terms"].items()
        if values["atoms"]
    }
