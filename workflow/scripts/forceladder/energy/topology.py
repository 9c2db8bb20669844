"""Topology of a set of molecules as tensors: what a force field knows before geometry."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from forceladder.fields import TABLES


class Topology(NamedTuple):
    """Flat tensors over all molecules; atoms are counted through the whole set.

    molecule_ids     names, for messages
    mapped_smiles    what the molecules are
    net_charge       [molecules]      e
    atom_count       [molecules]
    molecule         [atoms]          molecule row of each atom
    atomic_number    [atoms]
    atom_features    [atoms, features]      named in atom_feature_names
    formal_charge    [atoms]          e, resonance-averaged
    lj_sigma, lj_epsilon  [atoms]     Å, kcal/mol
    user_charge      [atoms]          e; NaN where the user gave none
    bond_features    [bonds, features]      named in bond_feature_names
    atoms            table → [rows, 1…4]    bond, angle, torsion, improper, pair; and
                     angle_pair, torsion_pair, see the functions below, and atom itself
    count            table → [molecules]    rows of each molecule
    members          table → coordinate → [rows, n]    rows of the bonds and angles that a row of
                     the table consists of, in its order
    angle_ring       [angles]
    torsion_paths    [torsions]
    pair_is_14       [pairs]          bool
    """

    molecule_ids: list
    mapped_smiles: list
    net_charge: Tensor
    atom_count: Tensor
    molecule: Tensor
    atomic_number: Tensor
    atom_features: Tensor
    atom_feature_names: list
    formal_charge: Tensor
    lj_sigma: Tensor
    lj_epsilon: Tensor
    user_charge: Tensor
    bond_features: Tensor
    bond_feature_names: list
    atoms: dict
    count: dict
    members: dict
    angle_ring: Tensor
    torsion_paths: Tensor
    pair_is_14: Tensor

    def rows(self, table: str, molecule: int) -> slice:
        """Rows of a table that belong to one molecule."""
        first = int(self.count[table][:molecule].sum())
        return slice(first, first + int(self.count[table][molecule]))


def topology_of(dataset, dtype=torch.float64, device="cpu") -> Topology:
    """Topology of a training set (fields.py), or of any dataset with its topology fields."""

    def real(name):
        return torch.as_tensor(dataset[name].values, dtype=dtype, device=device)

    def integer(values):
        return torch.as_tensor(np.asarray(values), dtype=torch.long, device=device)

    atom_count = dataset["atom_count"].values
    first_atom = np.concatenate([[0], np.cumsum(atom_count)[:-1]])
    atoms, count = {}, {}
    for table in TABLES:
        rows = dataset[f"{table}_count"].values
        offset = np.repeat(first_atom, rows)
        atoms[table] = integer(dataset[f"{table}_atoms"].values + offset[:, None])
        count[table] = integer(rows)
    bonds, angles = atoms["bond"], atoms["angle"]
    atoms["angle_pair"], members = angle_pairs(angles)
    atoms["atom"] = integer(np.arange(atom_count.sum())[:, None])
    count["atom"] = integer(atom_count)
    torsion_angles = matching_rows(angles, atoms["torsion"], ((0, 1, 2), (1, 2, 3)))
    atoms["torsion_pair"], torsions = torsion_pairs(atoms["torsion"], torsion_angles, angles)
    molecule = np.repeat(np.arange(len(atom_count)), atom_count)
    for table, column in (("angle_pair", 0), ("torsion_pair", 2)):
        of_row = integer(molecule)[atoms[table][:, column]]
        count[table] = torch.bincount(of_row, minlength=len(atom_count))
    return Topology(
        molecule_ids=[str(name) for name in dataset["molecule_id"].values],
        mapped_smiles=[str(smiles) for smiles in dataset["mapped_smiles"].values],
        net_charge=real("net_charge"),
        atom_count=integer(atom_count),
        molecule=integer(molecule),
        atomic_number=integer(dataset["atomic_number"].values),
        atom_features=real("atom_features"),
        atom_feature_names=dataset["atom_features"].attrs["names"].split(),
        formal_charge=real("formal_charge"),
        lj_sigma=real("lj_sigma"),
        lj_epsilon=real("lj_epsilon"),
        user_charge=real("user_charge"),
        bond_features=real("bond_features"),
        bond_feature_names=dataset["bond_features"].attrs["names"].split(),
        atoms=atoms,
        count=count,
        members={
            "angle": {"bond": matching_rows(bonds, angles, ((0, 1), (1, 2)))},
            "angle_pair": {"angle": members},
            "torsion": {
                "bond": matching_rows(bonds, atoms["torsion"], ((0, 1), (1, 2), (2, 3))),
                "angle": torsion_angles,
            },
            "torsion_pair": {"torsion": torsions},
        },
        angle_ring=integer(dataset["angle_ring"].values),
        torsion_paths=real("torsion_paths"),
        pair_is_14=torch.as_tensor(dataset["pair_is_14"].values == 1, device=device),
    )


def matching_rows(table: Tensor, chains: Tensor, columns) -> Tensor:
    """Rows of `table` that name the same atoms, in either direction, as columns of `chains`.

    table: [rows, k]      chains: [chains, n]      columns: sequence of k columns each
    returns: [chains, len(columns)]
    """
    found = []
    atoms = int(table.max()) + 1 if len(table) else 1
    keys, order = torch.sort(_key(table, atoms))
    for chosen in columns:
        found.append(order[torch.searchsorted(keys, _key(chains[:, chosen], atoms))])
    return torch.stack(found, dim=1)


def _key(chain: Tensor, atoms: int) -> Tensor:
    """One number per chain of two or three atoms, the same in both directions."""
    ends = torch.minimum(chain[:, 0], chain[:, -1]), torch.maximum(chain[:, 0], chain[:, -1])
    middle = chain[:, 1] if chain.shape[1] == 3 else torch.zeros_like(chain[:, 0])
    return (middle * atoms + ends[0]) * atoms + ends[1]


def angle_pairs(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of angles that share a centre and one bond.

    angles: [angles, 3], centre second
    returns: atoms [pairs, 4], shared neighbour, centre, and the two other neighbours; rows of
        the angles [pairs, 2]: shared–centre–first other, shared–centre–second other
    """
    both = torch.cat([angles, angles.flip(1)])  # every angle seen from each of its ends
    row = torch.arange(len(angles), device=angles.device).repeat(2)
    atoms = int(angles.max()) + 1 if len(angles) else 1
    shared, order = torch.sort(both[:, 1] * atoms + both[:, 0], stable=True)
    both, row = both[order], row[order]
    pairs = []
    for step in range(1, 8):  # neighbours in the sorted list that share centre and end
        same = torch.nonzero(shared[step:] == shared[:-step])[:, 0]
        if not len(same):
            break
        pairs.append(torch.stack([same, same + step], dim=1))
    if not pairs:
        return angles.new_zeros(0, 4), angles.new_zeros(0, 2)
    found = torch.cat(pairs)
    # sorted by centre, so that the pairs of a molecule lie together
    found = found[torch.argsort(both[found[:, 0], 1], stable=True)]
    first, second = both[found[:, 0]], both[found[:, 1]]
    return torch.cat([first, second[:, 2:]], dim=1), row[found]


