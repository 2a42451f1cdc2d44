"""Fixtures for tests in a real browser against the complete stack.

Skipped where Chromium is not installed; in CI that is a failure.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from local.sample_image import create_image
from local.sample_video import create_video
from tests.flows.stacks import run_stack

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The headless shell is the same engine without windows: docs/decisions/0090."""
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
SCREENSHOT_FOLDER = Path(__file__).parents[2] / "build" / "screens"
SAVES_SCREENSHOTS = "SCREENSHOTS" in os.environ
"""Set the variable to look at pages. Pictures of whole pages cost more than the tests' checks."""
POST_URL = re.compile(r"/posts/\d+$")
PAGE_TIMEOUT_MS = 90_000  # milliseconds; the API console alone takes 12 s of CPU on a slow core
expect.set_options(timeout=PAGE_TIMEOUT_MS)
SELECT_ACTIVE_ACCOUNT = "SELECT FROM oauth_accounts WHERE status = 'ACTIVE' AND provider = %s"
INSERT_POST = """INSERT INTO posts
    (user_id, oauth_account_id, provider, kind, source, sent_by, title, state, step, has_slot,
    error_code, finished_at)
  SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', %s, %s, %s, %s, %s,
    now() FROM oauth_accounts WHERE status = 'ACTIVE' AND provider = 'tiktok' LIMIT 1"""
INSERT_COMMENTS = """
WITH media AS (
  INSERT INTO ig_media (instagram_account_id, ig_id, media_type, caption, metrics_json, timestamp)
  SELECT id, 'test-media', 'IMAGE', 'Fresh bread', '{"reach": 5}', now()
    FROM instagram_accounts WHERE selected
  ON CONFLICT (ig_id) DO UPDATE SET caption = EXCLUDED.caption RETURNING id)
INSERT INTO ig_comments (ig_media_id, ig_id, from_user, text, hidden, is_own, timestamp)
SELECT media.id, kind, 'visitor', kind || ' comment', kind = 'hidden', kind = 'own', now()
  FROM media, unnest(ARRAY['visible', 'hidden', 'own']) AS kind
ON CONFLICT (ig_id) DO UPDATE SET deleted_at = NULL"""


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    settings = {"TIKTOK_APP_AUDITED": "1", "SMTP_URL": "smtp://127.0.0.1:9"}  # nothing is sent
    with run_stack(tmp_path_factory.mktemp("stack"), **settings) as stack:
        stack.reset_sandbox()
        yield stack


@pytest.fixture(scope="package")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Chromium is not installed")
    with sync_playwright() as play:
        home = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS], env=home)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def video_file(tmp_path_factory):
    return create_video(tmp_path_factory.mktemp("video") / "holiday.mp4")


@pytest.fixture(scope="package")
def large_video_file(tmp_path_factory):
    """A video of three chunks, so that its upload can be interrupted."""
    return create_video(tmp_path_factory.mktemp("video") / "heavy.mp4", size=20 * 1024 * 1024)


@pytest.fixture
def open_page(browser, stack):
    """Opens pages; their errors fail the test unless it removes them from `page.errors`."""
    stack.forget_earlier_tests()
    pages = []

    def open_with(**options):
        options = {"viewport": {"width": 900, "height": 900}, "locale": "en-GB", **options}
        context = browser.new_context(base_url=stack.info["web"], **options)
        context.set_default_timeout(PAGE_TIMEOUT_MS)
        page = context.new_page()
        page.set_default_timeout(PAGE_TIMEOUT_MS)
        record_errors(page)
        pages.append(page)
        return page

    yield open_with
    for page in pages:
        page.context.close()
    assert [error for page in pages for error in page.errors] == []


def record_errors(page):
    """Record what the page's scripts throw and all that is written to the console, in `errors`."""
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text))


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def take_screenshot(page):
    """Saves a screenshot of the page for people to look at, if they are wanted."""
    return lambda name: save_screenshot(page, name)


