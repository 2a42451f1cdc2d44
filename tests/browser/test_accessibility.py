"""Accessibility: axe rules, keyboard, both languages, small screens, dark mode, no scripts."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import (
    INSERT_POST,
    PAGE_TIMEOUT_MS,
    POST_URL,
    add_cookies,
    connect_account,
    connect_instagram,
    insert_comments,
    open_composer,
    record_errors,
    save_screenshot,
    sign_in,
)

AXE_SCRIPT = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
PAGE_PATHS = {
    "home": "/",
    "accounts": "/platforms",
    "choose-platform": "/platforms/connect",
    "connect": "/platforms/connect/tiktok",
    "instagram": "/platforms/connect/instagram",
    "choose-accounts": "/platforms/instagram/choose",
    "tiktok": "/platforms/tiktok",
    "upload": "/platforms/tiktok/upload",
    "publish": "/platforms/instagram/publish",
    "instagram-account": "/platforms/instagram",
    "comments": "/platforms/instagram/comments",
    "insights": "/platforms/instagram/insights",
    "compose": "/compose",
    "import": "/posts/import",
    "calendar": "/calendar",
    "calendar-week": "/calendar?view=week",
    "calendar-list": "/calendar?view=list",
    "posts": "/posts",
    "numbers": "/insights",
    "notifications": "/notifications",
    "keys": "/settings/keys",
    "key-new": "/settings/keys/new",
    "endpoint-new": "/settings/endpoints/new",
    "settings": "/settings",
    "notification-settings": "/settings/notifications",
    "endpoints": "/settings/endpoints",
    "docs": "/docs",
    "docs-group": "/docs/drafts",
    "docs-operation": "/docs/posts/post_api_posts",
    "docs-errors": "/docs/errors",
    "monitoring": "/monitoring",
    "alerts": "/monitoring/alerts",
    "events": "/admin/events",
    "refused-deliveries": "/admin/events/refused",
    "queues": "/admin/queues",
    "queue": "/admin/queues/webhooks",
    "platform-status": "/admin/platforms",
    "audit": "/admin/audit",
    "users": "/admin/users",
}
LONG_TITLE = "Ein_sehr_langer_Titel_ohne_Leerzeichen_" * 4 + " 🌊🎉"
FAILED_POST = "failed-post"
SELECT_INSERTED_COMMENT = "SELECT id FROM ig_comments WHERE ig_id = 'visible'"
ROW_PATHS = {
    "comment": ("/platforms/instagram/comments/{}?show=all", SELECT_INSERTED_COMMENT),
    "comment-delete": ("/platforms/instagram/comments/{}/delete", SELECT_INSERTED_COMMENT),
    "disconnect": (
        "/platforms/tiktok/disconnect/{}",
        "SELECT id FROM oauth_accounts WHERE provider = 'tiktok' AND disconnected_at IS NULL",
    ),
    "endpoint": ("/settings/endpoints/{}", "SELECT max(id) FROM endpoints"),
    "redeliver": ("/settings/endpoints/{}/redeliver", "SELECT max(id) FROM endpoints"),
    "discard-failed": ("/settings/endpoints/{}/discard", "SELECT max(id) FROM endpoints"),
    "discarded": ("/settings/endpoints/{}/discards", "SELECT max(id) FROM endpoints"),
    "key-revoke": (
        "/settings/keys/{}/revoke",
        "SELECT min(id) FROM api_keys WHERE revoked_at IS NULL",
    ),
}
"""Pages of single rows: the path, and the query of the row's id."""

INSERT_ENDPOINT = """INSERT INTO endpoints (user_id, url)
  SELECT id, 'https://hooks.example.com/signalpost' FROM users WHERE email = %s"""
READER_PROFILES = {
    "english": ("en-GB", "light", (1280, 320)),
    "french-dark": ("fr-FR", "dark", (390, 1280, 320)),
}
"""Locale, colours and widths of the window; axe looks at the first width."""
OTHER_PROFILES = {
    "english-phone-dark": ("en-GB", "dark", (320,)),
    "french": ("fr-FR", "light", (1280,)),
}
ALL_PROFILES = READER_PROFILES | OTHER_PROFILES
PROFILE_PARAMETERS = [
    *READER_PROFILES,
    *(pytest.param(name, marks=pytest.mark.chaos) for name in OTHER_PROFILES),
]
INSERT_NOTIFICATION_OR_IGNORE = (
    "INSERT INTO notifications (user_id, kind, cause, payload) VALUES (%s, %s, 'access', %s)"
    " ON CONFLICT DO NOTHING"
)
FOCUSED_ELEMENT_SCRIPT = (
    "(({id, name, textContent}) => id || name || textContent.trim())(document.activeElement)"
)
RECORD_ANNOUNCEMENTS_SCRIPT = """() => {
  const announcer = document.getElementById("announcer");
  window.announcements = [];
  const record = () => window.announcements.push(announcer.textContent);
  new MutationObserver(record).observe(announcer, {childList: true});
}"""
AXE_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # of the others one element each
}


