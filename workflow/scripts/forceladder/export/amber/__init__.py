"""Parameters → prmtop and inpcrd, written by ParmEd, read back by OpenMM."""

from forceladder.export.amber.evaluation import evaluate
from forceladder.export.amber.files import missing, refusal, write_amber

__all__ = ["evaluate", "missing", "refusal", "write_amber"]
