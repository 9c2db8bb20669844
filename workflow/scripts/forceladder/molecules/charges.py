"""Atomic charges that the user brings with a molecule.

They travel as the entry `charges` of a molecule's description, in the order of its mapped
SMILES, and become an atom property where the topology is made (`molecules.topology`).
"""

import math

from rdkit import Chem

from forceladder.errors import MoleculeError
from forceladder.molecules.topology import USER_CHARGE, user_charges

LARGEST_MISFIT = 1e-3  # e, of their sum from the net charge: files round to three or four digits


def checked_charges(mol: Chem.Mol, charges) -> list[float]:
    """The charges [atoms] e as plain numbers; the rounding of their sum is spread over the atoms.

    mol: explicit hydrogens
    raises: MoleculeError charges_incomplete or charges_do_not_add_up
    """
    charges, atoms = [float(charge) for charge in charges], mol.GetNumAtoms()
    known = sum(map(math.isfinite, charges))
    if not known == len(charges) == atoms:
        raise MoleculeError(
            "charges_incomplete",
            f"{known} charges for {atoms} atoms, hydrogens included; give every atom one, or none.",
        )
    misfit = Chem.GetFormalCharge(mol) - math.fsum(charges)
    if abs(misfit) > LARGEST_MISFIT:
        raise MoleculeError(
            "charges_do_not_add_up",
            f"the charges given add up to {math.fsum(charges):.6g} e, the formal charges to "
            f"{Chem.GetFormalCharge(mol)}; they may differ by {LARGEST_MISFIT:g}.",
        )
    return [charge + misfit / atoms for charge in charges]


def with_charges(mol: Chem.Mol, charges: list[float] | None) -> Chem.Mol:
    """The molecule with the charges as a property of its atoms; itself where there are none."""
    if charges is None:
        return mol
    mol = Chem.Mol(mol)
    for atom, charge in zip(mol.GetAtoms(), charges, strict=True):
        atom.SetDoubleProp(USER_CHARGE, charge)
    return mol


def transferred_charges(given: Chem.Mol, mol: Chem.Mol) -> list[float] | None:
    """Charges that atoms of one drawing of a molecule carry, in the order of another's.

    Atoms that symmetry makes equal take each other's place freely.

    given, mol: explicit hydrogens
    raises: MoleculeError charges_incomplete or charges_do_not_add_up
    """
    charges = user_charges(given)
    if not any(map(math.isfinite, charges)):
        return None
    places = given.GetSubstructMatch(mol, useChirality=True) or given.GetSubstructMatch(mol)
    return checked_charges(mol, [charges[place] for place in places])
