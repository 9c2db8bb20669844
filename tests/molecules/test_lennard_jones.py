"""Lennard-Jones parameters against the OpenFF Toolkit's own labels."""

from collections import Counter

import pytest

from examples import mol_of
from forceladder.errors import MoleculeError
from forceladder.molecules.lennard_jones import lennard_jones_parameters

# (element, σ/Å, ε/kcal/mol): atoms, from OpenFF Toolkit 0.18.0 and openff-2.3.0.offxml:
#   for (i,), p in ForceField("openff-2.3.0.offxml").label_molecules(
#       Molecule.from_smiles(smiles).to_topology())[0]["vdW"].items(): …
# σ is 2 rmin_half / 2^(1/6).
OPENFF = {
    "C": {(1, 2.6639341018, 0.0133662812): 4, (6, 3.3879710734, 0.1205698919): 1},
    "CCO": {
        (1, 0.5330964134, 1.23206e-05): 1, (1, 2.5586037672, 0.0189199742): 2,
        (1, 2.6639341018, 0.0133662812): 3, (6, 3.3879710734, 0.1205698919): 2,
        (8, 3.0237212943, 0.1353608646): 1,
    },
    "CC(=O)[O-]": {
        (1, 2.6639341018, 0.0133662812): 3, (6, 3.3879710734, 0.1205698919): 1,
        (6, 3.489032437, 0.1033185744): 1, (8, 3.0324958093, 0.2245605099): 2,
    },
    "CC(=O)NC": {
        (1, 1.1592764058, 0.0138680943): 1, (1, 2.5586037672, 0.0189199742): 3,
        (1, 2.6639341018, 0.0133662812): 3, (6, 3.3879710734, 0.1205698919): 2,
        (6, 3.489032437, 0.1033185744): 1, (7, 3.2880617259, 0.1025954704): 1,
        (8, 3.0324958093, 0.2245605099): 1,
    },
    "CS(=O)(=O)c1ccccc1": {
        (1, 2.5586037672, 0.0189199742): 3, (1, 2.635395912, 0.0159753738): 5,
        (6, 3.3879710734, 0.1205698919): 1, (6, 3.489032437, 0.1033185744): 6,
        (8, 3.0324958093, 0.2245605099): 2, (16, 3.5635948726, 0.25): 1,
    },
    "FC(F)(F)CCl": {
        (1, 2.5586037672, 0.0189199742): 2, (6, 3.3879710734, 0.1205698919): 2,
        (9, 3.1181455135, 0.061): 3, (17, 3.2913536121, 0.2378672482): 1,
    },
    "c1ccc(Br)nc1": {
        (1, 2.4424975589, 0.0176137973): 1, (1, 2.635395912, 0.0159753738): 3,
        (6, 3.489032437, 0.1033185744): 5, (7, 3.2880617259, 0.1025954704): 1,
        (35, 3.5003149752, 0.3359052483): 1,
    },
    "CC[NH3+]": {
        (1, 1.1592764058, 0.0138680943): 3, (1, 1.9599771799, 0.0157): 2,
        (1, 2.6639341018, 0.0133662812): 3, (6, 3.3879710734, 0.1205698919): 2,
        (7, 3.2880617259, 0.1025954704): 1,
    },
    "CSSC": {
        (1, 2.5586037672, 0.0189199742): 6, (6, 3.3879710734, 0.1205698919): 2,
        (16, 3.5635948726, 0.25): 2,
    },
    "IC#C": {
        (1, 2.5996424595, 0.015): 1, (6, 3.3962896144, 0.2681357839): 2,
        (53, 4.1872239753, 0.4): 1,
    },
    "COP(=O)([O-])OC": {
        (1, 2.5586037672, 0.0189199742): 6, (6, 3.3879710734, 0.1205698919): 2,
        (8, 3.0324958093, 0.2245605099): 2, (8, 3.0333765603, 0.0853255203): 2,
        (15, 3.7417746162, 0.2): 1,
    },
    "Oc1ccccc1": {
        (1, 0.5330964134, 1.23206e-05): 1, (1, 2.635395912, 0.0159753738): 5,
        (6, 3.489032437, 0.1033185744): 6, (8, 3.0237212943, 0.1353608646): 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("smiles", OPENFF)
def test_parameters_agree_with_openff_toolkit(smiles):
    mol = mol_of(smiles)
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    sigma, epsilon = lennard_jones_parameters(mol)
    rows = zip(numbers, sigma.round(10).tolist(), epsilon.round(10).tolist(), strict=True)
    assert Counter(rows) == OPENFF[smiles]


@pytest.mark.parametrize("smiles, atom", [("C[Si](C)(C)C", "Si"), ("OB(O)C", "B")])
def test_element_without_a_type_is_named(smiles, atom):
    with pytest.raises(MoleculeError, match=rf"matches atom \d+ \({atom}\)") as caught:
        lennard_jones_parameters(mol_of(smiles))
    assert caught.value.code == "no_lennard_jones_type"
