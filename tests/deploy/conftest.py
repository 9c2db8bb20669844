"""A release that the tests of this room share."""

import pytest

from small_releases import save_release


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    """As much of a release as `load` reads, with every rung of the ladder."""
    return save_release(tmp_path_factory.mktemp("release"))
