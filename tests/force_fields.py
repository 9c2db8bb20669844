"""Topologies, geometries, parameters and models that the tests of several rooms share."""

from functools import lru_cache

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import mol_of, read
from forceladder.energy.geometry import Geometry
from forceladder.energy.terms import TERMS
from forceladder.energy.topology import Topology, topology_of
from forceladder.model.heads.couplings import rows_of
from forceladder.model.rung import Rung, make_rung
from forceladder.molecules.read import mapped_smiles
from forceladder.training_set.build import topology_dataset

CLASS1 = (
    "bond_harmonic", "angle_harmonic", "torsion_cosine", "improper_cosine", "lennard_jones",
    "coulomb",
)  # fmt: skip
COUPLINGS = (
    "bond_bond", "bond_angle", "angle_angle", "middle_bond_torsion", "end_bond_torsion",
    "angle_torsion", "angle_angle_torsion", "bond_bond_13", "bond_angle_13", "angle_angle_13",
)  # fmt: skip
CLASS2 = (
    "bond_quartic", "angle_quartic", "torsion_cosine", "out_of_plane", *COUPLINGS,
    "torsion_torsion", "lennard_jones", "coulomb",
)  # fmt: skip
NETWORK = {"width": 16, "layers": 2, "torsion_orders": 6, "fit_lennard_jones": False}

# Rings of three, four and five atoms, linear chains, ions, impropers, none of the kind.
VARIETY = (
    "O", "C1CC1", "C1CCC1", "c1ccoc1", "CC(=O)[O-]", "C[NH3+]", "CC#N", "CC(=O)NC", "CC=C=O",
    "[H][H]", "C1CC12CC2", "CN=[N+]=[N-]", "N[C@@H](CS)C=O", "Cl/C=C/Br", "C[N+](=O)[O-]",
)  # fmt: skip


@lru_cache
def dataset_of(*smiles: str):
    """Dataset of molecules without conformers, atoms in the order of `mol_of`."""
    return dataset_of_mapped([read(one)["mapped_smiles"] for one in smiles])


def dataset_of_mapped(smiles: list[str]):
    molecules = [
        {
            "id": f"molecule-{row}", "mapped_smiles": one, "inchikey": "", "split": "train",
            "net_charge": Chem.GetFormalCharge(Chem.MolFromSmiles(one)),
        }
        for row, one in enumerate(smiles)
    ]  # fmt: skip
    return topology_dataset(molecules)


def topology(*smiles: str) -> Topology:
    return topology_of(dataset_of(*smiles))


@lru_cache
def embedded(smiles: str) -> np.ndarray:
    """A sane geometry, [atoms, 3] Å."""
    mol = Chem.Mol(mol_of(smiles))
    large = mol.GetNumAtoms() > 100  # distances alone do not embed these
    assert AllChem.EmbedMolecule(mol, randomSeed=7, useRandomCoords=large) == 0
    if AllChem.MMFFHasAllMoleculeParams(mol):
        AllChem.MMFFOptimizeMolecule(mol)
    return mol.GetConformer().GetPositions()


def shaken(smiles: str, seed: int, noise: float) -> np.ndarray:
    """The embedded geometry with Gaussian noise of `noise` Å on every coordinate."""
    positions = embedded(smiles)
    return positions + np.random.default_rng(seed).normal(scale=noise, size=positions.shape)


def geometry_of(topology: Topology, positions: list) -> Geometry:
    """positions: one [atoms, 3] per molecule, or [conformers, atoms, 3]."""
    stacks = [np.reshape(p, (-1, np.shape(p)[-2], 3)) for p in positions]
    count = torch.tensor([len(stack) for stack in stacks])
    flat = np.concatenate([stack.reshape(-1, 3) for stack in stacks])
    return Geometry(topology, count, torch.as_tensor(flat))


