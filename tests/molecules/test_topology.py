"""Index tables against RDKit's pattern matching; features against symmetry."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem, Descriptors

from examples import SMILES, mol_of, read
from forceladder.errors import MoleculeError
from forceladder.molecules.lennard_jones import lennard_jones_parameters
from forceladder.molecules.topology import (
    ATOM_FEATURES,
    BOND_FEATURES,
    linear_atoms,
    planar_atoms,
    resonance_averages,
    resonance_ranks,
    topology_arrays,
)


def chains(mol: Chem.Mol, smarts: str) -> Counter:
    """Every match of an unbranched pattern once, whichever end it starts from."""
    matches = mol.GetSubstructMatches(Chem.MolFromSmarts(smarts), uniquify=False, maxMatches=10**6)
    return Counter(min(match, match[::-1]) for match in set(matches) if match <= match[::-1])


def rows(table) -> Counter:
    return Counter(min(tuple(row), tuple(row[::-1])) for row in table.tolist())


@pytest.mark.parametrize("smiles", SMILES)
def test_bonds_angles_and_torsions_are_those_that_smarts_finds(smiles):
    mol = mol_of(smiles)
    arrays = topology_arrays(mol)
    assert rows(arrays["bond_atoms"]) == chains(mol, "*~*")
    assert rows(arrays["angle_atoms"]) == chains(mol, "*~*~*")
    linear = linear_atoms(mol)
    torsions = chains(mol, "*~*~*~*")
    defined = {chain: n for chain, n in torsions.items() if not linear & set(chain[1:3])}
    assert rows(arrays["torsion_atoms"]) == Counter(defined)


@pytest.mark.parametrize("smiles", SMILES)
def test_pairs_are_those_three_or_more_bonds_apart(smiles):
    mol = mol_of(smiles)
    arrays = topology_arrays(mol)
    distance = Chem.GetDistanceMatrix(mol)
    far = {(int(i), int(j)) for i, j in np.argwhere(distance >= 3) if i < j}
    assert rows(arrays["pair_atoms"]) == Counter(far)
    i, j = arrays["pair_atoms"].T
    np.testing.assert_array_equal(arrays["pair_is_14"], distance[i, j] == 3)


@pytest.mark.parametrize("smiles", SMILES)
def test_torsion_paths_count_the_torsions_around_each_bond(smiles):
    arrays = topology_arrays(mol_of(smiles))
    bonds = [tuple(sorted(row)) for row in arrays["torsion_atoms"][:, 1:3].tolist()]
    assert arrays["torsion_paths"].tolist() == [bonds.count(bond) for bond in bonds]


@pytest.mark.parametrize(
    "smiles, ring, rest",
    [("C1CC1", {3: 3}, 15), ("C1CCC1", {4: 4}, 20), ("c1ccccc1", {6: 6}, 12),
     ("CCC", {}, 18), ("C1C[C@@H]2C[C@H]12", {3: 3, 4: 4}, 23)],
)  # fmt: skip
def test_angle_within_a_ring_has_the_smallest_ring_that_holds_it(smiles, ring, rest):
    sizes = Counter(topology_arrays(mol_of(smiles))["angle_ring"].tolist())
    outside = sizes.pop(0)
    assert sizes == ring
    assert outside == rest


@pytest.mark.parametrize("smiles", SMILES)
def test_masses_and_charges_add_up_to_the_molecules(smiles):
    mol = mol_of(smiles)
    arrays = topology_arrays(mol)
    assert arrays["mass"].sum() == pytest.approx(Descriptors.MolWt(mol), rel=1e-9)
    assert arrays["formal_charge"].sum() == pytest.approx(read(smiles)["net_charge"], abs=1e-12)


# symmetry


def canonical(arrays: dict, order) -> dict:
    """Arrays whose atoms and rows no longer know the order in which the atoms came."""
    order = np.asarray(order)  # new atom i was old atom order[i]
    atoms = np.argsort(order)
    result = {
        name: arrays[name][atoms]
        for name in ("atomic_number", "mass", "formal_charge", "atom_features", "lj_sigma",
                     "lj_epsilon")
    }  # fmt: skip

    def table(name, *columns):
        indices = order[arrays[f"{name}_atoms"]].tolist()
        if name == "improper":
            keys = [(row[0], *sorted(row[1:])) for row in indices]
        else:
            keys = [min(tuple(row), tuple(row[::-1])) for row in indices]
        values = [np.asarray(arrays[column]).tolist() for column in columns]
        return sorted(zip(keys, *values, strict=True))

    return result | {
        "bond": table("bond", "bond_features"),
        "angle": table("angle", "angle_ring"),
        "torsion": table("torsion", "torsion_paths"),
        "improper": table("improper"),
        "pair": table("pair", "pair_is_14"),
    }


@given(st.sampled_from(SMILES), st.randoms(use_true_random=False))
def test_order_of_atoms_changes_nothing_but_their_numbers(smiles, random):
    mol = mol_of(smiles)
    count = mol.GetNumAtoms()
    order = random.sample(range(count), count)
    before = canonical(topology_arrays(mol), range(count))
    after = canonical(topology_arrays(Chem.RenumberAtoms(mol, order)), order)
    for name, value in before.items():
        np.testing.assert_equal(after[name], value, err_msg=name)


RESONANCE = [
    ("CC(=O)[O-]", "[O]"), ("CS(=O)(=O)[O-]", "[O]"), ("COP(=O)([O-])[O-]", "[OX1]"),
    ("C[N+](=O)[O-]", "[O]"), ("NC(N)=[NH2+]", "[N]"), ("CC(N)=[NH2+]", "[N]"),
    ("Cn1cc[n+](C)c1", "[n]"), ("CC(=O)[CH-]C(C)=O", "[O]"), ("CC(=S)[S-]", "[S]"),
    ("[O-]C(=O)/C=C/C(=O)[O-]", "[O]"), ("CP(=O)([O-])[O-]", "[O]"), ("[O-]N=O", "[O]"),
]  # fmt: skip


@pytest.mark.parametrize("smiles", ["Cn1cc[n+](C)c1", "C[N+](C)=C(N(C)C)N(C)C", "NC(N)=[NH2+]"])
def test_atoms_equal_by_resonance_have_equal_lennard_jones_parameters(smiles):
    """Sage's table looks at drawn charges: an imidazolium has one methyl beside N⁺ in it."""
    mol = mol_of(smiles)
    arrays, ranks = topology_arrays(mol), np.array(resonance_ranks(mol))
    for name in ("lj_sigma", "lj_epsilon"):
        for rank in set(ranks):
            assert len(set(arrays[name][ranks == rank])) == 1
    drawn = lennard_jones_parameters(mol)
    np.testing.assert_allclose(arrays["lj_sigma"].sum(), drawn[0].sum(), rtol=1e-14)
    np.testing.assert_allclose(arrays["lj_epsilon"].sum(), drawn[1].sum(), rtol=1e-14)


