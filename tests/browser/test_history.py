"""The list of posts in a browser: actions on all posts that fit the filters."""

from playwright.sync_api import expect

from tests.browser.conftest import connect_account, save_screenshot
from tests.browser.test_accessibility import find_axe_violations

PAGE_POSTS = 25
INSERT_POSTS = """INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by,
    title, state, publish_at, due_at)
  SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', 'Overbooked ' || n,
    'QUEUED', now() + interval '9 days', now() + interval '9 days'
  FROM (SELECT user_id, id FROM oauth_accounts WHERE status = 'ACTIVE' AND provider = 'tiktok'
    LIMIT 1) AS account, generate_series(1, %s) AS n"""
COUNT_CANCELLED = (
    "SELECT count(*) FROM posts WHERE title LIKE 'Overbooked %%' AND state = 'CANCELLED'"
)


def test_all_posts_that_fit_are_counted_before_they_are_cancelled(signed_in, stack):
    connect_account(signed_in, stack)
    stack.query(INSERT_POSTS, PAGE_POSTS + 2)
    signed_in.goto("/posts?q=overbooked")
    signed_in.get_by_label("All that fit the filters").check()
    expect(signed_in.locator("[name=post]").first).to_be_disabled()
    save_screenshot(signed_in, "posts-all-that-fit")
    signed_in.get_by_role("button", name="Cancel posts").click()
    expect(signed_in.get_by_text(f"{PAGE_POSTS + 2} posts fit these filters")).to_be_visible()
    assert stack.query_value(COUNT_CANCELLED) == 0
    assert find_axe_violations(signed_in) == []
    save_screenshot(signed_in, "posts-confirm")
    signed_in.get_by_role("button", name="Cancel posts").click()
    expect(signed_in.get_by_text("Cancelled.", exact=True)).to_have_count(PAGE_POSTS + 2)
    assert stack.query_value(COUNT_CANCELLED) == PAGE_POSTS + 2
