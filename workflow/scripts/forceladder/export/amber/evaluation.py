"""Energies and gradients of a prmtop and an inpcrd, by OpenMM's reader of these files."""

import tempfile
from pathlib import Path

import openmm
from openmm import app

from forceladder.export.amber.files import write_amber
from forceladder.export.openmm.evaluation import CLASS1_FORCES, force_groups


def evaluate(parameters: dict, positions) -> dict:
    """Energy kcal/mol and gradient [atoms, 3] kcal/mol/Å of every group of terms, from the prmtop.

    positions: [atoms, 3] Å; an inpcrd has seven decimals of them, which is another question
    """
    with tempfile.TemporaryDirectory() as folder:
        prmtop, _ = write_amber(parameters, positions, folder, "molecule")
        system = read_system(prmtop)
    return force_groups(system, positions, CLASS1_FORCES, parameters)


def read_system(prmtop: Path) -> openmm.System:
    """The System that OpenMM makes of a prmtop, with all degrees of freedom."""
    return app.AmberPrmtopFile(str(prmtop)).createSystem(
        nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False, removeCMMotion=False
    )
