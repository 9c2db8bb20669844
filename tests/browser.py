"""A real browser without a network: what a reader of a report sees, and what goes wrong."""

import io
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from matplotlib.image import imread
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--allow-file-access-from-files",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name leads anywhere: a page that asks shows it
)  # fmt: skip


def why_no_browser() -> str | None:
    """A sentence where Chromium or its driver is missing."""
    missing = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    if not missing:
        return None
    return f"{' and '.join(missing)} not installed (Debian: chromium, chromium-driver)"


class Page:
    """One page, open in Chromium."""

    def __init__(self, driver):
        self.driver = driver

    def run(self, script: str):
        """Value of a JavaScript expression."""
        return self.driver.execute_script(f"return {script}")

    def text(self) -> str:
        return self.run("document.body.innerText")

    def wait(self, condition: str, seconds: float = 20.0):
        """Until a JavaScript expression comes true."""
        WebDriverWait(self.driver, seconds, 0.05).until(lambda _: self.run(condition))

    def click(self, text: str):
        """Click on the last element that says this and nothing else."""
        here = f"//*[normalize-space(text())={text!r}]"
        self.press(self.driver.find_elements(By.XPATH, here)[-1])

    def press(self, element):
        """Click on an element even where another one lies over it."""
        self.driver.execute_script("arguments[0].click()", element)

    def rows(self):
        """Rows of the tables that are shown."""
        return self.driver.find_elements(By.XPATH, "//tr[td]")

    def complaints(self) -> list[str]:
        """Errors in the browser's console."""
        said = self.driver.get_log("browser")
        return [entry["message"] for entry in said if entry["level"] == "SEVERE"]

    def requests(self) -> list[str]:
        """Addresses on the network that the page asked for."""
        events = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if url.startswith(("http:", "https:", "ws:", "wss:", "//"))]

    def picture(self, path: Path | None = None) -> np.ndarray:
        """What is seen, [rows, columns, 3] from 0 to 1; the whole page, however long. Kept at
        `path`, too, for people."""
        height = min(self.run("document.documentElement.scrollHeight"), 20000)
        width = self.run("window.innerWidth")
        self.driver.set_window_size(width, height)
        shot = self.driver.get_screenshot_as_png()
        if path:
            path.write_bytes(shot)
        return imread(io.BytesIO(shot), format="png")[..., :3]


@contextmanager
def opened(path: Path, width: int = 1200, height: int = 900):
    """A file of this machine as a Page."""
    options = Options()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        try:
            driver.set_page_load_timeout(60)
            driver.get(path.resolve().as_uri())
            yield Page(driver)
        finally:
            driver.quit()
