"""A real browser before a real house. Skipped where there is no Chromium, a failure in CI."""

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from local.film import shoot
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
ELSEWHERE = re.compile(r"^https://")
PATIENCE = 30_000  # milliseconds
expect.set_options(timeout=PATIENCE)
CONNECTED = "SELECT FROM oauth_accounts WHERE status = 'ACTIVE'"
A_POST = """INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, title,
    state, step, has_slot, error_code, finished_at)
  SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', %s, %s, %s, %s, %s,
    now() FROM oauth_accounts WHERE status = 'ACTIVE' LIMIT 1"""
NOBODY = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.fixture(scope="package")
def house(tmp_path_factory):
    with a_house(tmp_path_factory.mktemp("house"), TIKTOK_APP_AUDITED="1") as house:
        house.calm()
        yield house


@pytest.fixture(scope="package")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no Chromium here")
    with sync_playwright() as play:
        home = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS], env=home)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def film(tmp_path_factory):
    return shoot(tmp_path_factory.mktemp("film") / "holiday.mp4")


@pytest.fixture(scope="package")
def heavy(tmp_path_factory):
    """A film in three pieces, so that there is something to interrupt."""
    return shoot(tmp_path_factory.mktemp("film") / "heavy.mp4", size=20 * 1024 * 1024)


@pytest.fixture
def a_page(browser, house):
    """Opens pages whose errors fail the test; what a test does wrong on purpose it takes back."""
    opened = []

    def open_one(**traits):
        traits = {"viewport": {"width": 900, "height": 900}, "locale": "en-GB", **traits}
        context = browser.new_context(base_url=house.told["web"], **traits)
        context.set_default_timeout(PATIENCE)
        faces = {"content_type": "image/svg+xml", "body": NOBODY}
        context.route(ELSEWHERE, lambda route: route.fulfill(**faces))  # creators' pictures
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.faults.append(said.text))
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.context.close()
    assert [fault for page in opened for fault in page.faults] == []


@pytest.fixture
def page(a_page):
    return a_page()


@pytest.fixture
def photograph(page):
    """Keeps a picture of the page for people to look at."""
    return lambda name: picture(page, name)


def picture(page, name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)


def sign_in(page, told):
    page.goto("/login")
    page.fill("#email", told["user"])
    page.fill("#password", told["password"])
    page.click("main button")
    page.wait_for_url("**/")
    return page


@pytest.fixture(scope="package")
def cookies(browser, house):
    """Of somebody who signed in through the form, once for all who only want to be in."""
    context = browser.new_context(base_url=house.told["web"])
    context.set_default_timeout(PATIENCE)
    found = sign_in(context.new_page(), house.told).context.cookies()
    context.close()
    return found


def admit(page, cookies):
    page.context.add_cookies(cookies)
    return page


def connect(page, house):
    """As a person does it, unless it is done."""
    if not house.rows(CONNECTED):
        page.goto("/platforms/connect/tiktok")
        page.locator("main a.button.tiktok").last.click()
        page.get_by_role("button", name="Allow").click()
        expect(page.locator(".message.good")).to_be_visible()
    return page


@pytest.fixture
def signed_in(page, cookies):
    return admit(page, cookies)


@pytest.fixture
def connected(signed_in, house):
    """Somebody with a TikTok account and nothing of its quota used."""
    house.rows("UPDATE posts SET has_slot = false")
    return connect(signed_in, house)


@pytest.fixture
def form(connected):
    """The upload form of somebody who may use it."""
    connected.goto("/platforms/tiktok/upload")
    return connected


@pytest.fixture
def a_post(house):
    """Puts a post where a long story would have left it; needs a connected account."""

    def make(title, *, state="PUBLISHED", step="DELIVERED", slot=False, error=None):
        house.rows(A_POST, title, state, step, slot, error)
        return house.one("SELECT max(id) FROM posts")

    return make
