"""Energies of an .offxml of one molecule: SMIRNOFF → Interchange → OpenMM, in vacuum."""

import tempfile

from forceladder.export.offxml import write_offxml
from forceladder.export.openmm.evaluation import CLASS1_FORCES, force_groups
from forceladder.openff.packages import HOW, is_installed, openff_needed

FORCES = CLASS1_FORCES | {"CMMotionRemover": ()}


def missing() -> str | None:
    """What is not installed, in a sentence; None if all is."""
    if is_installed("openff.interchange"):
        return None
    return f"openff-interchange is not installed here; {HOW}."


def evaluate(parameters: dict, positions) -> dict:
    """Energy kcal/mol and gradient [atoms, 3] kcal/mol/Å of every group of terms, from the file
    as the OpenFF toolkit and Interchange read it.

    positions: [atoms, 3] Å
    raises: MissingProgramError; ExportError for what an .offxml cannot hold
    """
    with openff_needed():
        from openff.toolkit import ForceField, Molecule
    with tempfile.TemporaryDirectory() as folder:
        (path,) = write_offxml(parameters, positions, folder, "molecule")
        force_field = ForceField(str(path))
    molecule = Molecule.from_mapped_smiles(parameters["mapped_smiles"], allow_undefined_stereo=True)
    interchange = force_field.create_interchange(molecule.to_topology())
    return force_groups(interchange.to_openmm_system(), positions, FORCES, parameters)
