"""Comments in a browser: answered once, hidden, handled by keys, deleted; new ones are counted."""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import (
    add_cookies,
    choose_file,
    connect_instagram,
    open_composer,
    send_post,
)
from tests.browser.keyboard import press, tab_to
from tests.flows.brokers import wait_until

COMMENTED_POST = """SELECT platform_post_id FROM posts WHERE provider = 'instagram'
  AND state = 'PUBLISHED' AND platform_post_id IS NOT NULL ORDER BY id DESC LIMIT 1"""
INSERT_NEW_COMMENT = """
INSERT INTO ig_comments (ig_media_id, ig_id, from_user, text, timestamp)
SELECT ig_media_id, 'later-' || ig_id, 'visitor', 'Me too', now() FROM ig_comments
 WHERE ig_id = %s"""
SELECT_HANDLED = "SELECT handled_at IS NOT NULL FROM ig_comments WHERE ig_id = %s"


@pytest.fixture
def instagram_page(signed_in, stack):
    return connect_instagram(signed_in, stack)


@pytest.fixture
def published_media_id(instagram_page, stack, image_file):
    """Instagram's id of an image that was published with the form, once for all tests."""
    if not stack.query(COMMENTED_POST):
        open_composer(instagram_page, "/platforms/instagram/publish")
        choose_file(instagram_page, image_file, "Fresh bread")
        send_post(instagram_page)
        wait_until(lambda: stack.query(COMMENTED_POST), what="the published image")
    return stack.query_value(COMMENTED_POST)


@pytest.fixture
def comment(stack, published_media_id):
    """A visitor's comment in the sandbox, once its webhook was applied."""
    text = f"Where is this? {secrets.token_hex(3)}"
    comment = stack.sandbox.control(
        "instagram/comments", media_id=published_media_id, text=text, username="visitor"
    )
    query = "SELECT count(*) FROM ig_comments WHERE ig_id = %s"
    wait_until(lambda: stack.query_value(query, comment["id"]), what="the comment")
    return comment


def comment_in_sandbox(stack, comment_id):
    comments = stack.sandbox.control("instagram/comments")["comments"]
    return next((each for each in comments if each["id"] == comment_id), None)


@pytest.fixture
def comment_page(instagram_page, stack, comment):
    """The page of the comment, opened from the list of open ones."""
    row_id = stack.query_value("SELECT id FROM ig_comments WHERE ig_id = %s", comment["id"])
    instagram_page.goto("/comments")
    link = f"a[href*='/comments/{row_id}?']"
    instagram_page.locator(f".list {link}").click()
    expect(instagram_page.locator(".thread .chosen")).to_contain_text(comment["text"])
    return instagram_page


def send_reply(page, text):
    page.get_by_label("Your reply").fill(text)
    page.get_by_role("button", name="Send the reply").click()


def count_replies(stack, comment):
    comments = stack.sandbox.control("instagram/comments")["comments"]
    return len([each for each in comments if each["parent_id"] == comment["id"]])


@pytest.mark.statement(31)
def test_a_comment_is_answered_hidden_unhidden_and_deleted(
    comment_page, stack, comment, take_screenshot
):
    send_reply(comment_page, "In our bakery")
    expect(comment_page.get_by_text("Your reply is public.")).to_be_visible()
    expect(comment_page.locator(".thread .own")).to_contain_text("In our bakery")
    comment_page.get_by_role("button", name="Hide").click()
    expect(comment_page.get_by_text("The comment is hidden.")).to_be_visible()
    assert comment_in_sandbox(stack, comment["id"])["hidden"]
    comment_page.get_by_role("button", name="Show again").click()
    expect(comment_page.get_by_text("The comment is shown again.")).to_be_visible()
    assert not comment_in_sandbox(stack, comment["id"])["hidden"]
    take_screenshot("comments")
    comment_page.get_by_role("link", name="Delete").click()
    dialog = comment_page.get_by_role("dialog", name="Delete the comment?")
    expect(dialog).to_contain_text("cannot be restored")
    dialog.get_by_role("button", name="Delete the comment").click()
    expect(comment_page.get_by_text("The comment is deleted.")).to_be_visible()
    assert comment_in_sandbox(stack, comment["id"]) is None


