"""Topology of a set of molecules as tensors: what a force field knows before geometry."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from forceladder.fields import TABLES


class Topology(NamedTuple):
    """Flat tensors over all molecules; atoms are counted through the whole set.

    molecule_ids     names, for messages
    net_charge       [molecules]      e
    atom_count       [molecules]
    molecule         [atoms]          molecule row of each atom
    atomic_number    [atoms]
    atom_features    [atoms, features]      named in atom_feature_names
    formal_charge    [atoms]          e, resonance-averaged
    lj_sigma, lj_epsilon  [atoms]     Å, kcal/mol
    bond_features    [bonds, features]      named in bond_feature_names
    atoms            table → [rows, 2…4]    bond, angle, torsion, improper, pair
    count            table → [molecules]    rows of each molecule
    angle_ring       [angles]
    torsion_paths    [torsions]
    pair_is_14       [pairs]          bool
    """

    molecule_ids: list
    net_charge: Tensor
    atom_count: Tensor
    molecule: Tensor
    atomic_number: Tensor
    atom_features: Tensor
    atom_feature_names: list
    formal_charge: Tensor
    lj_sigma: Tensor
    lj_epsilon: Tensor
    bond_features: Tensor
    bond_feature_names: list
    atoms: dict
    count: dict
    angle_ring: Tensor
    torsion_paths: Tensor
    pair_is_14: Tensor


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
    return Topology(
        molecule_ids=[str(name) for name in dataset["molecule_id"].values],
        net_charge=real("net_charge"),
        atom_count=integer(atom_count),
        molecule=integer(np.repeat(np.arange(len(atom_count)), atom_count)),
        atomic_number=integer(dataset["atomic_number"].values),
        atom_features=real("atom_features"),
        atom_feature_names=dataset["atom_features"].attrs["names"].split(),
        formal_charge=real("formal_charge"),
        lj_sigma=real("lj_sigma"),
        lj_epsilon=real("lj_epsilon"),
        bond_features=real("bond_features"),
        bond_feature_names=dataset["bond_features"].attrs["names"].split(),
        atoms=atoms,
        count=count,
        angle_ring=integer(dataset["angle_ring"].values),
        torsion_paths=real("torsion_paths"),
        pair_is_14=torch.as_tensor(dataset["pair_is_14"].values == 1, device=device),
    )
