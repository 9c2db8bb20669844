"""A run that the tests of this room make reports and releases of."""

import pytest

from small_runs import SmallRun


@pytest.fixture
def small_run(tmp_path, xtb_set):
    return SmallRun(tmp_path / "run", xtb_set)
