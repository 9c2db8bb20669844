"""Our molecules and OpenFF's; both in the order of the mapped SMILES."""

import numpy as np
from rdkit import Chem

from forceladder.errors import MoleculeError
from forceladder.molecules.read import (
    checked_mapped_molecule,
    checked_multiplicity,
    description,
    drawn_split,
)
from forceladder.openff.packages import openff_needed

SPLIT_FRACTIONS = {"validation": 0.1, "test": 0.1}  # the defaults of config.yaml


def openff_molecule(molecule: dict, positions=()):
    """openff.toolkit.Molecule with one conformer per positions [atoms, 3] Å.

    molecule: as `read_row` returns it
    raises: MoleculeError not_in_openff for radicals, which the toolkit does not know
    """
    with openff_needed():
        from openff.toolkit import Molecule, Quantity
        from openff.toolkit.utils.exceptions import RadicalsNotSupportedError

    try:
        made = Molecule.from_mapped_smiles(molecule["mapped_smiles"], allow_undefined_stereo=True)
    except RadicalsNotSupportedError:
        raise MoleculeError(
            "not_in_openff",
            f"{molecule['smiles']} is a radical, which OpenFF does not know; "
            "set qm.dataset_builder to rdkit.",
        ) from None
    for conformer in positions:
        made.add_conformer(Quantity(np.asarray(conformer, float), "angstrom"))
    made.name = molecule["id"]
    return made


def described_molecule(
    smiles: str, symbols, charge: float, multiplicity: int, split_fractions: dict
) -> dict:
    """What `read_row` says of a molecule, but for its id; atoms stay as the mapped SMILES has them.

    symbols, charge, multiplicity: what the geometries of this molecule say
    raises: MoleculeError parse_failed, several_components, atoms_disagree, charge_mismatch or
        impossible_multiplicity
    """
    table = Chem.GetPeriodicTable()
    numbers = [table.GetAtomicNumber(str(symbol)) for symbol in symbols]
    mol = checked_mapped_molecule(smiles, numbers)
    net_charge = Chem.GetFormalCharge(mol)
    if round(charge) != net_charge:
        raise MoleculeError(
            "charge_mismatch",
            f"the geometry has charge {charge:g}, the formal charges of {smiles[:80]} add up to "
            f"{net_charge}.",
        )
    named = description(mol)
    return named | {
        "multiplicity": checked_multiplicity(mol, str(multiplicity)),
        "split": drawn_split(named["inchikey"], split_fractions),
    }
