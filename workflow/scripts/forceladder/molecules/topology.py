"""A molecule as arrays: atoms, features, and index tables of bonds, angles, torsions, …

This is all that the fit knows of chemistry, so the fit needs no chemistry package.
Aromaticity is RDKit's default model throughout.
"""

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
from rdkit import Chem

from forceladder.errors import MoleculeError
from forceladder.molecules.lennard_jones import lennard_jones_parameters

FEATURE_ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I")
RING_SIZES = (3, 4, 5, 6, 7)
MOST_NEIGHBOURS = 4
ATOM_FEATURES = (
    *(f"is_{element}" for element in FEATURE_ELEMENTS),
    *(f"has_{n}_neighbours" for n in range(1, 7)),
    "formal_charge", "bond_order_sum", "is_aromatic", "is_planar", "is_linear",
    *(f"in_ring_of_{size}" for size in RING_SIZES),
)  # fmt: skip
USER_CHARGE = "PartialCharge"  # atom property, as SDF files carry it (atom.dprop.PartialCharge)
BOND_FEATURES = ("bond_order", "is_aromatic", "is_in_ring")


def topology_arrays(mol: Chem.Mol) -> dict[str, np.ndarray]:
    """Arrays of one molecule named as in fields.py, atoms counted from zero.

    mol: explicit hydrogens, sanitized
    raises: MoleculeError no_lennard_jones_type, too_many_neighbours
    """
    check_neighbours(mol)
    charges, orders = resonance_averages(mol)
    planar = planar_atoms(mol)
    neighbours = [sorted(n.GetIdx() for n in atom.GetNeighbors()) for atom in mol.GetAtoms()]
    linear = linear_atoms(mol)
    rings = [set(ring) for ring in mol.GetRingInfo().AtomRings()]
    bonds = np.array(
        [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()], int
    ).reshape(-1, 2)
    angles = [
        (i, centre, k)
        for centre, around in enumerate(neighbours)
        for i, k in combinations(around, 2)
    ]
    torsions = proper_torsions(bonds, neighbours, linear)
    paths = Counter(frozenset(torsion[1:3]) for torsion in torsions)
    pairs, is_14 = nonbonded_pairs(neighbours)
    sigma, epsilon = (means_of_ranks(mol, v) for v in lennard_jones_parameters(mol))
    atoms = list(mol.GetAtoms())
    arrays = {
        "atomic_number": [atom.GetAtomicNum() for atom in atoms],
        "mass": [atom.GetMass() for atom in atoms],
        "formal_charge": charges,
        "atom_features": atom_features(mol, charges, orders, planar, linear),
        "lj_sigma": sigma,
        "lj_epsilon": epsilon,
        "user_charge": user_charges(mol),
        "bond_atoms": bonds,
        "bond_features": bond_features(mol, orders),
        "angle_atoms": np.array(angles, int).reshape(-1, 3),
        "angle_ring": [smallest_ring(rings, angle) for angle in angles],
        "torsion_atoms": np.array(torsions, int).reshape(-1, 4),
        "torsion_paths": [paths[frozenset(torsion[1:3])] for torsion in torsions],
        "improper_atoms": np.array(
            [(c, *neighbours[c]) for c in sorted(planar) if len(neighbours[c]) == 3], int
        ).reshape(-1, 4),
        "pair_atoms": np.array(pairs, int).reshape(-1, 2),
        "pair_is_14": is_14,
    }
    return {name: np.asarray(values) for name, values in arrays.items()}


def user_charges(mol: Chem.Mol) -> list[float]:
    """Charges that came with the molecule [atoms] e, NaN where none did that is a number."""
    return [number_of(atom, USER_CHARGE) for atom in mol.GetAtoms()]


def number_of(atom: Chem.Atom, name: str) -> float:
    """A number that an atom carries as a property of any type, NaN if it carries none."""
    try:
        return float(atom.GetPropsAsDict().get(name, np.nan))
    except (TypeError, ValueError):
        return np.nan


def resonance_ranks(mol: Chem.Mol) -> list[int]:
    """A number per atom, equal on atoms alike once bond orders and charges are forgotten.

    A carboxylate is drawn with one O⁻ and one C=O, yet its oxygens are the same.
    """
    skeleton = Chem.RWMol(mol)
    for atom in skeleton.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetIsAromatic(False)
        atom.SetNoImplicit(True)
        atom.SetNumRadicalElectrons(0)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for bond in skeleton.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
        bond.SetStereo(Chem.BondStereo.STEREONONE)
    skeleton = skeleton.GetMol()
    skeleton.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(skeleton)
    return list(Chem.CanonicalRankAtoms(skeleton, breakTies=False, includeChirality=False))


