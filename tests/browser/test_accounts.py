"""Connecting, choosing and disconnecting accounts in a browser."""

import re

import pytest
from playwright.sync_api import expect

from app.http.errors import OAUTH_ERRORS
from app.http.messages import get_message
from tests.browser.conftest import (
    SELECT_ACTIVE_ACCOUNT,
    add_cookies,
    connect_account,
    connect_instagram,
)

INSERT_QUEUED_POST = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, title, state,
  hold_reason, created_at, payload_json)
SELECT user_id, id, provider, 'INBOX_VIDEO', 'PULL_FROM_URL', 'PLATFORM', %s, 'QUEUED',
  'needs_reconnect', now() - %s * interval '1 hour',
  '{"video_url": "https://videos.example.com/video.mp4"}' FROM oauth_accounts
 WHERE status <> 'DISCONNECTED' AND provider = 'tiktok' ORDER BY id DESC LIMIT 1"""
END_LOGIN = """UPDATE oauth_accounts SET status = 'NEEDS_RECONNECT', status_cause = 'revoked'
 WHERE provider = 'tiktok' AND status = 'ACTIVE'"""
BLOCK_DESTINATION = """UPDATE instagram_accounts SET status = %s, status_cause = %s
 WHERE username = 'ada.studio'"""


def allow_at_platform(page):
    page.get_by_role("button", name="Allow").click()


@pytest.fixture
def connected_page(signed_in, stack):
    """A page of a user with a TikTok account and Ada's Instagram accounts."""
    return connect_instagram(connect_account(signed_in, stack), stack)


@pytest.mark.statement(9)
def test_connecting_ends_on_a_page_that_names_the_account_from_the_database(signed_in, stack):
    stack.query("UPDATE oauth_accounts SET status = 'NEEDS_RECONNECT' WHERE provider = 'tiktok'")
    signed_in.goto("/platforms/connect/tiktok")
    signed_in.locator("main a.button.tiktok").last.click()
    allow_at_platform(signed_in)
    message = signed_in.locator(".message.good")
    expect(message).to_contain_text("is connected.")
    name = message.text_content().strip()
    signed_in.goto(signed_in.url + "&name=Mallory&account=999999")
    assert "Mallory" not in signed_in.content()
    expect(signed_in.locator(".message.good")).to_have_text(name)


@pytest.mark.statement(9)
@pytest.mark.statement(10)
def test_connecting_instagram_leads_to_the_chooser_and_names_the_chosen_accounts(
    connected_page, stack
):
    page = connected_page
    names = dict(stack.query("SELECT username, id FROM instagram_accounts ORDER BY username"))
    stack.query("UPDATE instagram_accounts SET selected = false")  # as before the first choice
    page.goto("/platforms/connect/instagram")
    page.locator("main a.button.instagram").last.click()
    allow_at_platform(page)
    expect(page).to_have_url(re.compile("/platforms/instagram/choose"))
    page.goto(page.url + ("&" if "?" in page.url else "?") + "name=Mallory&account=999999")
    assert "Mallory" not in page.content()
    boxes = [page.get_by_role("checkbox", name=re.compile(name)) for name in names]
    for box in boxes:
        box.check()
    page.get_by_role("button", name="Use these 2 accounts").click()
    expect(page).to_have_url(re.compile("/platforms$"))
    for name in names:
        expect(page.locator(".destinations > li", has_text=name)).to_contain_text("Posted to")
    page.goto("/platforms/instagram/choose")
    boxes[-1].uncheck()
    page.get_by_role("button", name="Use this account").click()
    expect(page.locator(".destinations > li", has_text="Not chosen")).to_have_count(1)


@pytest.mark.statement(10)
def test_unusable_accounts_are_listed_and_disabled_with_the_reason(
    connected_page, stack, take_screenshot
):
    stack.query(BLOCK_DESTINATION, "BLOCKED", "page_task_missing")
    try:
        connected_page.goto("/platforms/instagram/choose")
        box = connected_page.get_by_label("Ada.studio")
        expect(box).to_be_disabled()
        expect(connected_page.locator(".reason")).to_contain_text("Page")
        expect(box).to_have_accessible_description(re.compile("Page"))
        take_screenshot("choose-accounts-unusable")
    finally:
        stack.query(BLOCK_DESTINATION, "ACTIVE", None)
    connected_page.goto("/platforms/instagram/choose")
    expect(connected_page.get_by_label("Ada.studio")).to_be_enabled()