# term → parameter → lowest, highest, and the number of orders of a Fourier series; references
# of bonds and angles are drawn once and serve all terms
RANGES = {
    "bond_harmonic": {"force_constant": (50.0, 2000.0)},
    "angle_harmonic": {"force_constant": (10.0, 500.0)},
    "torsion_cosine": {"amplitude": (-10.0, 10.0, 6)},
    "improper_cosine": {"amplitude": (0.5, 50.0)},
    "lennard_jones": {"sigma": (0.5, 4.0), "epsilon": (0.0, 0.5)},
    "lennard_jones_96": {"minimum": (0.5, 4.0), "epsilon": (0.0, 0.5)},
    "coulomb": {"charge_product": (-1.0, 1.0)},
    "bond_quartic": {
        "quadratic": (25.0, 1000.0), "cubic": (-1500.0, 500.0), "quartic": (50.0, 2000.0)
    },
    "angle_quartic": {
        "quadratic": (5.0, 250.0), "cubic": (-100.0, 100.0), "quartic": (1.0, 100.0)
    },
    "out_of_plane": {"quadratic": (0.5, 50.0)},
    "bond_bond": {"coupling": (-200.0, 200.0)},
    "bond_angle": {"coupling_1": (-100.0, 100.0), "coupling_2": (-100.0, 100.0)},
    "angle_angle": {"coupling": (-50.0, 50.0)},
    "middle_bond_torsion": {"amplitude": (-30.0, 30.0, 3)},
    "end_bond_torsion": {"amplitude_1": (-30.0, 30.0, 3), "amplitude_3": (-30.0, 30.0, 3)},
    "angle_torsion": {"amplitude_1": (-30.0, 30.0, 3), "amplitude_2": (-30.0, 30.0, 3)},
    "angle_angle_torsion": {"coupling": (-50.0, 50.0)},
    "bond_bond_13": {"coupling": (-200.0, 200.0)},
    "bond_angle_13": dict.fromkeys(
        ("coupling_1", "coupling_3", "turned_1", "turned_3"), (-100.0, 100.0)
    ),
    "angle_angle_13": {"coupling": (-50.0, 50.0)},
    "torsion_torsion": {"cosine": (-10.0, 10.0, 4), "sine": (-10.0, 10.0, 4)},
}  # fmt: skip
REFERENCES = {"length": ("bond", 0.8, 2.0), "angle": ("angle", 0.5, np.pi)}  # Å, rad


def random_parameters(topology: Topology, seed: int, terms=tuple(RANGES)) -> dict:
    """Wide random parameters of terms; amplitudes and couplings of both signs."""
    generator = torch.Generator().manual_seed(seed)

    def between(table, low, high, *shape):
        rows = len(topology.atoms[table])
        unit = torch.rand(rows, *shape, generator=generator, dtype=torch.float64)
        return low + (high - low) * unit

    found = {
        term: {name: between(TERMS[term].table, *limits) for name, limits in RANGES[term].items()}
        for term in terms
    }
    for kind, limits in REFERENCES.items():
        reference = between(*limits)
        for term in terms:
            names = [name for name in TERMS[term].parameters if name.startswith(kind)]
            counted = [which for which in TERMS[term].coordinates if which[0] == limits[0]]
            for name, which in zip(names, counted, strict=True):
                found[term][name] = reference[rows_of(topology, term, which)]
    return found


def backwards(topology: Topology, table: str) -> Topology:
    """The same molecules, rows of one table listed from their other end."""
    atoms = topology.atoms[table]
    # a pair of angles has its shared neighbour and centre first; the two others have no order
    flipped = atoms[:, [0, 1, 3, 2]] if table == "angle_pair" else atoms.flip(1)
    members = {kind: rows.flip(1) for kind, rows in topology.members.get(table, {}).items()}
    return topology._replace(
        atoms={**topology.atoms, table: flipped}, members={**topology.members, table: members}
    )


def swapped_ends(values: dict) -> dict:
    """Parameters of rows that are read backwards: those of one end become the other's."""
    found = dict(values)
    for one in values:
        if one.endswith("_1"):
            (other,) = [name for name in values if name != one and name[:-1] == one[:-1]]
            found |= {one: values[other], other: values[one]}
        if one in ("cosine", "sine"):  # of n φ₁ and m φ₂: the columns (1, 2) and (2, 1)
            found[one] = values[one][..., [0, 2, 1, 3]]
    return found


def untrained_rung(topology: Topology, seed: int = 0, **network) -> Rung:
    return make_rung({"terms": CLASS1, **NETWORK, **network}, topology, seed)


def random_rung(topology: Topology, seed: int = 0, scale: float = 1.0, **network) -> Rung:
    """A rung with random weights in every layer, the last ones included."""
    model = untrained_rung(topology, seed, **network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("outer.3.weight", "outer.3.bias")):
                weight.copy_(scale * torch.randn(weight.shape, generator=generator).double())
    return model


def reordered(smiles: str, order) -> str:
    """Mapped SMILES of the molecule with its atom `order[i]` as atom i."""
    return mapped_smiles(Chem.RenumberAtoms(mol_of(smiles), [int(i) for i in order]))
