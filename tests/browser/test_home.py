"""Home, the list of posts and insights in a browser, against the complete stack."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import INSERT_POST, add_cookies, connect_account, save_screenshot
from tests.browser.test_accessibility import find_axe_violations

OLD_FAILURES = (
    "UPDATE posts SET created_at = now() - interval '40 days', publish_at = NULL"
    " WHERE state = 'FAILED'"
)
SET_STATUS = (
    "UPDATE oauth_accounts SET status = %s WHERE provider = 'tiktok' AND disconnected_at IS NULL"
)
CANCEL_EARLIER_POSTS = (
    "UPDATE posts SET state = 'CANCELLED', due_at = NULL, hold_reason = NULL, finished_at = now()"
    " WHERE state NOT IN ('PUBLISHED', 'FAILED', 'CANCELLED')"
)
TITLES = "main .attention .what"


@pytest.fixture
def home_page(signed_in, stack):
    """The browser of a user with an account, whose earlier failures are long ago."""
    connect_account(signed_in, stack)
    stack.query(OLD_FAILURES)
    stack.query("DELETE FROM home_dismissals")
    return signed_in


def add_post(stack, title, state="PUBLISHED", step=None, error=None):
    stack.query(INSERT_POST, title, state, step, False, error)
    return stack.query_value("SELECT max(id) FROM posts")


def test_home_lists_what_needs_attention_in_order_with_one_action_each(
    home_page, stack, take_screenshot
):
    failed = add_post(stack, "Too short", "FAILED", error="duration_check_failed")
    add_post(stack, "A draft", step="DELIVERED")
    waits = add_post(stack, "Waits", "QUEUED")
    stack.query(
        "UPDATE posts SET hold_reason = 'needs_reconnect', finished_at = NULL WHERE id = %s", waits
    )
    stack.query(SET_STATUS, "REVOKED")
    try:
        home_page.goto("/")
        take_screenshot("home-attention")
        lines = home_page.locator(TITLES).all_inner_texts()
        assert lines[0] == "“Too short” was not published on TikTok"
        assert lines[1].endswith("has to be reconnected")
        assert any("draft" in line for line in lines[2:])
        expect(home_page.get_by_text(re.compile(r"\d+ posts? waits?"))).to_be_visible()
        assert find_axe_violations(home_page) == []
        home_page.get_by_role("link", name="See and try again").click()
        home_page.wait_for_url(f"**/posts/{failed}")
    finally:
        stack.query(SET_STATUS, "ACTIVE")
        stack.query("DELETE FROM posts WHERE id = %s", waits)


@pytest.mark.chaos
def test_home_is_in_the_language_of_its_reader(home_page, stack, open_page, cookies):
    """The picture of the French guide. The English form is the test above."""
    stack.query(CANCEL_EARLIER_POSTS)
    add_post(stack, "La mer à l'aube", "FAILED", error="duration_check_failed")
    add_post(stack, "Un brouillon", step="DELIVERED")
    waits = add_post(stack, "Le marché de dimanche", "QUEUED")
    stack.query(
        "UPDATE posts SET finished_at = NULL, publish_at = now() + interval '2 days' WHERE id = %s",
        waits,
    )
    page = open_page(locale="fr-FR", viewport={"width": 1280, "height": 900})
    add_cookies(page, cookies).goto("/")
    save_screenshot(page, "home-french-attention")
    first, *_ = page.locator(TITLES).all_inner_texts()
    assert re.sub(r"\s", " ", first) == "« La mer à l'aube » n'a pas été publiée sur TikTok"
    assert find_axe_violations(page) == []
    stack.query("DELETE FROM posts WHERE id = %s", waits)


def test_a_hidden_line_does_not_come_back(home_page, stack):
    add_post(stack, "Hide me", "FAILED", error="duration_check_failed")
    home_page.goto("/")
    line = home_page.locator(".attention li", has_text="Hide me")
    line.get_by_role("button", name=re.compile("^Do not show this again")).click()
    expect(home_page.get_by_text("This is not shown again.")).to_be_visible()
    expect(home_page.locator(TITLES, has_text="Hide me")).to_have_count(0)


@pytest.mark.statement(6)
def test_a_published_post_changes_home_without_a_reload_and_focus_stays(home_page, stack):
    stack.query(CANCEL_EARLIER_POSTS)  # Home shows the next five only
    post_id = add_post(stack, "On its way", "SENDING")
    stack.query("UPDATE posts SET finished_at = NULL, due_at = NULL WHERE id = %s", post_id)
    home_page.goto("/")
    moving = home_page.locator("#next ~ * , .posts").get_by_role("link", name="On its way")
    expect(moving).to_be_visible()
    home_page.evaluate("window.isSamePage = true")
    home_page.set_viewport_size({"width": 900, "height": 400})
    home_page.locator("[data-focus-key=accounts]").focus()
    home_page.evaluate("window.scrollTo(0, 150)")
    stack.query("UPDATE posts SET state = 'PUBLISHED', finished_at = now() WHERE id = %s", post_id)
    expect(moving).to_have_count(0, timeout=15_000)
    assert home_page.evaluate("window.isSamePage")
    assert home_page.evaluate("document.activeElement.dataset.focusKey") == "accounts"
    assert home_page.evaluate("window.scrollY") == 150


def test_several_posts_are_cancelled_and_each_has_its_result(home_page, stack, take_screenshot):
    for title in ("First to cancel", "Second to cancel"):
        post_id = add_post(stack, title, "QUEUED")
        stack.query(
            "UPDATE posts SET finished_at = NULL, publish_at = now() + interval '9 days'"
            " WHERE id = %s",
            post_id,
        )
    home_page.goto("/posts?state=SCHEDULED&q=cancel")
    take_screenshot("posts-filtered")
    assert find_axe_violations(home_page) == []
    home_page.get_by_label("Select all").check()
    expect(home_page.get_by_text("2 selected")).to_be_visible()
    home_page.get_by_role("button", name="Cancel posts").click()
    expect(home_page.locator("main li .good")).to_have_text(["Cancelled.", "Cancelled."])
    home_page.get_by_role("link", name="Back to the list").click()
    expect(home_page.get_by_text("No posts match these filters.")).to_be_visible()
    home_page.get_by_role("link", name=re.compile("^Remove the filter Words")).click()
    home_page.wait_for_url("**/posts?state=SCHEDULED")


@pytest.mark.statement(32)
def test_insights_show_a_dash_with_a_reason_and_no_zero_in_its_place(
    home_page, stack, open_page, cookies
):
    stack.query("DELETE FROM metric_snapshots")
    home_page.goto("/insights")
    tiles = home_page.locator(".tile dd").all_inner_texts()
    assert tiles
    assert [text for text in tiles if not text.startswith("\N{EN DASH}")] == []
    assert all("gave no value yet" in text for text in tiles)
    assert find_axe_violations(home_page) == []
    phone = add_cookies(
        open_page(locale="fr-FR", viewport={"width": 360, "height": 800}, color_scheme="dark"),
        cookies,
    )
    for path in ("/", "/posts", "/insights"):
        phone.goto(path)
        assert not phone.evaluate("document.documentElement.scrollWidth > innerWidth"), path
        assert find_axe_violations(phone) == [], path
