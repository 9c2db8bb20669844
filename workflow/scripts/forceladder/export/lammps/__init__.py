"""Parameters → files that LAMMPS runs as they are: NAME.data, NAME.in and, for couplings that
its own styles lack, NAME.colvars. Units `real`: kcal/mol, Å, e; angles in degrees."""

from forceladder.export.lammps.evaluation import evaluate, missing
from forceladder.export.lammps.files import refusal, write_lammps

__all__ = ["evaluate", "missing", "refusal", "write_lammps"]
