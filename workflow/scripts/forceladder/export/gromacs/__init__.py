"""Parameters → top, gro and mdp, run by GROMACS."""

from forceladder.export.gromacs.evaluation import evaluate, missing, precision
from forceladder.export.gromacs.files import refusal, write_gromacs

__all__ = ["evaluate", "missing", "precision", "refusal", "write_gromacs"]