@pytest.fixture(scope="module")
def page_paths(browser, stack, cookies):
    """The paths of all pages, for a user with an account, a long title and notifications."""
    context = browser.new_context(base_url=stack.info["web"])
    context.set_default_timeout(PAGE_TIMEOUT_MS)
    page = connect_account(add_cookies(context.new_page(), cookies), stack)
    connect_instagram(page, stack)
    insert_comments(stack)
    context.close()
    stack.query(INSERT_POST, LONG_TITLE, "FAILED", None, False, "duration_check_failed")
    user_id, post_id = stack.query("SELECT user_id, id FROM posts ORDER BY id DESC LIMIT 1")[0]
    payload = {
        "post_id": post_id,
        "title": LONG_TITLE[:100],
        "name": "Ada",
        "code": "duration_check_failed",
    }
    for kind in ("post_failed", "post_published", "needs_reconnect"):
        stack.query(INSERT_NOTIFICATION_OR_IGNORE, user_id, kind, json.dumps(payload))
    stack.query(INSERT_ENDPOINT, stack.info["user"])
    rows = {
        name: path.format(stack.query_value(query)) for name, (path, query) in ROW_PATHS.items()
    }
    return {**PAGE_PATHS, **rows, FAILED_POST: f"/posts/{post_id}"}


