"""Established methods on the same geometries: MMFF94, UFF, GFN2-xTB and, where it can, OpenFF Sage.

Each takes a molecule (RDKit, explicit hydrogens), its charge and positions
[conformers, atoms, 3] in Å, and returns energies [conformers] in kcal/mol with gradients
[conformers, atoms, 3] in kcal/mol/Å; NaN where the method has no parameters.
"""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from forceladder.errors import MissingProgramError
from forceladder.openff.sage import sage_energies, why_no_sage
from forceladder.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KCAL,
    HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM,
)


def mmff94(mol, net_charge, positions):
    """MMFF94 (Halgren, J. Comput. Chem. 17, 490, 1996), RDKit's implementation."""
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, "MMFF94")

    def force_field(with_conformer):
        return rdForceFieldHelpers.MMFFGetMoleculeForceField(
            with_conformer, properties, nonBondedThresh=1e6
        )

    return _rdkit(mol, positions, force_field if properties else None)


def uff(mol, net_charge, positions):
    """UFF (Rappé et al., J. Am. Chem. Soc. 114, 10024, 1992), RDKit's: no electrostatics."""
    known = rdForceFieldHelpers.UFFHasAllMoleculeParams(mol)

    def force_field(with_conformer):
        return rdForceFieldHelpers.UFFGetMoleculeForceField(with_conformer, vdwThresh=1e6)

    return _rdkit(mol, positions, force_field if known else None)


def _rdkit(mol, positions, make_force_field):
    if make_force_field is None:
        return np.full(len(positions), np.nan), np.full(np.shape(positions), np.nan)
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.asarray(positions[0], float))
    mol.AddConformer(conformer)
    force_field = make_force_field(mol)
    force_field.Initialize()
    energies, gradients = [], []
    for x in positions:
        flat = np.asarray(x, float).ravel().tolist()
        energies.append(force_field.CalcEnergy(flat))
        gradients.append(np.reshape(force_field.CalcGrad(flat), (-1, 3)))
    return np.array(energies), np.array(gradients)


def gfn2_xtb(mol, net_charge, positions):
    """GFN2-xTB (Bannwarth et al., J. Chem. Theory Comput. 15, 1652, 2019), tblite's."""
    from tblite.interface import Calculator

    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    electrons = numbers.sum() - net_charge
    energies, gradients = [], []
    for x in positions:
        calculator = Calculator(
            "GFN2-xTB", numbers, np.asarray(x) / BOHR_IN_ANGSTROM,
            charge=float(net_charge), uhf=int(electrons % 2),
        )  # fmt: skip
        calculator.set("verbosity", 0)
        result = calculator.singlepoint()
        energies.append(result.get("energy") * HARTREE_IN_KCAL)
        gradients.append(result.get("gradient") * HARTREE_PER_BOHR_IN_KCAL_PER_ANGSTROM)
    return np.array(energies), np.array(gradients)


OPENFF_SAGE = "OpenFF Sage 2.3.0"


def openff_sage(mol, net_charge, positions):
    """OpenFF Sage 2.3.0 (Boothroyd et al., J. Chem. Theory Comput. 19, 3251, 2023, and since)."""
    return sage_energies(mol, net_charge, positions)


def available_baselines() -> tuple[dict, dict[str, str]]:
    """The baselines that can run here, by name; and a sentence for each that cannot."""
    here, absent = {"MMFF94": mmff94, "UFF": uff, "GFN2-xTB": gfn2_xtb}, {}
    if reason := why_no_sage():
        absent[OPENFF_SAGE] = reason
    else:
        here[OPENFF_SAGE] = openff_sage
    return here, absent


BASELINES, ABSENT_BASELINES = available_baselines()


def asked_baselines(with_openff: bool) -> dict:
    """Name → function of the baselines of a run: Sage only where it is asked for, so that a
    table does not depend on what else is installed.

    raises: MissingProgramError if Sage is asked for and cannot run here
    """
    if with_openff and OPENFF_SAGE in ABSENT_BASELINES:
        raise MissingProgramError(
            f"validation.openff_baseline asks for {OPENFF_SAGE}: {ABSENT_BASELINES[OPENFF_SAGE]}"
        )
    return {name: f for name, f in BASELINES.items() if with_openff or name != OPENFF_SAGE}
