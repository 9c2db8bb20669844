"""Topologies, geometries, parameters and models that the tests of several rooms share."""

from functools import lru_cache

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem import AllChem

from examples import mol_of, read
from forceladder.energy.geometry import Geometry
from forceladder.energy.topology import Topology, topology_of
from forceladder.model.rung import Rung, make_rung
from forceladder.molecules.read import mapped_smiles
from forceladder.training_set.build import topology_dataset

CLASS1 = (
    "bond_harmonic", "angle_harmonic", "torsion_cosine", "improper_cosine", "lennard_jones",
    "coulomb",
)  # fmt: skip
NETWORK = {"width": 16, "layers": 2, "torsion_orders": 6}

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
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
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


def random_parameters(topology: Topology, seed: int, orders: int = 6) -> dict:
    """Terms of class1 with wide random parameters; torsion amplitudes of both signs."""
    generator = torch.Generator().manual_seed(seed)

    def between(table, low, high, *shape):
        rows = len(topology.atoms[table])
        unit = torch.rand(rows, *shape, generator=generator, dtype=torch.float64)
        return low + (high - low) * unit

    return {
        "bond_harmonic": {
            "length": between("bond", 0.8, 2.0), "force_constant": between("bond", 50.0, 2000.0)
        },
        "angle_harmonic": {
            "angle": between("angle", 0.5, np.pi), "force_constant": between("angle", 10.0, 500.0)
        },
        "torsion_cosine": {"amplitude": between("torsion", -10.0, 10.0, orders)},
        "improper_cosine": {"amplitude": between("improper", 0.5, 50.0)},
        "lennard_jones": {
            "sigma": between("pair", 0.5, 4.0), "epsilon": between("pair", 0.0, 0.5)
        },
        "coulomb": {"charge_product": between("pair", -1.0, 1.0)},
    }  # fmt: skip


def untrained_rung(topology: Topology, seed: int = 0, **network) -> Rung:
    return make_rung({"terms": CLASS1, **NETWORK, **network}, topology, seed)


def random_rung(topology: Topology, seed: int = 0, scale: float = 1.0, **network) -> Rung:
    """A rung with random weights in every layer, the last ones included."""
    model = untrained_rung(topology, seed, **network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("outer.2.weight", "outer.2.bias")):
                weight.copy_(scale * torch.randn(weight.shape, generator=generator).double())
    return model


def reordered(smiles: str, order) -> str:
    """Mapped SMILES of the molecule with its atom `order[i]` as atom i."""
    return mapped_smiles(Chem.RenumberAtoms(mol_of(smiles), [int(i) for i in order]))