def resonance_averages(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray]:
    """Formal charges [atoms] and bond orders [bonds], equal on equivalent atoms and bonds.

    Atoms of one resonance rank share their mean charge, and the bonds between two ranks
    their mean order; aromatic bonds count 1.5 and keep apart from the others, as the two
    bonds that join the rings of biphenylene do from those within the rings.
    """
    ranks = resonance_ranks(mol)
    by_rank = defaultdict(list)
    for atom in mol.GetAtoms():
        by_rank[ranks[atom.GetIdx()]].append(atom.GetFormalCharge())
    charges = np.array([np.mean(by_rank[rank]) for rank in ranks])

    def kind(bond):
        ends = frozenset((ranks[bond.GetBeginAtomIdx()], ranks[bond.GetEndAtomIdx()]))
        return ends, bond.GetIsAromatic()

    by_kind = defaultdict(list)
    for bond in mol.GetBonds():
        by_kind[kind(bond)].append(bond.GetBondTypeAsDouble())
    orders = np.array([np.mean(by_kind[kind(bond)]) for bond in mol.GetBonds()])
    return charges, orders


def check_neighbours(mol: Chem.Mol):
    """Raise MoleculeError for an atom of which the angles to its neighbours have two wells.

    Those of PF₅ and SF₆ are 90° and 180°, and the graph does not say which is which.
    """
    for atom in mol.GetAtoms():
        if atom.GetDegree() > MOST_NEIGHBOURS:
            raise MoleculeError(
                "too_many_neighbours",
                f"atom {atom.GetIdx() + 1} ({atom.GetSymbol()}) has {atom.GetDegree()} neighbours; "
                f"angles of more than {MOST_NEIGHBOURS} have no single well, so no term describes "
                "them.",
            )


def means_of_ranks(mol: Chem.Mol, values: np.ndarray) -> np.ndarray:
    """[atoms], each atom's value replaced by the mean over its resonance rank.

    A table that is looked up by drawn charges tells the methyls of an imidazolium apart.
    """
    ranks, means = np.array(resonance_ranks(mol)), values.copy()
    for rank in np.unique(ranks):
        # sorted, so that a sum does not depend on the order of the atoms
        own = np.sort(values[ranks == rank])
        means[ranks == rank] = own[0] if own[0] == own[-1] else own.mean()
    return means


def planar_atoms(mol: Chem.Mol) -> set[int]:
    """Atoms that RDKit calls sp² (conjugated nitrogen included), and their resonance twins."""
    ranks = resonance_ranks(mol)
    planar = {
        ranks[atom.GetIdx()]
        for atom in mol.GetAtoms()
        if atom.GetHybridization() == Chem.HybridizationType.SP2
    }
    return {atom for atom, rank in enumerate(ranks) if rank in planar}


def linear_atoms(mol: Chem.Mol) -> set[int]:
    """Two-coordinate sp atoms: their angle is 180°. (SO₂, with its lone pair, is bent.)"""
    return {
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetDegree() == 2 and atom.GetHybridization() == Chem.HybridizationType.SP
    }


def proper_torsions(bonds, neighbours, linear) -> list[tuple]:
    """Chains i-j-k-l. None runs through a linear atom j or k, where the angle is undefined."""
    return [
        (int(i), int(j), int(k), int(m))
        for j, k in bonds
        if j not in linear and k not in linear
        for i in neighbours[j]
        for m in neighbours[k]
        if i != k and m != j and i != m
    ]


def nonbonded_pairs(neighbours) -> tuple[list[tuple], list[int]]:
    """Pairs i < j three or more bonds apart, and 1 for those exactly three apart.

    The shortest path counts: in a five-membered ring no pair is three bonds apart.
    """
    pairs, is_14 = [], []
    for start in range(len(neighbours)):
        distance, shell = {start: 0}, [start]
        while shell:
            shell = sorted({n for atom in shell for n in neighbours[atom]} - set(distance))
            distance |= {atom: max(distance.values()) + 1 for atom in shell}
        for other in range(start + 1, len(neighbours)):
            if distance.get(other, 4) >= 3:
                pairs.append((start, other))
                is_14.append(int(distance.get(other, 4) == 3))
    return pairs, is_14


def smallest_ring(rings: list[set], atoms) -> int:
    """Size of the smallest ring that holds all of `atoms`, 0 if there is none."""
    return min((len(ring) for ring in rings if ring.issuperset(atoms)), default=0)


def atom_features(mol, charges, orders, planar, linear) -> np.ndarray:
    """[atoms, ATOM_FEATURES]; a conjugated end drawn single is made equal to its twin."""
    order_sum = np.zeros(mol.GetNumAtoms())
    for bond, order in zip(mol.GetBonds(), orders, strict=True):
        order_sum[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]] += order
    rings = mol.GetRingInfo()
    rows = []
    for atom in mol.GetAtoms():
        i = atom.GetIdx()
        rows.append(
            [
                *(atom.GetSymbol() == element for element in FEATURE_ELEMENTS),
                *(atom.GetDegree() == n for n in range(1, 7)),
                charges[i],
                order_sum[i],
                atom.GetIsAromatic(),
                i in planar,
                i in linear,
                *(rings.IsAtomInRingOfSize(i, size) for size in RING_SIZES),
            ]
        )
    return np.array(rows, dtype="float32").reshape(mol.GetNumAtoms(), len(ATOM_FEATURES))


def bond_features(mol, orders) -> np.ndarray:
    """[bonds, BOND_FEATURES]."""
    rows = [
        [order, bond.GetIsAromatic(), bond.IsInRing()]
        for bond, order in zip(mol.GetBonds(), orders, strict=True)
    ]
    return np.array(rows, dtype="float32").reshape(-1, len(BOND_FEATURES))