@pytest.mark.parametrize("smiles", ["FS(F)(F)(F)(F)F", "FP(F)(F)(F)F", "F[P-](F)(F)(F)(F)F"])
def test_more_than_four_neighbours_are_refused(smiles):
    """Angles of 90° and of 180° to one reference angle: a force with an edge at the minimum."""
    with pytest.raises(MoleculeError, match="neighbours; angles of more than 4") as caught:
        topology_arrays(mol_of(smiles))
    assert caught.value.code == "too_many_neighbours"


@pytest.mark.parametrize("smiles, smarts", RESONANCE)
def test_atoms_equal_by_resonance_have_equal_features(smiles, smarts):
    mol = mol_of(smiles)
    arrays = topology_arrays(mol)
    atoms = [match[0] for match in mol.GetSubstructMatches(Chem.MolFromSmarts(smarts))]
    assert len(atoms) > 1
    for name in ("atom_features", "formal_charge", "lj_sigma", "lj_epsilon"):
        assert (arrays[name][atoms] == arrays[name][atoms[0]]).all(), name
    if all(mol.GetAtomWithIdx(i).GetDegree() == 1 for i in atoms):
        at_an_end = [bool(set(ends) & set(atoms)) for ends in arrays["bond_atoms"].tolist()]
        features = arrays["bond_features"][at_an_end]
        assert (features == features[0]).all()


def test_carboxylate_oxygens_share_their_charge():
    charges, orders = resonance_averages(mol_of("CC(=O)[O-]"))
    assert sorted(charges) == [-0.5, -0.5, 0, 0, 0, 0, 0]
    assert sorted(orders) == [1, 1, 1, 1, 1.5, 1.5]


def test_carboxylic_acid_oxygens_do_not_share():
    _, orders = resonance_averages(mol_of("CC(=O)O"))
    assert sorted(orders) == [1, 1, 1, 1, 1, 1, 2]


def test_biphenylene_rings_are_aromatic_and_joined_by_single_bonds():
    """The joining bonds link atoms of the same class as two bonds within the rings do."""
    mol = mol_of("c1ccc2c(c1)-c1ccccc1-2")
    _, orders = resonance_averages(mol)
    carbons = [
        bond.GetIdx()
        for bond in mol.GetBonds()
        if bond.GetBeginAtom().GetAtomicNum() == bond.GetEndAtom().GetAtomicNum()
    ]
    assert Counter(orders[carbons]) == {1.5: 12, 1.0: 2}


