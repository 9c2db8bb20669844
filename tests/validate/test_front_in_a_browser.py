"""The interactive front as a reader has it: in a browser, without a network."""

import pytest

from browser import opened, why_no_browser
from forceladder.validate.plots.front_page import front_page
from forceladder.validate.standings import standings

pytestmark = pytest.mark.skipif(why_no_browser() is not None, reason=str(why_no_browser()))

KINDS = {"class1": "mechanics", "mlff": "network"}
MOLECULES = [
    {"method": method, "molecule": name, "split": "test", "conformers": "3",
     "force_components": "54", "force_rmse": error, "energy_rmse": error}
    for method, error in (("class1", "5"), ("mlff", "2"))
    for name in "abcd"
]  # fmt: skip
COSTS = [
    {"method": method, "molecule": "a", "what": what, "milliseconds": cost, "low": cost,
     "high": cost, "source": "OpenMM Reference"}
    for method, cost in (("class1", "0.01"), ("mlff", "3"))
    for what in ("energy_and_force", "md_step")
]  # fmt: skip
CHOOSE = "(s => {{ s.value = {value!r}; s.dispatchEvent(new Event('change')); return 1 }})({of})"


def choose(page, css: str, value: str):
    page.run(CHOOSE.format(value=value, of=f"document.querySelector({css!r})"))


def test_reader_sees_numbers_switches_and_steps_without_a_network(tmp_path):
    path = tmp_path / "front.html"
    path.write_text(
        front_page(standings(KINDS, MOLECULES, [], COSTS, [], 500.0, seed=0), "A front")
    )
    with opened(path) as page:
        page.wait("document.querySelectorAll('.scatterlayer .textpoint').length >= 2")
        assert "class1 → mlff" in page.text()
        assert page.run("document.querySelector('.ytitle').textContent").startswith("force RMSE")
        choose(page, "select.error", "relative energy RMSE")
        page.wait("document.querySelector('.ytitle').textContent.startsWith('relative energy')")
        choose(page, "select.cost", "md_step")
        page.wait("document.querySelector('.xtitle').textContent.includes('MD step')")
        page.run(
            "(p => { const k = p.data.findIndex(t => t.name === 'mlff' && t.customdata);"
            "Plotly.Fx.hover(p, [{curveNumber: k, pointNumber: 0}]); return 1 })"
            "(document.querySelector('.picture'))"
        )
        page.wait("document.querySelector('.hoverlayer').textContent.includes('mlff')")
        assert "2 [2, 2] kcal/mol" in page.run("document.querySelector('.hoverlayer').textContent")
        assert page.complaints() == [] and page.requests() == []
