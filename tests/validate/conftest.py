"""The example campaign, which has minima, Hessians and torsion scans."""

from pathlib import Path

import pytest

from forceladder.training_set.dataset import read_training_set

EXAMPLE = Path(__file__).parents[2] / "resources/example_campaign/training_set.nc"


@pytest.fixture(scope="session")
def example():
    """Its training set; not to be changed."""
    return read_training_set(EXAMPLE)
