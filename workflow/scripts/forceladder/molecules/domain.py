"""What a set of molecules covers, and where another molecule departs from it.

An atom's environment is its element, number of neighbours, charge, whether it is aromatic or in a
ring, and the elements and bond orders of its neighbours: about what one layer of message passing
sees. Parameters of an environment that was never fitted to are a guess.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rdkit import Chem

from forceladder.molecules.connectivity import atom_name
from forceladder.molecules.read import molecule_from_mapped_smiles
from forceladder.molecules.topology import resonance_averages

DOMAIN = "domain.json"  # in a release
STRAINED = (3, 4)  # sizes of rings that are told apart: their angles are nobody else's
# How many times the largest molecule another one may be. Terms are local, but charges spread
# over, and sums of long range run over, the whole molecule.
FAR_BEYOND = 4


class Domain(NamedTuple):
    """molecules: how many; elements; net_charge: lowest and highest, e; atoms: of the largest;
    environments: each with the number of molecules that have it"""

    molecules: int
    elements: list[str]
    net_charge: list[int]
    atoms: int
    environments: dict[str, int]


def domain_of(smiles: Iterable[str]) -> Domain:
    """Of molecules by their mapped SMILES, at least one."""
    elements, charges, sizes, environments = set(), [], [], Counter()
    for mol in map(molecule_from_mapped_smiles, smiles):
        elements |= {atom.GetSymbol() for atom in mol.GetAtoms()}
        charges.append(Chem.GetFormalCharge(mol))
        sizes.append(mol.GetNumAtoms())
        environments.update(set(atom_environments(mol)))
    return Domain(
        len(sizes), sorted(elements), [min(charges), max(charges)], max(sizes),
        dict(sorted(environments.items())),
    )  # fmt: skip


def molecules_by_environment(smiles: Mapping[str, str]) -> dict[str, list[str]]:
    """Environment → names of the molecules that have it; smiles: name → mapped SMILES."""
    found: dict[str, list[str]] = {}
    for name, mapped in smiles.items():
        for kind in set(atom_environments(molecule_from_mapped_smiles(mapped))):
            found.setdefault(kind, []).append(name)
    return dict(sorted(found.items()))


def atom_environments(mol: Chem.Mol) -> list[str]:
    """[atoms], such as 'CX3 aromatic: H, 1.5 C, 1.5 N' or 'OX1 charge -0.5: 1.5 C'.

    mol: explicit hydrogens; X counts neighbours as in SMARTS, bonds without a number are single
    """
    charges, orders = resonance_averages(mol)
    return [environment(atom, charges, orders) for atom in mol.GetAtoms()]


def environment(atom: Chem.Atom, charges, orders) -> str:
    """charges [atoms], orders [bonds]: averages over resonance"""
    words = [f"{atom.GetSymbol()}X{atom.GetDegree()}"]
    if atom.GetIsAromatic():
        words.append("aromatic")
    if strain := [size for size in STRAINED if atom.IsInRingSize(size)]:
        words.append(f"ring of {strain[0]}")
    elif atom.IsInRing() and not atom.GetIsAromatic():
        words.append("ring")
    if charge := round(float(charges[atom.GetIdx()]), 2):
        words.append(f"charge {charge:+g}")
    around = sorted(
        (round(float(orders[bond.GetIdx()]), 2), bond.GetOtherAtom(atom).GetSymbol())
        for bond in atom.GetBonds()
    )
    names = [name if order == 1 else f"{order:g} {name}" for order, name in around]
    return f"{' '.join(words)}: {', '.join(names) or 'alone'}"


def departures(mol: Chem.Mol, domain: Domain) -> list[str]:
    """A sentence for each way in which a molecule is unlike those of the domain; elements apart,
    which are for the caller to refuse."""
    found = []
    charge, (lowest, highest) = Chem.GetFormalCharge(mol), domain.net_charge
    if not lowest <= charge <= highest:
        found.append(
            f"its net charge is {charge} e; those of the training set are {lowest} to {highest}."
        )
    if mol.GetNumAtoms() > FAR_BEYOND * domain.atoms:
        found.append(
            f"it has {mol.GetNumAtoms()} atoms, more than {FAR_BEYOND} times the {domain.atoms} of "
            "the largest training molecule."
        )
    strange: dict[str, list[str]] = {}
    for atom, name in enumerate(atom_environments(mol)):
        if name not in domain.environments:
            strange.setdefault(name, []).append(atom_name(mol, atom))
    for name, atoms in strange.items():
        which = ", ".join(atoms[:6]) + (", …" if len(atoms) > 6 else "")
        found.append(f"{which} ({name}) is like no atom of the training set.")
    return found