def torsion_pairs(torsions: Tensor, torsion_angles: Tensor, angles: Tensor):
    """Pairs of torsions that make a chain of five atoms: i-j-k-l and j-k-l-m. Around a ring of
    four, m is i.

    torsions: [torsions, 4]      torsion_angles: [torsions, 2], rows of their angles
    returns: atoms [pairs, 5]; rows of the torsions [pairs, 2]
    """
    # every torsion seen from each of its ends: its angle there, and the chain that ends with it
    chain = torch.cat([torsions.flip(1), torsions])
    angle = torch.cat([torsion_angles[:, 0], torsion_angles[:, 1]])
    row = torch.arange(len(torsions), device=torsions.device).repeat(2)
    ends_high = chain[:, 3] == angles[angle, 2]  # which of its angle's ends the chain ends at
    one, other = torch.nonzero(ends_high)[:, 0], torch.nonzero(~ends_high)[:, 0]
    other = other[torch.argsort(angle[other], stable=True)]
    count = torch.bincount(angle[other], minlength=len(angles))
    first = torch.cumsum(count, 0) - count
    one = one[torch.argsort(angle[one], stable=True)]
    left = torch.repeat_interleave(one, count[angle[one]])
    begin = torch.repeat_interleave(
        torch.cumsum(count[angle[one]], 0) - count[angle[one]], count[angle[one]]
    )
    within = torch.arange(len(left), device=left.device) - begin
    right = other[first[angle[left]] + within]
    atoms = torch.cat([chain[left], chain[right][:, :1]], dim=1)
    return atoms, torch.stack([row[left], row[right]], dim=1)
