"""Whose charges a molecule gets: the user's, those that it came with, or the force field's."""

import numpy as np
from rdkit import Chem

from forceladder.errors import MoleculeError
from forceladder.molecules.charges import checked_charges
from forceladder.molecules.read import short
from forceladder.molecules.topology import USER_CHARGE, number_of, user_charges

MOL2_CHARGE = "_TriposPartialCharge"  # RDKit's name for the last column of a mol2 file


def charges_of(mol: Chem.Mol, asked) -> list[float] | None:
    """The charges [atoms] e that the user means; None for those of the force field.

    asked: [atoms] e; None: those that the molecule carries (atom.dprop.PartialCharge of an SDF
        file, the atom property PartialCharge of a Mol, partial_charges of an OpenFF Molecule), if
        any; 'file': the same, also the last column of a mol2 file, which programs fill with
        whatever they have, and a refusal if there are none; 'force_field': never
    raises: MoleculeError charges_missing, charges_incomplete or charges_do_not_add_up
    """
    if isinstance(asked, str):
        return named_charges(mol, asked)
    if asked is None:
        carried = user_charges(mol)
        return checked_charges(mol, carried) if np.isfinite(carried).any() else None
    try:
        numbers = [float(charge) for charge in asked]
    except (TypeError, ValueError):
        raise MoleculeError(
            "charges_incomplete", f"charges are a number per atom, in e, not {short(repr(asked))}."
        ) from None
    return checked_charges(mol, numbers)


def named_charges(mol: Chem.Mol, asked: str) -> list[float] | None:
    if asked == "force_field":
        return None
    if asked != "file":
        raise MoleculeError(
            "charges_missing", f"charges are numbers, 'file' or 'force_field', not {asked!r}."
        )
    for name in (USER_CHARGE, MOL2_CHARGE):
        if any(atom.HasProp(name) for atom in mol.GetAtoms()):
            return checked_charges(mol, [number_of(atom, name) for atom in mol.GetAtoms()])
    raise MoleculeError("charges_missing", "the molecule comes without charges; leave 'file' out.")
