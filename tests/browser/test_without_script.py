"""Everything but uploading and dragging works by forms and links, in a browser without scripts."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import add_cookies, connect_account, connect_instagram
from tests.browser.people import BrowserUser
from tests.browser.test_accounts import allow_at_platform
from tests.browser.test_keys_and_endpoints import INSERT_FAILED_DELIVERY, run_curl

URL_POST = {
    "source": "PULL_FROM_URL",
    "sent_by": "PLATFORM",
    "payload_json": json.dumps({"video_url": "https://videos.example.com/video.mp4"}),
}
FINISHED = "UPDATE posts SET finished_at = NULL WHERE id = %s"


@pytest.fixture
def plain_page(open_page, cookies, stack):
    """A page without scripts of a user with accounts of both platforms."""
    page = add_cookies(open_page(java_script_enabled=False), cookies)
    return connect_instagram(connect_account(page, stack), stack)


@pytest.fixture
def person(plain_page, stack):
    person = BrowserUser(stack)
    yield person
    person.delete()


@pytest.mark.statement(39)
def test_signing_in_and_home_need_no_script(open_page, person):
    page = open_page(java_script_enabled=False)
    page.goto("/login")
    page.fill("#email", person.email)
    page.fill("#password", "wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    expect(page.locator("#email")).to_have_value(person.email)
    assert page.title().startswith("Error:")
    page.errors.clear()  # the browser reports the expected 401
    person.sign_in(page)
    expect(page.locator("ol.first-steps > li")).to_have_count(3)
    account_id = person.add_account()
    post_id = person.add_post(account_id, "On its way", "SENDING")
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_text("Nothing needs your attention.")).to_be_visible()
    expect(page.get_by_role("link", name="On its way")).to_be_visible()
    state = "UPDATE posts SET state = 'FAILED', error_code = 'internal' WHERE id = %s"
    person.stack.query(state, post_id)
    page.get_by_role("link", name="Refresh").click()
    expect(page.get_by_role("heading", name="Needs your attention")).to_be_visible()
    page.get_by_text("Show as table").first.click()
    expect(page.get_by_role("table").first).to_be_visible()
    page.get_by_role("link", name=re.compile("1.*Failed")).click()
    expect(page.locator(".history tbody tr")).to_have_count(1)


@pytest.mark.statement(39)
def test_accounts_are_connected_and_chosen_without_script(plain_page, stack):
    stack.query("UPDATE instagram_accounts SET selected = false")
    plain_page.goto("/platforms/connect/instagram")
    plain_page.locator("main a.button.instagram").last.click()
    allow_at_platform(plain_page)
    plain_page.get_by_label("Ada.bakes").check()
    plain_page.get_by_role("button", name="Use these accounts").click()
    expect(plain_page.locator(".destinations > li", has_text="Posted to")).to_have_count(1)
    plain_page.goto("/platforms/connect/tiktok?error=access_denied&ref=abc123")
    expect(plain_page.get_by_role("alert")).to_contain_text("abc123")


@pytest.mark.statement(39)
def test_posts_are_handled_without_script(plain_page, insert_post, stack):
    def insert_waiting(title, state, **columns):
        post_id = insert_post(title, state=state, step=None)
        stack.query(FINISHED, post_id)
        for name, value in {**URL_POST, **columns}.items():
            stack.query(f"UPDATE posts SET {name} = %s WHERE id = %s", value, post_id)
        plain_page.goto(f"/posts/{post_id}")
        return post_id

    insert_waiting("Held", "QUEUED", hold_reason="wait_for_release", publish_at="2031-01-01")
    plain_page.get_by_role("button", name="Release").click()
    expect(plain_page.locator(".badge.large")).to_contain_text("Scheduled")
    plain_page.get_by_role("link", name="Reschedule").click()
    expect(plain_page.get_by_role("button", name="Move", exact=True)).to_be_visible()
    plain_page.go_back()
    plain_page.get_by_role("button", name="Cancel the post").click()
    expect(plain_page.locator(".badge.large")).to_contain_text("Cancelled")
    plain_page.get_by_role("link", name="Duplicate").click()
    expect(plain_page.locator("#text")).to_have_value("Held")
    doubtful = insert_waiting("Doubtful", "UNCONFIRMED")
    plain_page.get_by_role("checkbox", name="I accept the risk").check()
    plain_page.get_by_role("button", name="Try again anyway").click()
    expect(plain_page).to_have_url(re.compile(rf"/posts/(?!{doubtful}$)\d+$"))


@pytest.mark.statement(39)
def test_keys_and_endpoints_need_no_script(plain_page, stack):
    plain_page.goto("/settings/keys/new")
    plain_page.fill("#name", "Without script")
    plain_page.get_by_label("See posts, their state").check()
    plain_page.get_by_role("button", name="Create key").click()
    command = plain_page.locator("#example").text_content()
    assert run_curl(command) == "200"
    plain_page.goto("/settings/keys")
    plain_page.get_by_role("link", name="Revoke Without script").first.click()
    plain_page.get_by_role("button", name="Revoke").click()
    assert run_curl(command) == "401"
    query = "INSERT INTO endpoints (user_id, url) SELECT id, %s FROM users WHERE email = %s"
    stack.query(query, "https://hooks.example.com/plain", stack.info["user"])
    endpoint_id = stack.query_value("SELECT max(id) FROM endpoints")
    stack.query(INSERT_FAILED_DELIVERY, endpoint_id, endpoint_id)
    plain_page.goto(f"/settings/endpoints/{endpoint_id}")
    plain_page.locator("#state").select_option("Failed")
    plain_page.get_by_role("button", name="Filter").click()
    plain_page.get_by_role("link", name="Deliver failed events again").click()
    plain_page.get_by_role("button", name="Deliver 1 event again").click()
    expect(plain_page.locator(".message.good")).to_contain_text("1 event is being delivered again.")
    plain_page.goto("/insights")
    expect(plain_page.locator(".tile dd").first).to_be_visible()
