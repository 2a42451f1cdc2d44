"""A real browser before a real house. Skipped where there is no Chromium, a failure in CI."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.flows.houses import a_house

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SCREENS = Path(__file__).parents[2] / "build" / "screens"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with a_house(tmp_path_factory.mktemp("house")) as house:
        house.calm()
        yield house


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no Chromium here")
    with sync_playwright() as play:
        home = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS], env=home)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, house):
    """A page whose errors fail the test; what the test does wrong on purpose it takes back."""
    context = browser.new_context(
        base_url=house.told["web"], viewport={"width": 900, "height": 900}
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.faults.append(said.text))
    yield page
    context.close()
    assert page.faults == []


@pytest.fixture
def photograph(page):
    """Keeps a picture of the page for people to look at."""

    def take(name):
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / f"{name}.png", full_page=True)

    return take


@pytest.fixture
def signed_in(page, house):
    page.goto("/login")
    page.fill("#email", house.told["user"])
    page.fill("#password", house.told["password"])
    page.click("main button")
    page.wait_for_url("**/")
    return page
