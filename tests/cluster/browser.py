"""Chromium without a screen, as people use it at a node's pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait

#: Seconds that a page has to show something; nodes under test share two cores with much else.
WITHIN = 120.0

_WORDS = (
    "--headless=new",
    # Tests run as root, as whom Chromium has no sandbox.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--lang=en",
    "--window-size=1280,800",
)


class Browser:
    """A browser: elements are named by CSS selectors, and waited for."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver

    def open(self, url: str) -> None:
        """Go to a page."""
        self._driver.get(url)

    def see(self, selector: str, within: float = WITHIN) -> WebElement:
        """An element, once it is to be seen."""
        condition = expected_conditions.visibility_of_element_located((By.CSS_SELECTOR, selector))
        found: WebElement = WebDriverWait(self._driver, within).until(condition, f"{selector} did not show")
        return found

    def into_frame(self, selector: str) -> None:
        """Look at a page within the page."""
        condition = expected_conditions.frame_to_be_available_and_switch_to_it((By.CSS_SELECTOR, selector))
        WebDriverWait(self._driver, WITHIN).until(condition, f"{selector} did not open")

    def picture(self, path: Path) -> None:
        """Keep what is to be seen as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._driver.save_screenshot(str(path))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser, which takes certificates that nobody vouches for; its driver's log is in `folder`."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.accept_insecure_certs = True
    for word in _WORDS:
        options.add_argument(word)
    service = Service("/usr/bin/chromedriver", log_output=str(folder / "chromedriver.log"))
    driver = Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