def save_screenshot(page, name):
    if not SAVES_SCREENSHOTS:
        return
    SCREENSHOT_FOLDER.mkdir(parents=True, exist_ok=True)
    page.evaluate("scrollTo(0, 0)")  # what sticks to the window is drawn where it begins
    page.screenshot(path=SCREENSHOT_FOLDER / f"{name}.png", full_page=True)


def sign_in(page, info):
    page.goto("/login")
    page.fill("#email", info["user"])
    page.fill("#password", info["password"])
    page.click("main form button:not([type=button])")
    page.wait_for_url("**/")
    return page


@pytest.fixture(scope="package")
def cookies(browser, stack):
    """The cookies of a user who signed in through the form, shared by all signed-in pages."""
    context = browser.new_context(base_url=stack.info["web"])
    context.set_default_timeout(PAGE_TIMEOUT_MS)
    user_cookies = sign_in(context.new_page(), stack.info).context.cookies()
    context.close()
    return user_cookies


def add_cookies(page, cookies):
    page.context.add_cookies(cookies)
    return page


def connect_account(page, stack):
    """Connect a TikTok account through the pages, unless one is connected."""
    if not stack.query(SELECT_ACTIVE_ACCOUNT, "tiktok"):
        page.goto("/platforms/connect/tiktok")
        page.locator("main a.button.tiktok").last.click()
        page.get_by_role("button", name="Allow").click()
        expect(page.locator(".message.good")).to_be_visible()
    return page


def connect_instagram(page, stack):
    """Connect Ada's Instagram accounts through the pages and choose one, unless it is done."""
    if not stack.query(SELECT_ACTIVE_ACCOUNT, "instagram"):
        page.goto("/platforms/connect/instagram")
        page.locator("main a.button.instagram").last.click()
        page.get_by_role("button", name="Allow").click()
        page.get_by_label("Ada.bakes").check()
        page.locator("main form .bar button").click()  # in any language
        expect(page.locator(".message.good")).to_be_visible()
    return page


def insert_comments(stack):
    """Insert a visible, a hidden and an own comment on a post of the chosen account."""
    stack.query(INSERT_COMMENTS)


@pytest.fixture(scope="package")
def image_file(tmp_path_factory):
    return create_image(tmp_path_factory.mktemp("image") / "red.jpg")


def open_composer(page, address="/compose"):
    page.goto(address)
    expect(page.locator("#composer[data-is-ready]")).to_be_attached()
    return page


def choose_file(form, file, text="A video"):
    form.set_input_files("#file-input", file)
    expect(form.locator("[data-file]")).to_be_visible()
    form.fill("#text", text)


def send_post(form):
    """Send the form for one account, and follow its post."""
    form.get_by_role("button", name="Publish", exact=True).click()
    form.wait_for_url(POST_URL)


@pytest.fixture
def set_zone(stack):
    """Sets the time zone of the user."""
    yield lambda zone: stack.query("UPDATE users SET time_zone = %s", zone)
    stack.query("UPDATE users SET time_zone = 'UTC'")


@pytest.fixture
def publish_form(signed_in, stack):
    """The publishing form of a user who posts to one Instagram account."""
    connect_instagram(signed_in, stack)
    return open_composer(signed_in, "/platforms/instagram/publish")


@pytest.fixture
def signed_in(page, cookies):
    return add_cookies(page, cookies)


@pytest.fixture
def account_page(signed_in, stack):
    """A page of a user with a TikTok account whose quota is unused."""
    stack.query("UPDATE posts SET has_slot = false")
    return connect_account(signed_in, stack)


@pytest.fixture
def upload_form(account_page):
    """The upload form of a user with a TikTok account."""
    return open_composer(account_page, "/platforms/tiktok/upload")


@pytest.fixture
def insert_post(stack):
    """Inserts a post in a given state; needs a connected account."""

    def make(title, *, state="PUBLISHED", step="DELIVERED", slot=False, error=None):
        stack.query(INSERT_POST, title, state, step, slot, error)
        return stack.query_value("SELECT max(id) FROM posts")

    return make


@pytest.fixture
def composer(account_page, stack):
    """An empty composer of a user with a TikTok and an Instagram account."""
    connect_instagram(account_page, stack)
    return open_composer(account_page)