@pytest.mark.statement(11)
@pytest.mark.parametrize("platform", ["tiktok", "instagram"])
def test_every_error_of_a_connection_has_its_own_sentence_a_next_step_and_the_reference(
    open_page, cookies, platform
):
    page = add_cookies(open_page(java_script_enabled=False), cookies)  # so many pages cost less
    sentences = set()
    for code in OAUTH_ERRORS:
        page.goto(f"/platforms/connect/{platform}?error={code}&ref=abc123&name=Mallory")
        alert = page.get_by_role("alert")
        message = get_message(code, "en")
        expect(alert).to_contain_text(message.message)
        expect(alert).to_contain_text(message.suggestion)
        expect(alert).to_contain_text("abc123")
        assert "Mallory" not in page.content()
        sentences.add(message.message)
    assert len(sentences) == len(OAUTH_ERRORS)


@pytest.mark.statement(12)
@pytest.mark.parametrize("has_script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize(
    ("choice", "state", "hold_reason"),
    [("Cancel them", "CANCELLED", None), ("Hold them", "QUEUED", "needs_reconnect")],
    ids=["cancel", "hold"],
)
def test_disconnecting_names_what_is_kept_and_erased_and_does_with_queued_posts_as_chosen(
    open_page, cookies, stack, has_script, choice, state, hold_reason
):
    page = add_cookies(open_page(java_script_enabled=has_script), cookies)
    connect_account(page, stack)
    title = f"Waiting {has_script} {choice}"
    stack.query(INSERT_QUEUED_POST, title, 1)
    page.goto("/platforms")
    page.get_by_role("link", name="Disconnect Alice").click()
    area = page.get_by_role("dialog") if has_script else page.locator("main")
    expect(area).to_contain_text("Erased at once: the tokens")
    expect(area).to_contain_text("Kept: your posts and their history")
    area.get_by_label(choice).check()
    area.get_by_role("button", name=re.compile("^Disconnect ")).click()
    expect(page.locator(".message.good")).to_contain_text("tokens are erased")
    query = "SELECT state, hold_reason FROM posts WHERE title = %s"
    assert tuple(stack.query(query, title)[0]) == (state, hold_reason)
    assert not stack.query(SELECT_ACTIVE_ACCOUNT, "tiktok")
    stack.query("UPDATE posts SET state = 'CANCELLED', hold_reason = NULL WHERE title = %s", title)


def test_the_history_is_erased_only_with_the_name_of_the_account(account_page, stack):
    account_page.goto("/platforms")
    account_page.get_by_role("link", name="Disconnect Alice").click()
    dialog = account_page.get_by_role("dialog")
    dialog.get_by_label("Erase the history").check()
    dialog.get_by_role("button", name=re.compile("^Disconnect ")).click()
    expect(account_page.get_by_role("alert")).to_contain_text("type the name of the account")
    assert stack.query(SELECT_ACTIVE_ACCOUNT, "tiktok")
    account_page.errors.clear()  # the browser reports the expected 400


@pytest.mark.statement(13)
def test_after_reconnecting_recent_posts_go_out_and_older_ones_wait(
    account_page, stack, take_screenshot
):
    stack.query(INSERT_QUEUED_POST, "Written an hour ago", 1)
    stack.query(INSERT_QUEUED_POST, "Written two days ago", 48)
    stack.query(END_LOGIN)
    account_page.goto("/platforms")
    account_page.get_by_role("link", name="Reconnect Alice").click()
    allow_at_platform(account_page)
    expect(account_page.locator(".message.good")).to_contain_text("is connected.")
    heading = account_page.get_by_role("heading", name="1 waits for your decision")
    expect(heading).to_be_visible()
    card = account_page.locator("section", has=heading)
    waiting = card.locator("li", has_text="Written two days ago")
    expect(waiting.get_by_role("button", name="Publish now")).to_be_visible()
    take_screenshot("reconnected")
    query = "SELECT hold_reason FROM posts WHERE title = %s"
    assert stack.query_value(query, "Written an hour ago") is None
    assert stack.query_value(query, "Written two days ago") == "wait_for_release"
    account_page.get_by_role("link", name="Written an hour ago").click()
    expect(account_page.locator(".badge.large")).to_contain_text("In TikTok inbox")
    stack.query("UPDATE posts SET state = 'CANCELLED', due_at = NULL WHERE title LIKE 'Written%%'")