def find_axe_violations(page):
    """Return the violations that axe finds, one line each."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    result = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@pytest.fixture(scope="module")
def open_reader_page(browser, stack, cookies):
    """Opens the page of a reader, once: both languages, wide and narrow, light and dark."""
    pages = {}

    def open_once(name):
        if name not in pages:
            locale, scheme, (width, *_) = ALL_PROFILES[name]
            context = browser.new_context(
                base_url=stack.info["web"],
                locale=locale,
                color_scheme=scheme,
                viewport={"width": width, "height": 900},
                reduced_motion="reduce",
            )
            context.set_default_timeout(PAGE_TIMEOUT_MS)
            pages[name] = add_cookies(context.new_page(), cookies)
            record_errors(pages[name])
        return pages[name]

    yield open_once
    for page in pages.values():
        page.context.close()


@pytest.mark.statement(36)
@pytest.mark.statement(37)
@pytest.mark.statement(40)
@pytest.mark.parametrize("page_name", [*PAGE_PATHS, *ROW_PATHS, FAILED_POST])
@pytest.mark.parametrize("reader", PROFILE_PARAMETERS)
def test_every_page_is_accessible_and_fits_its_window(
    open_reader_page, page_paths, reader, page_name
):
    """Among them contrast, names, landmarks and the order of headings.

    Nor does any write to the console, as it would if the policy forbade something, or move, as
    its reader wants no motion.
    """
    page = open_reader_page(reader)
    page.errors.clear()
    page.goto(page_paths[page_name])
    save_screenshot(page, f"{page_name}-{reader}")
    moving = page.evaluate("document.getAnimations().length")
    violations = find_axe_violations(page)
    too_wide = find_exceeded_widths(page, ALL_PROFILES[reader][2])
    assert ("\n".join(violations), too_wide, page.errors, moving) == ("", [], [], 0)


def find_exceeded_widths(page, widths):
    """Return the widths of the window for which the page is too wide; the first is set again."""
    exceeded = []
    for width in (*widths[1:], widths[0]):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            exceeded.append(width)
    return exceeded


def test_a_page_that_is_too_wide_is_found(page):
    page.goto("/login")
    page.evaluate("document.querySelector('main').style.minWidth = '1000px'")
    assert find_exceeded_widths(page, (1280, 320)) == [320]


def test_axe_finds_a_missing_label(page):
    page.goto("/login")
    page.evaluate("document.querySelector('label').remove()")
    assert any(violation.startswith("label") for violation in find_axe_violations(page))


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_the_form_for_direct_posts_is_accessible(open_page, cookies, page_paths, locale):
    page = add_cookies(open_page(locale=locale, reduced_motion="reduce"), cookies)
    open_composer(page, "/platforms/tiktok/upload")
    page.locator('[data-field="mode"][value="DIRECT"]').check(force=True)
    page.locator('[data-field="disclose"]').check()
    page.locator('[data-field="brand_content_toggle"]').check()
    save_screenshot(page, f"direct-{locale[:2]}")
    assert find_axe_violations(page) == []
    for sentence in (
        "Branded content visibility cannot be set to private.",
        "Your photo/video will be labeled as 'Paid partnership'",
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation",
    ):  # TikTok's own sentences stay unchanged in every language
        expect(page.get_by_text(sentence).locator("visible=true").first).to_be_visible()


def test_pages_follow_the_browsers_language_and_say_so(open_page, cookies, page_paths):
    french = add_cookies(open_page(locale="fr-FR"), cookies)
    french.goto("/")
    assert french.get_attribute("html", "lang") == "fr"
    expect(french.get_by_role("heading", name="Accueil")).to_be_visible()
    french.goto(page_paths["failed-post"])
    expect(french.get_by_text("Elle n'a pas été publiée.").first).to_be_visible()
    expect(french.get_by_text("La vidéo").first).to_be_visible()
    german = open_page(locale="de-DE")
    german.goto("/login")
    assert german.get_attribute("html", "lang") == "en"


def test_the_form_is_translated_to_french(open_page, cookies, page_paths):
    page = add_cookies(open_page(locale="fr-FR"), cookies)
    open_composer(page, "/platforms/tiktok/upload")
    page.get_by_role("button", name="Publier", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Écrivez une légende.")
    page.errors.clear()  # the browser reports the expected 422


def test_a_video_can_be_uploaded_with_the_keyboard_alone(upload_form, video_file):
    # Registered first: otherwise the key press may open the chooser before the handler exists.
    upload_form.on("filechooser", lambda chooser: chooser.set_files(video_file))
    upload_form.keyboard.press("Tab")
    assert upload_form.evaluate("document.activeElement.className") == "skip"
    upload_form.keyboard.press("Enter")
    focused = []
    for _ in range(60):
        upload_form.keyboard.press("Tab")
        element = upload_form.evaluate(FOCUSED_ELEMENT_SCRIPT)
        focused.append(element)
        if element == "file-input":
            upload_form.keyboard.press("Enter")
            expect(upload_form.get_by_text("Uploaded", exact=True)).to_be_visible()
        if element == "text":
            upload_form.keyboard.type("By keyboard")
        if element == "send":
            upload_form.keyboard.press("Enter")
            break
    upload_form.wait_for_url(POST_URL)
    assert {"account", "file-input", "text", "when"} <= set(focused)


def test_progress_is_announced_to_screen_readers(upload_form, large_video_file):
    upload_form.evaluate(RECORD_ANNOUNCEMENTS_SCRIPT)
    upload_form.set_input_files("#file-input", large_video_file)
    expect(upload_form.get_by_text("Uploaded", exact=True)).to_be_visible()
    assert any(
        re.fullmatch(r"\d+ per cent sent", text)
        for text in upload_form.evaluate("window.announcements")
    )


def test_nothing_moves_with_reduced_motion(open_page, cookies, page_paths):
    page = add_cookies(open_page(reduced_motion="reduce"), cookies)
    page.goto("/platforms/tiktok")
    animation_count = page.evaluate("document.getAnimations().length")
    assert animation_count == 0


def test_all_pages_except_uploading_work_without_scripts(open_page, stack, page_paths):
    page = sign_in(open_page(java_script_enabled=False), stack.info)
    for path in page_paths.values():
        page.goto(path, wait_until="domcontentloaded")
        expect(page.locator("h1")).to_be_visible()
    page.goto("/platforms/tiktok/upload")
    expect(page.get_by_text("Without JavaScript, files can only be given")).to_be_visible()
    page.goto("/platforms")
    page.get_by_role("link", name=re.compile("^Disconnect")).first.click()
    expect(page.get_by_role("heading", name=re.compile("^Disconnect .*\\?$"))).to_be_visible()
    page.get_by_role("link", name="Keep it connected").click()
    page.goto("/notifications")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".message[role=status]")).to_contain_text(
        "All notifications are marked as read."
    )


def test_after_the_back_button_the_page_is_usable(account_page):
    account_page.goto("/platforms/connect/tiktok")
    link = account_page.locator("a[data-busy]").last
    link.click()
    expect(account_page.get_by_role("button", name="Allow")).to_be_visible()
    account_page.go_back()
    expect(account_page.locator("a[data-busy]").last).not_to_have_attribute("aria-disabled", "true")
    expect(account_page.locator("a[data-busy]").last).to_contain_text("Connect")
