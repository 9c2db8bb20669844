"""The OpenFF packages, which are not on PyPI: there, or one sentence on how to get them."""

import importlib.util
from contextlib import contextmanager

from forceladder.errors import MissingProgramError

HOW = "`conda env create -f envs/openff.yaml` makes an environment that holds it"


@contextmanager
def openff_needed():
    """Around the imports of openff.* and qcportal: MissingProgramError where one is missing."""
    try:
        yield
    except ImportError as error:
        raise MissingProgramError(
            f"the package {error.name or error} is not installed here; {HOW}."
        ) from error


def is_installed(name: str) -> bool:
    """Whether a package can be found; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package that it lies in
        return False