@given(st.sampled_from(SMILES))
def test_atoms_that_an_automorphism_exchanges_have_equal_features(smiles):
    mol = mol_of(smiles)
    arrays = topology_arrays(mol)
    for match in mol.GetSubstructMatches(mol, uniquify=False, maxMatches=200):
        np.testing.assert_array_equal(arrays["atom_features"][list(match)], arrays["atom_features"])


# shape: what is called planar or linear is so in space


def embedded(smiles: str):
    mol = mol_of(smiles)
    assert AllChem.EmbedMolecule(mol, randomSeed=1) == 0
    AllChem.MMFFOptimizeMolecule(mol, maxIters=5000)
    return mol, mol.GetConformer().GetPositions()


@pytest.mark.parametrize(
    "smiles", ["CC(=O)NC", "c1ccccc1C", "C=C", "CC(=O)[O-]", "C[N+](=O)[O-]", "NC(N)=[NH2+]",
               "c1cc[nH]c1", "CC=C=O", "C#CC", "CN=[N+]=[N-]", "N#Cc1ccccc1", "CN(C)C",
               "CS(C)(=O)=O"],
)  # fmt: skip
def test_improper_centres_are_planar_and_linear_atoms_straight_in_space(smiles):
    mol, positions = embedded(smiles)
    arrays = topology_arrays(mol)
    centres = set()
    for centre, *around in arrays["improper_atoms"].tolist():
        normal = np.cross(positions[around[1]] - positions[around[0]],
                          positions[around[2]] - positions[around[0]])  # fmt: skip
        height = (positions[centre] - positions[around[0]]) @ normal / np.linalg.norm(normal)
        assert abs(height) < 0.2  # Å; a pyramidal nitrogen stands 0.4 above
        centres.add(centre)
    three = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetDegree() == 3}
    assert centres == three & planar_atoms(mol)
    straight = set()
    for i, centre, k in arrays["angle_atoms"].tolist():
        arms = positions[i] - positions[centre], positions[k] - positions[centre]
        cosine = arms[0] @ arms[1] / np.linalg.norm(arms[0]) / np.linalg.norm(arms[1])
        if cosine < np.cos(np.radians(170)):
            straight.add(centre)
    assert straight == linear_atoms(mol)


@pytest.mark.parametrize(
    "smiles, count", [("c1ccccc1", 6), ("C=O", 1), ("CC(=O)NC", 2), ("N", 0), ("CC", 0), ("O", 0)]
)
def test_number_of_impropers(smiles, count):
    assert len(topology_arrays(mol_of(smiles))["improper_atoms"]) == count


def test_bent_sulfur_dioxide_is_not_linear():
    assert linear_atoms(mol_of("O=S=O")) == set()
    assert linear_atoms(mol_of("O=C=O")) == {1}


# features and degenerate molecules


def test_features_of_ethanol_read_as_named():
    mol = mol_of("CCO")
    features = topology_arrays(mol)["atom_features"]
    oxygen = dict(zip(ATOM_FEATURES, features[2].tolist(), strict=True))
    assert {name for name, value in oxygen.items() if value} == {
        "is_O", "has_2_neighbours", "bond_order_sum",
    }  # fmt: skip
    assert oxygen["bond_order_sum"] == 2.0


@pytest.mark.parametrize("smiles", SMILES)
def test_each_atom_has_one_element_and_its_number_of_neighbours(smiles):
    mol = mol_of(smiles)
    features = topology_arrays(mol)["atom_features"]
    named = dict(zip(ATOM_FEATURES, features.T, strict=True))
    elements = sum(column for name, column in named.items() if name.split("_")[0] == "is"
                   and name not in ("is_aromatic", "is_planar", "is_linear"))  # fmt: skip
    np.testing.assert_array_equal(elements, 1)
    degree = sum(n * named[f"has_{n}_neighbours"] for n in range(1, 7))
    np.testing.assert_array_equal(degree, [atom.GetDegree() for atom in mol.GetAtoms()])


@pytest.mark.parametrize("smiles", ["[H][H]", "O", "[OH-]", "C"])
def test_small_molecule_has_empty_tables_of_the_right_shape(smiles):
    arrays = topology_arrays(mol_of(smiles))
    for name, width in (("torsion", 4), ("improper", 4), ("pair", 2)):
        assert arrays[f"{name}_atoms"].shape == (0, width)
    assert arrays["angle_atoms"].shape[1] == 3
    assert arrays["bond_features"].shape[1] == len(BOND_FEATURES)


def test_arrays_hold_no_nan_but_for_charges_that_nobody_gave():
    for smiles in SMILES:
        for name, values in topology_arrays(mol_of(smiles)).items():
            known = np.isnan(values) if name == "user_charge" else np.isfinite(values)
            assert known.all(), (smiles, name)