@pytest.mark.statement(31)
def test_a_comment_is_handled_by_one_key_and_the_next_one_is_open(comment_page, stack, comment):
    address = comment_page.url
    comment_page.get_by_label("Your reply").press("e")  # typing is no shortcut
    assert not stack.query_value(SELECT_HANDLED, comment["id"])
    comment_page.locator("h1").click()
    comment_page.keyboard.press("e")
    expect(comment_page.get_by_text("The comment is marked as handled.")).to_be_visible()
    assert stack.query_value(SELECT_HANDLED, comment["id"])
    assert comment_page.url != address
    comment_page.goto("/platforms/instagram/comments?show=handled")
    expect(comment_page.locator(".list")).to_contain_text(comment["text"])
    comment_page.goto("/platforms/instagram/comments")
    expect(comment_page.locator("main")).not_to_contain_text(comment["text"])


@pytest.mark.statement(31)
def test_a_reply_whose_answer_was_lost_is_being_confirmed_and_not_sent_twice(
    comment_page, stack, comment, take_screenshot
):
    stack.sandbox.control("faults", endpoint="comment_reply", kind="drop_after")
    send_reply(comment_page, "At the fountain")
    expect(comment_page.locator(".message")).to_contain_text("nothing is sent twice")
    expect(comment_page.locator(".thread .badge.ask")).to_have_text("Being confirmed")
    take_screenshot("comment-being-confirmed")
    send_reply(comment_page, "At the fountain")  # finds the one that is public
    expect(comment_page.get_by_text("Your reply is public.")).to_be_visible()
    expect(comment_page.locator(".thread .badge.ask")).to_have_count(0)
    assert count_replies(stack, comment) == 1


def test_a_refused_reply_stays_in_the_form(comment_page, stack):
    error = {"code": 10}
    stack.sandbox.control(
        "faults", endpoint="comment_reply", kind="graph_error", times=1, fields=error
    )
    send_reply(comment_page, "Near the church")
    expect(comment_page.locator("#text-error")).to_be_visible()
    expect(comment_page.get_by_label("Your reply")).to_have_value("Near the church")
    expect(comment_page).to_have_title(re.compile("^Error:"))
    comment_page.errors.clear()  # the browser reports the expected 403


def test_new_comments_are_announced_and_the_list_does_not_jump(comment_page, stack, comment):
    new_count = comment_page.locator("[data-live]").get_attribute("data-live")
    assert "new comment" not in comment_page.request.get(new_count).text()
    stack.query(INSERT_NEW_COMMENT, comment["id"])
    assert "1 new comment" in comment_page.request.get(new_count).text()


@pytest.mark.statement(38)
def test_a_comment_is_answered_and_deleted_with_the_keyboard_alone(comment_page, stack, comment):
    tab_to(comment_page, comment_page.get_by_label("Your reply"))
    comment_page.keyboard.type("By keyboard")
    press(comment_page, comment_page.get_by_role("button", name="Send the reply"))
    expect(comment_page.get_by_text("Your reply is public.")).to_be_visible()
    assert count_replies(stack, comment) == 1
    opener = comment_page.get_by_role("link", name="Delete").first
    press(comment_page, opener)
    expect(comment_page.get_by_role("dialog")).to_be_visible()
    comment_page.keyboard.press("Escape")
    expect(opener).to_be_focused()


@pytest.mark.statement(39)
def test_a_comment_is_answered_hidden_handled_and_deleted_without_script(
    open_page, cookies, stack, comment
):
    page = add_cookies(open_page(java_script_enabled=False), cookies)
    row_id = stack.query_value("SELECT id FROM ig_comments WHERE ig_id = %s", comment["id"])
    page.goto(f"/platforms/instagram/comments/{row_id}?show=all")
    send_reply(page, "Without script")
    expect(page.get_by_text("Your reply is public.")).to_be_visible()
    for button, message in (
        ("Hide", "The comment is hidden."),
        ("Show again", "The comment is shown again."),
        ("Mark as handled", "The comment is marked as handled."),
    ):
        page.goto(f"/platforms/instagram/comments/{row_id}?show=all")
        page.get_by_role("button", name=button).first.click()
        expect(page.get_by_text(message)).to_be_visible()
    page.goto(f"/platforms/instagram/comments/{row_id}?show=all")
    page.get_by_role("link", name="Delete").first.click()
    page.get_by_role("button", name="Delete the comment").click()
    expect(page.get_by_text("The comment is deleted.")).to_be_visible()
