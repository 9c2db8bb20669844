"""The force field before any fit: UFF's numbers, planar double bonds, straight sp atoms."""

import math

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from examples import SMILES, mol_of, read
from force_fields import topology, untrained_rung
from forceladder.errors import MoleculeError
from forceladder.model import priors
from forceladder.molecules.topology import linear_atoms


def typed(smiles) -> bool:
    """Whether the priors and the Lennard-Jones table know all of the molecule."""
    try:
        graph = topology(smiles)
    except MoleculeError:
        return False
    return set(graph.atomic_number.tolist()) <= set(priors.ELEMENTS)


KNOWN = [smiles for smiles in SMILES if typed(smiles)]


def bond_parameters(smiles):
    """(bond, length, force constant) of every bond, before any fit."""
    graph = topology(smiles)
    length = priors.bond_length(graph, priors.bond_order(graph), graph.atoms["bond"])
    constant = priors.bond_force_constant(graph, length)
    return zip(graph.atoms["bond"].tolist(), length.tolist(), constant.tolist(), strict=True)


@pytest.mark.parametrize("smiles", ["CC", "C=C", "C#C", "NN", "OO", "CSSC", "[H][H]", "c1ccccc1"])
def test_bond_between_like_elements_is_uffs(smiles):
    """RDKit's UFF; between unlike ones UFF also has a small electronegativity correction."""
    mol = mol_of(smiles)
    compared = 0
    for (i, j), length, constant in bond_parameters(smiles):
        order = mol.GetBondBetweenAtoms(i, j).GetBondTypeAsDouble()
        if mol.GetAtomWithIdx(i).GetSymbol() != mol.GetAtomWithIdx(j).GetSymbol():
            continue
        uff_constant, uff_length = rdForceFieldHelpers.GetUFFBondStretchParams(mol, i, j)
        # Ours has one radius per element; UFF's depends on hybridization.
        assert length == pytest.approx(uff_length, rel=1e-6 if order == 1 else 0.08)
        assert constant == pytest.approx(uff_constant, rel=1e-4 if order == 1 else 0.25)
        compared += 1
    assert compared


def test_bond_between_unlike_elements_is_near_uffs():
    for smiles in ("CO", "CN", "CF", "CCl", "CBr", "CS", "COP(=O)(OC)OC"):
        mol = mol_of(smiles)
        for (i, j), length, _ in bond_parameters(smiles):
            if mol.GetBondBetweenAtoms(i, j).GetBondTypeAsDouble() == 1:
                assert length == pytest.approx(
                    rdForceFieldHelpers.GetUFFBondStretchParams(mol, i, j)[1], rel=0.08
                )


def test_angle_force_constant_is_uffs():
    mol, graph = mol_of("CCC"), topology("CCC")
    centre = graph.atoms["angle"].tolist()
    carbons = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetSymbol() == "C"}
    (row,) = [r for r, atoms in enumerate(centre) if set(atoms) <= carbons]
    uff_constant, degrees = rdForceFieldHelpers.GetUFFAngleBendParams(mol, *centre[row])
    theta = torch.full((len(centre),), math.radians(degrees), dtype=torch.float64)
    lengths = torch.full((len(centre), 2), 1.514, dtype=torch.float64)
    ours = priors.angle_force_constant(graph, theta, lengths)[row]
    assert float(ours) == pytest.approx(uff_constant, rel=1e-3)


@pytest.mark.parametrize("smiles", KNOWN)
def test_every_prior_is_sane(smiles):
    """Of every molecule that the house can read and type."""
    graph = topology(smiles)
    terms = untrained_rung(graph)(graph).terms
    length = terms["bond_harmonic"]["length"]
    assert bool(((length > 0.6) & (length < 2.9)).all())
    assert bool((terms["bond_harmonic"]["force_constant"] > 100.0).all())
    angle = terms["angle_harmonic"]["angle"]
    assert bool(((angle > math.radians(59.0)) & (angle <= math.pi)).all())
    assert bool((terms["angle_harmonic"]["force_constant"] > 20.0).all())
    assert bool(torch.isfinite(terms["torsion_cosine"]["amplitude"]).all())


