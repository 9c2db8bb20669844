"""Reports in a real browser without a network: whole, readable, with captions."""

import os

import pytest
from selenium.webdriver.common.by import By

from browser import opened, why_no_browser

pytestmark = pytest.mark.workflow

# Every figure: does it show, and is there a caption below it?
FIGURES = """[...document.querySelectorAll('figure')].map(figure => {
    const shown = figure.querySelector('svg, img, .plotly-graph-div');
    const box = shown ? shown.getBoundingClientRect() : {width: 0, height: 0};
    const caption = figure.querySelector('figcaption');
    return [box.width, box.height, caption ? caption.innerText.trim() : ''];
})"""
DEAD_LINKS = """[...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href'))
    .filter(name => name.length > 1 && !document.getElementById(name.slice(1)))"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(autouse=True)
def browser():
    """Without one a test is skipped, but fails in CI."""
    if reason := why_no_browser():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.mark.parametrize("width", [1200, 480])
def test_report_of_a_release_shows_all_its_figures_offline(run, tmp_path, width):
    with opened(run.release / "report.html", width) as page:
        figures = page.run(FIGURES)
        assert len(figures) >= 8
        for shown_width, height, caption in figures:
            assert shown_width > 0.5 * width and height > 50
            assert len(caption) > 40 and caption.endswith(".")
        assert page.run(DEAD_LINKS) == []
        assert page.run(SIDEWAYS) <= 0
        page.driver.switch_to.frame(page.driver.find_element(By.TAG_NAME, "iframe"))
        assert page.run("document.querySelectorAll('.js-plotly-plot').length") == 1
        assert page.run("getComputedStyle(document.querySelector('header')).display") == "none"
        page.driver.switch_to.default_content()
        picture = page.picture(tmp_path / "report.png")
        assert picture.std() > 0.05, "a blank page"
        assert page.complaints() == [] and page.requests() == []


def test_snakemakes_report_shows_every_picture_with_its_caption(run, tmp_path):
    run.run("--report", "report.html")
    with opened(run.folder / "report.html") as page:
        categories = (
            "Molecules", "QM", "Fit", "Errors", "Geometries", "Stability", "Front", "Release"
        )  # fmt: skip
        pictures = 0
        for category in categories:
            page.click(category)
            rows = len(page.rows())
            assert rows, category
            for row in range(rows):
                view, about = page.rows()[row].find_elements(By.TAG_NAME, "a")
                page.press(view)
                widths = page.run(
                    "[...document.querySelectorAll('img')].map(image => image.naturalWidth)"
                )
                pictures += len([w for w in widths if w > 200])
                page.press(about)
                page.wait("document.body.innerText.includes('DESCRIPTION')")
                said = page.text().split("DESCRIPTION")[1].split("SIZE")[0].strip()
                assert len(said) > 40 and "{{" not in said, (category, row, said)
                page.click(category)
            page.click("Results")
        assert pictures >= 10
        assert page.complaints() == [] and page.requests() == []
