"""OpenFF force fields as OpenMM systems in vacuum: SMIRNOFF → Interchange → OpenMM.

Sage 2.3.0 is openff-2.3.0.offxml of openff-forcefields (CC-BY 4.0). Its constraints of bonds
with hydrogen are taken out: they belong to dynamics, and a force field is judged by all its
forces, those along X–H bonds included.
"""

import shutil
from functools import lru_cache

import numpy as np
from rdkit import Chem

from forceladder.errors import MissingProgramError
from forceladder.job import log
from forceladder.openff.packages import HOW, is_installed, openff_needed

SAGE = "openff-2.3.0.offxml"
NAGL_MODEL = "openff-gnn-am1bcc-1.0.0.pt"  # the one that openff-2.3.0.offxml names


def sage_system(mol: Chem.Mol, net_charge: int, force_field: str = SAGE, charges=None):
    """openmm.System of one molecule in vacuum; None where the force field or the charge model does
    not know it.

    mol: explicit hydrogens
    force_field: a name that the OpenFF toolkit finds, or a path to an .offxml file
    charges: [atoms] e, that add up to net_charge; None: NAGL's, else AM1-BCC of AmberTools
    raises: MissingProgramError
    """
    with openff_needed():
        from openff.interchange.exceptions import UnassignedValenceError
        from openff.toolkit import Molecule
        from openff.toolkit.utils.exceptions import RadicalsNotSupportedError

    name = Chem.MolToSmiles(Chem.RemoveHs(mol))
    try:
        molecule = Molecule.from_rdkit(
            mol, allow_undefined_stereo=True, hydrogens_are_explicit=True
        )
        set_charges(molecule, net_charge, charges)
        interchange = loaded_force_field(force_field).create_interchange(
            molecule.to_topology(), charge_from_molecules=[molecule]
        )
    except (RadicalsNotSupportedError, UnassignedValenceError, _NoCharges) as error:
        log.warning("%s has no parameters for %s: %s", force_field, name, _first_line(error))
        return None
    return interchange.to_openmm_system()


class _NoCharges(Exception):
    """The charge model is there but does not know this molecule."""


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


@lru_cache
def loaded_force_field(name: str):
    """openff.toolkit.ForceField without its constraints."""
    with openff_needed():
        from openff.toolkit import ForceField

    try:
        force_field = ForceField(name)
    except OSError as error:
        raise MissingProgramError(
            f"{name} is not in the installed openff-forcefields; {HOW}."
        ) from error
    if "Constraints" in force_field.registered_parameter_handlers:
        force_field.deregister_parameter_handler("Constraints")
    return force_field


def set_charges(molecule, net_charge: int, charges):
    """Set the partial charges of an openff.toolkit.Molecule: the given ones, or a model's."""
    from openff.toolkit import Quantity
    from openff.toolkit.utils.ambertools_wrapper import AmberToolsToolkitWrapper
    from openff.toolkit.utils.exceptions import ChargeCalculationError
    from openff.toolkit.utils.nagl_wrapper import NAGLToolkitWrapper

    if charges is not None:
        charges = np.asarray(charges, float)
        if charges.shape != (molecule.n_atoms,) or abs(charges.sum() - net_charge) > 1e-3:
            raise ValueError(
                f"{len(charges)} charges that add up to {charges.sum():g} e do not fit "
                f"{molecule.n_atoms} atoms with a net charge of {net_charge:d} e"
            )
        molecule.partial_charges = Quantity(charges, "elementary_charge")
        return
    if reason := why_no_charges():
        raise MissingProgramError(reason)
    try:
        if has_nagl():
            molecule.assign_partial_charges(NAGL_MODEL, toolkit_registry=NAGLToolkitWrapper())
        else:
            molecule.assign_partial_charges("am1bcc", toolkit_registry=AmberToolsToolkitWrapper())
    except (ChargeCalculationError, ValueError) as error:  # ValueError: outside NAGL's domain
        raise _NoCharges(_first_line(error)) from error


def has_nagl() -> bool:
    """Whether NAGL and the model of Sage's charges are installed."""
    if not (is_installed("openff.nagl") and is_installed("openff.nagl_models")):
        return False
    from openff.nagl_models import list_available_nagl_models

    return any(path.name == NAGL_MODEL for path in list_available_nagl_models())


def has_ambertools() -> bool:
    """Whether AM1-BCC charges can be computed."""
    return bool(shutil.which("antechamber") and shutil.which("sqm"))


def why_no_charges() -> str | None:
    """A sentence where no charges can be assigned, None where they can."""
    if has_nagl() or has_ambertools():
        return None
    return (
        f"no charges can be assigned here: neither openff-nagl with its model {NAGL_MODEL} nor "
        f"AmberTools is installed; {HOW}."
    )


def why_no_sage() -> str | None:
    """A sentence where Sage cannot run here, None where it can; imports nothing heavy."""
    for package in ("openff.toolkit", "openff.interchange"):
        if not is_installed(package):
            return f"the package {package} is not installed here; {HOW}."
    return why_no_charges()
