"""Pictures are small enough to stand in a report, and stay lines where few are drawn."""

import numpy as np
import pytest

from forceladder.figures import CROWD, plt, save_figure


@pytest.mark.parametrize(("lines", "pixels"), [(20, False), (600, True)])
def test_crowded_lines_become_pixels(tmp_path, lines, pixels):
    figure, (crowded, plain) = plt.subplots(1, 2)
    noise = np.random.default_rng(0).normal(size=(lines, 500))
    crowded.plot(noise.T)
    plain.plot([0, 1], [0, 1])
    assert (noise.size > CROWD) == pixels
    save_figure(figure, tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    assert text.count("<image") == pixels  # one for all lines of the panel, none for the other's
    assert len(text) < 2e6
