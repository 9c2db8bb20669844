"""Exceptions, sorted by what the reader can do next.

Each message is one sentence that says what happened, with which value, against
which limit, and what to do. `job.run` prints it without a traceback.
"""


class HouseError(Exception):
    """Base of every error that is the reader's to solve, not a bug of ours."""


class ConfigError(HouseError):
    """Edit the configuration."""


class MoleculeError(HouseError):
    """Mend or remove one molecule; `code` is the machine-readable reason.

    Raised for a single row of the input, caught by whoever handles many rows, and
    turned into a line of `rejected.csv`.
    """

    def __init__(self, code: str, sentence: str):
        super().__init__(sentence)
        self.code = code


class QMError(HouseError):
    """One QM calculation failed for good; `error_type` is the machine-readable reason."""

    def __init__(self, error_type: str, sentence: str):
        super().__init__(sentence)
        self.error_type = error_type


class MethodError(HouseError):
    """A method gives no number for one geometry; the caller records it, and goes on without."""


class RelaxationError(HouseError):
    """A geometry cannot be relaxed; the caller records it, and the molecule goes on without."""


class MissingProgramError(HouseError):
    """Install a program, or choose another engine."""


class KilledError(HouseError):
    """Give the job what it lacks, most likely memory, and run again."""


class ExportError(HouseError):
    """Choose another engine, or another rung; the message says what the engine cannot do."""


class LockedError(HouseError):
    """Wait for the run that the message names, or unlock after it."""


class CorruptFileError(HouseError):
    """Delete the named file and run again."""


class ReleaseError(HouseError):
    """Ask for what the release holds; the message says what that is."""


class VersionError(HouseError):
    """Use the version of forceladder that the file was made with, or make the file anew."""


class TooManyFailuresError(HouseError):
    """Look at the named verdicts, then mend the cause or raise the limit."""


class FitError(HouseError):
    """The fit cannot go on; the message names the molecule and the term."""


class GateError(HouseError):
    """A release missed a limit; the message says which and by how much."""


class DomainWarning(UserWarning):
    """A molecule is unlike those that the force field was fitted to; its parameters are a guess."""
