"""Established methods: MMFF94, UFF, GFN2-xTB and, where it can, OpenFF Sage.

Each takes a molecule (RDKit, explicit hydrogens) and its charge, and returns its Surface; None
where the method has no parameters for it.
"""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from forceladder.errors import MethodError, MissingProgramError
from forceladder.molecules.positions import with_positions
from forceladder.openff.sage import sage_system, why_no_sage
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)
from forceladder.validate.surface import Surface, openmm_surface, python_surface


def mmff94(mol: Chem.Mol, net_charge: int) -> Surface | None:
    """MMFF94 (Halgren, J. Comput. Chem. 17, 490, 1996), RDKit's implementation."""
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, "MMFF94")

    def force_field(with_conformer):
        return rdForceFieldHelpers.MMFFGetMoleculeForceField(
            with_conformer, properties, nonBondedThresh=1e6, ignoreInterfragInteractions=False
        )

    return _rdkit(mol, force_field) if properties else None


def uff(mol: Chem.Mol, net_charge: int) -> Surface | None:
    """UFF (Rappé et al., J. Am. Chem. Soc. 114, 10024, 1992), RDKit's: no electrostatics."""

    def force_field(with_conformer):
        return rdForceFieldHelpers.UFFGetMoleculeForceField(
            with_conformer, vdwThresh=1e6, ignoreInterfragInteractions=False
        )

    return _rdkit(mol, force_field) if rdForceFieldHelpers.UFFHasAllMoleculeParams(mol) else None


def _rdkit(mol, make_force_field) -> Surface:
    """The force field is made at the first geometry: what it takes from there are the pairs
    within its threshold, which is beyond all of them."""
    made = []

    def evaluate(positions):
        if not made:
            made.append(make_force_field(with_positions(mol, positions)))
            made[0].Initialize()
        flat = positions.ravel().tolist()
        return made[0].CalcEnergy(flat), np.reshape(made[0].CalcGrad(flat), (-1, 3))

    return python_surface(mol, evaluate)


def gfn2_xtb(mol: Chem.Mol, net_charge: int) -> Surface:
    """GFN2-xTB (Bannwarth et al., J. Chem. Theory Comput. 15, 1652, 2019), tblite's."""
    from tblite.exceptions import TBLiteRuntimeError
    from tblite.interface import Calculator

    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    electrons = int(numbers.sum()) - net_charge

    def evaluate(positions):
        try:
            # a calculator for each geometry: what one remembers would depend on the order
            calculator = Calculator(
                "GFN2-xTB", numbers, positions / BOHR_IN_ANGSTROM,
                charge=float(net_charge), uhf=electrons % 2,
            )  # fmt: skip
            calculator.set("verbosity", 0)
            result = calculator.singlepoint()
        except TBLiteRuntimeError as error:
            raise MethodError(f"GFN2-xTB gives no energy here: {error}.") from error
        gradient = result.get("gradient") * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM
        return result.get("energy") * HARTREE_IN_KCAL, gradient

    return python_surface(mol, evaluate)


def openff_sage(mol: Chem.Mol, net_charge: int) -> Surface | None:
    """OpenFF Sage 2.3.0 (Boothroyd et al., J. Chem. Theory Comput. 19, 3251, 2023, and since)."""
    system = sage_system(mol, net_charge)
    return None if system is None else openmm_surface(system)


OPENFF_SAGE = "OpenFF Sage 2.3.0"
BASELINES = {"MMFF94": mmff94, "UFF": uff, "GFN2-xTB": gfn2_xtb, OPENFF_SAGE: openff_sage}


def require_baseline(name: str):
    """Raise MissingProgramError if a baseline cannot run here."""
    if name == OPENFF_SAGE and (reason := why_no_sage()):
        raise MissingProgramError(f"validation.baselines asks for {OPENFF_SAGE}: {reason}")