@pytest.mark.parametrize("smiles", [*KNOWN, "O=S=O", "O=C=O", "CN=C=NC", "C[N+]#[C-]", "N#N"])
def test_angle_is_straight_exactly_at_sp_atoms(smiles):
    """The judge of the torsion table is the judge of the angles too; SO₂ is bent."""
    graph, linear = topology(smiles), linear_atoms(mol_of(smiles))
    centres = graph.atoms["angle"][:, 1].tolist()
    straight = priors.is_linear(graph).tolist()
    assert straight == [centre in linear for centre in centres]
    angles = priors.equilibrium_angle(graph).tolist()
    assert [angle == math.pi for angle in angles] == straight


@pytest.mark.parametrize("smiles, degrees", [("C1CC1", 60.0), ("C1CCC1", 90.0), ("C1CCCC1", 107.0)])
def test_angles_within_small_rings_are_those_of_the_ring(smiles, degrees):
    mol, graph = mol_of(smiles), topology(smiles)
    angle = np.degrees(priors.equilibrium_angle(graph).numpy())
    for atoms, value in zip(graph.atoms["angle"].tolist(), angle, strict=True):
        ring = all(mol.GetAtomWithIdx(atom).IsInRing() for atom in atoms)
        assert value == pytest.approx(degrees if ring else 109.47, abs=1e-9)


@pytest.mark.parametrize("smiles, order", [("C=C", 2.0), ("CC", 1.0), ("CC(=O)NC", 1.0),
                                           ("F/C=C/F", 2.0), ("c1ccccc1", 1.5)])  # fmt: skip
def test_twisting_a_multiple_bond_costs_twelve_kcal_per_order_above_one(smiles, order):
    """V(90°) − V(0°) = −2 V₂, summed over the torsions about one bond."""
    mol, graph = mol_of(smiles), topology(smiles)
    amplitude = priors.torsion_amplitudes(graph, 4)
    assert bool((amplitude[:, [0, 2, 3]] == 0.0).all())
    whole = {}
    for atoms, v2 in zip(graph.atoms["torsion"].tolist(), amplitude[:, 1].tolist(), strict=True):
        bond = tuple(sorted(atoms[1:3]))
        whole[bond] = whole.get(bond, 0.0) + v2
    for (i, j), v2 in whole.items():
        bond = mol.GetBondBetweenAtoms(i, j).GetBondTypeAsDouble()
        assert v2 == pytest.approx(-12.0 * (bond - 1.0), abs=1e-12)
    assert max(mol.GetBondBetweenAtoms(*bond).GetBondTypeAsDouble() for bond in whole) == order


def test_water_has_the_charges_of_the_closed_form():
    """Two equations by hand: q_H = (χ_O − χ_H) / 3η."""
    graph = topology("O")
    charge = untrained_rung(graph)(graph).charge.detach()
    hydrogen = (3.44 - 2.20) / (3.0 * 1.5)
    np.testing.assert_allclose(charge, [-2 * hydrogen, hydrogen, hydrogen], atol=1e-14)
    assert float(charge[0]) == pytest.approx(-0.55, abs=0.01)


@pytest.mark.parametrize("smiles, charged", [("CC(=O)[O-]", "CO"), ("C[NH3+]", "CNH")])
def test_charge_of_an_ion_stays_about_where_it_is_drawn(smiles, charged):
    """Against the neutral acid or amine: the headgroup takes more than half of the change."""
    neutral = {"CC(=O)[O-]": "CC(=O)O", "C[NH3+]": "CN"}[smiles]

    def headgroup(name):
        mol, graph = mol_of(name), topology(name)
        charge = untrained_rung(graph)(graph).charge.detach().numpy()
        methyl = mol.GetSubstructMatch(Chem.MolFromSmarts("[CH3]"))[0]
        group = {methyl, *(n.GetIdx() for n in mol.GetAtomWithIdx(methyl).GetNeighbors()
                           if n.GetSymbol() == "H")}  # fmt: skip
        return sum(q for i, q in enumerate(charge) if i not in group)

    net = read(smiles)["net_charge"]
    assert net * (headgroup(smiles) - headgroup(neutral)) > 0.5


def test_element_without_a_prior_is_an_error():
    graph = topology("O")
    with pytest.raises(KeyError):
        priors.element_property(
            graph._replace(atomic_number=torch.full_like(graph.atomic_number, 92)), 0
        )
