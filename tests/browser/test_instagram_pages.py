"""Connecting, choosing accounts, comments and metrics of Instagram in a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import connect_instagram
from tests.flows.brokers import wait_until

COMMENTED_POST = """SELECT platform_post_id FROM posts WHERE provider = 'instagram'
  AND state = 'PUBLISHED' AND platform_post_id IS NOT NULL ORDER BY id DESC LIMIT 1"""


@pytest.fixture
def instagram_page(signed_in, stack):
    return connect_instagram(signed_in, stack)


@pytest.fixture
def published_media_id(publish_form, stack, image_file):
    """Instagram's id of an image that was published with the form."""
    publish_form.locator("[data-item] input[type=file]").set_input_files(image_file)
    publish_form.get_by_role("button", name="Post", exact=True).click()
    follow = publish_form.locator('[data-part="follow"]')
    expect(follow.get_by_text("It is on Instagram.")).to_be_visible()
    return stack.query_value(COMMENTED_POST)


@pytest.fixture
def comment(stack, published_media_id):
    """A visitor's comment in the sandbox, once its webhook was applied."""
    text = f"Where is this? {published_media_id[-4:]}"
    comment = stack.sandbox.control(
        "instagram/comments", media_id=published_media_id, text=text, username="visitor"
    )
    query = "SELECT count(*) FROM ig_comments WHERE ig_id = %s"
    wait_until(lambda: stack.query_value(query, comment["id"]), what="the comment")
    return comment


def comment_in_sandbox(stack, comment_id):
    comments = stack.sandbox.control("instagram/comments")["comments"]
    return next((each for each in comments if each["id"] == comment_id), None)


def open_comments(page, comment):
    page.goto("/platforms/instagram/comments")
    return page.locator("li[id^=comment-]").filter(has_text=comment["text"])


def test_all_accounts_behind_a_login_are_offered(instagram_page, take_screenshot):
    instagram_page.goto("/platforms/instagram/choose")
    expect(instagram_page.get_by_label("Ada.bakes")).to_be_checked()
    expect(instagram_page.get_by_label("Ada.studio")).not_to_be_checked()
    expect(instagram_page.get_by_text("through the page Ada's bakery")).to_be_visible()
    instagram_page.goto("/platforms")
    expect(instagram_page.get_by_text("Events are received since").first).to_be_visible()
    take_screenshot("instagram-connected")


def test_the_account_page_leads_to_everything(instagram_page, take_screenshot):
    instagram_page.goto("/platforms/instagram")
    expect(instagram_page.get_by_text("@ada.bakes").first).to_be_visible()
    expect(instagram_page.get_by_role("meter", name="Posts in 24 hours")).to_be_visible()
    take_screenshot("instagram-account")
    for name, path in (("Comments", "comments"), ("Metrics", "insights"), ("New post", "publish")):
        instagram_page.goto("/platforms/instagram")
        instagram_page.get_by_role("link", name=name, exact=True).first.click()
        instagram_page.wait_for_url(re.compile(f"/platforms/instagram/{path}"))


def test_a_comment_is_hidden_and_made_visible_again(publish_form, stack, comment, take_screenshot):
    line = open_comments(publish_form, comment)
    take_screenshot("comments")
    line.get_by_role("button", name=re.compile("^Hide")).click()
    expect(publish_form.locator(".message[role=status]")).to_contain_text("The comment is hidden.")
    assert comment_in_sandbox(stack, comment["id"])["hidden"]
    expect(line.locator(".badge", has_text="Hidden")).to_be_visible()
    line.get_by_role("button", name=re.compile("^Show again")).click()
    expect(publish_form.get_by_text("The comment is shown again.")).to_be_visible()
    assert not comment_in_sandbox(stack, comment["id"])["hidden"]


def test_a_reply_is_sent_and_a_comment_deleted(publish_form, stack, comment):
    line = open_comments(publish_form, comment)
    line.locator("summary", has_text="Reply").click()
    line.get_by_label("Your reply").fill("In our bakery")
    line.get_by_role("button", name="Send the reply").click()
    expect(publish_form.get_by_text("Your reply is public.")).to_be_visible()
    replies = stack.sandbox.control("instagram/comments")["comments"]
    assert [each["text"] for each in replies if each["parent_id"] == comment["id"]] == [
        "In our bakery"
    ]
    line.locator("summary", has_text="Delete").click()
    line.get_by_role("button", name="Delete the comment").click()
    expect(publish_form.get_by_text("The comment is deleted.")).to_be_visible()
    assert comment_in_sandbox(stack, comment["id"]) is None
    expect(open_comments(publish_form, comment)).to_have_count(0)


def test_metrics_without_values_say_so(instagram_page, take_screenshot):
    instagram_page.goto("/platforms/instagram/insights")
    expect(instagram_page.get_by_role("heading", name="The account")).to_be_visible()
    values = instagram_page.locator("dd").all_inner_texts()
    assert values
    assert [text for text in values if not re.search(r"\d|no data", text)] == []
    take_screenshot("insights")


def test_the_widget_is_an_html_fragment(instagram_page):
    response = instagram_page.request.get("/widgets/instagram")
    assert response.text().lstrip().startswith("<section")
    assert "<html" not in response.text()
