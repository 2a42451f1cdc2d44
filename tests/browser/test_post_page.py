"""The page of a post in a browser: verdict, answers, tries, calls, and what can be done."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import add_cookies, save_screenshot
from tests.browser.test_accessibility import find_axe_violations
from tests.flows.api_user import DIRECT_FIELDS, ApiUser

RECORD_VERDICTS = """() => {
  window.mark = 'the same page';
  window.verdicts = [];
  const announcer = document.getElementById('announcer');
  const record = () => window.verdicts.push(announcer.textContent);
  new MutationObserver(record).observe(announcer, {childList: true});
}"""
WEBHOOK_DELAY = re.compile(
    r"received at \d\d:\d\d:\d\d, [\d.]+ m?s after the time that TikTok gives"
)
POST_COUNT = "SELECT count(*) FROM posts"
NINE_DAYS = timedelta(days=9)
PLANTED = "canary-token-4711"
INSERT_EXCHANGE = """
INSERT INTO exchanges (post_id, attempt, endpoint, method, host, path, status, milliseconds,
    request, answer, digest)
SELECT %s, 1, 'status', 'POST', 'open.tiktokapis.com', '/v2/post/publish/status/fetch/', 200, 1800,
    '{"headers": {"authorization": "<removed>"}}', '{"body": {"status": "FAILED"}}', 'x'"""
INSERT_ATTEMPT = """
INSERT INTO attempts (kind, row_id, number, started_at, ended_at, outcome, code, log_id)
VALUES ('posts', %s, %s, now() - interval '2 seconds', now(), 'retry', 'NETWORK_ERROR', '2026-7')"""
INSERT_CAROUSEL = """
WITH post AS (
  INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, title, state,
      memo, error_code, publish_id, finished_at)
    SELECT user_id, id, 'instagram', 'CAROUSEL', 'FILE_UPLOAD', 'PLATFORM', 'Winter palette',
      'FAILED', '{"failed_part": 2}', 'media_download_timeout', gen_random_uuid()::text, now()
      FROM oauth_accounts WHERE provider = 'tiktok' LIMIT 1
  RETURNING id)
INSERT INTO post_parts (post_id, position, role, handle, status)
SELECT post.id, position, CASE position WHEN 0 THEN 'collection' ELSE 'item' END,
    'h' || position, CASE position WHEN 2 THEN 'ERROR' ELSE 'FINISHED' END
  FROM post, generate_series(0, 3) AS position"""
URL_POST = {
    "source": "PULL_FROM_URL",
    "sent_by": "PLATFORM",
    "payload_json": json.dumps({"video_url": "https://videos.example.com/video.mp4"}),
}


@pytest.fixture
def api(stack, account_page):
    """Posts through the API for the user of the pages, to their only TikTok account."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {stack.info['api_key']}"
    account_id = stack.query_value(
        "SELECT id FROM oauth_accounts WHERE status = 'ACTIVE' AND provider = 'tiktok' LIMIT 1"
    )
    return ApiUser(stack.info["web"], stack.sandbox, "", session, session, account_id)


@pytest.fixture
def insert_state(insert_post, stack):
    """Inserts a post in a state and returns the address of its page."""

    def make(state, *, error=None, **columns):
        post_id = insert_post(
            f"A post that is {state.lower()}", state=state, step=None, error=error
        )
        stack.query(
            "UPDATE posts SET finished_at = CASE WHEN state IN ('FAILED', 'CANCELLED', 'PUBLISHED')"
            " THEN now() END WHERE id = %s",
            post_id,
        )
        for name, value in columns.items():
            stack.query(f"UPDATE posts SET {name} = %s WHERE id = %s", value, post_id)
        return post_id

    return make


def list_buttons(page):
    return [
        text.strip()
        for text in page.locator(":is(.head, .verdict) form button").all_text_contents()
    ]


def finish_at_platform(post_id, stack):
    """Let TikTok finish a post that it held."""
    publish_id = stack.query_value("SELECT publish_id FROM posts WHERE id = %s", post_id)
    stack.sandbox.control("settings", stuck=False)
    stack.sandbox.control(f"posts/{publish_id}/finish", method="POST")


@pytest.mark.statement(26)
def test_a_post_goes_from_sending_to_published_and_each_verdict_is_spoken_once(
    api, account_page, stack
):
    # TikTok holds each state until the page has shown it, however busy the machine is.
    stack.sandbox.control("settings", stuck=True)
    stack.sandbox.control("faults", endpoint="upload", kind="slow", seconds=60)
    post_id = api.publish_file(**DIRECT_FIELDS, title="A walk by the sea")
    account_page.goto(f"/posts/{post_id}")
    expect(account_page.locator(".badge.large")).to_contain_text("Sending")
    account_page.evaluate(RECORD_VERDICTS)
    stack.sandbox.control("faults", method="DELETE")
    expect(account_page.locator(".badge.large")).to_contain_text("Processing")
    finish_at_platform(post_id, stack)
    expect(account_page.locator(".say")).to_have_text("It is on TikTok.")
    expect(account_page.locator(".steps .done").last).to_contain_text("Published")
    expect(account_page.locator(".answers dd").first).to_contain_text("Yes.")
    expect(account_page.locator(".timeline")).to_contain_text(WEBHOOK_DELAY)
    assert account_page.evaluate("window.mark") == "the same page"
    spoken = account_page.evaluate("window.verdicts")
    assert spoken[0].startswith("TikTok has received it and is processing it.")
    assert spoken[1:] == ["It is on TikTok."]
    stack.reset_sandbox()
    account_page.locator("details.try summary").first.click()
    expect(account_page.locator("details.try[open] pre").first).to_be_visible()
    assert "act." not in account_page.content()
    save_screenshot(account_page, "post-published")


@pytest.mark.statement(27)
def test_a_failed_post_shows_three_answers_the_item_each_try_and_a_call_without_secrets(
    account_page, insert_state, stack
):
    post_id = insert_state("FAILED", error="video_pull_failed", memo=json.dumps({"failed_part": 2}))
    stack.query(INSERT_EXCHANGE, post_id)
    for number in (1, 2):
        stack.query(INSERT_ATTEMPT, post_id, number)
    account_page.goto(f"/posts/{post_id}")
    answers = account_page.locator(".answers dt")
    expect(answers).to_have_text(["Is it on TikTok?", "Why?", "What can you do?"])
    for answer in account_page.locator(".answers dd").all_text_contents():
        assert answer.strip() != ""
    expect(account_page.get_by_text("Try 1 failed")).to_be_visible()
    expect(account_page.get_by_text("Try 2 failed")).to_be_visible()
    expect(account_page.locator(".timeline")).to_contain_text("log id 2026-7")
    account_page.locator("details.try summary").click()
    expect(account_page.locator("details.try pre").first).to_contain_text("<removed>")
    assert PLANTED not in account_page.content()
    save_screenshot(account_page, "post-failed")


@pytest.mark.statement(27)
def test_the_calls_of_a_failed_post_are_displayed_without_planted_secrets(api, account_page, stack):
    stack.sandbox.control("settings", fail_reason="duration_check_failed")
    fields = {"creator_avatar_url": PLANTED}
    stack.sandbox.control("faults", endpoint="creator_info", kind="other_values", fields=fields)
    post_id = api.publish_file(**DIRECT_FIELDS, title="Too long for TikTok")
    account_page.goto(f"/posts/{post_id}")
    expect(account_page.locator(".badge.large")).to_contain_text("Failed")
    account_page.evaluate("for (const each of document.querySelectorAll('details')) each.open = 1")
    call = account_page.locator("details.try", has_text="/creator_info/query/")
    expect(call).to_contain_text("authorization removed by signalpost")
    expect(call).to_contain_text('"creator_avatar_url": <string>')
    secrets = [PLANTED, r"\bact\.\w{8}", "upload_token", stack.info["api_key"]]
    assert [secret for secret in secrets if re.search(secret, account_page.content())] == []
    stack.reset_sandbox()


@pytest.mark.statement(27)
def test_a_failed_carousel_names_the_item_that_failed(account_page, stack):
    stack.query(INSERT_CAROUSEL)
    post_id = stack.query_value("SELECT max(id) FROM posts")
    account_page.goto(f"/posts/{post_id}")
    expect(account_page.locator("ol.items > li")).to_have_count(3)
    expect(account_page.locator("ol.items > li.fail")).to_contain_text("Item 2, failed")
    expect(account_page.locator("ol.items > li").first).to_contain_text("Item 1, ready")
    expect(account_page.locator(".say")).to_contain_text("Item 2:")
    save_screenshot(account_page, "post-carousel-failed")


def test_the_timeline_can_be_read_from_its_beginning(account_page, insert_state, stack):
    post_id = insert_state("FAILED", error="internal")
    for number in (1, 2):
        stack.query(INSERT_ATTEMPT, post_id, number)
    tries = account_page.locator(".timeline b")
    account_page.goto(f"/posts/{post_id}")
    expect(tries).to_have_text(["Try 2 failed", "Try 1 failed"])
    account_page.get_by_role("link", name="Oldest first").click()
    expect(tries).to_have_text(["Try 1 failed", "Try 2 failed"])


@pytest.mark.statement(28)
def test_sending_again_what_may_be_published_needs_the_tick_and_a_double_click_makes_one_post(
    account_page, insert_state, stack
):
    post_id = insert_state("UNCONFIRMED", **URL_POST)
    account_page.goto(f"/posts/{post_id}")
    expect(account_page.locator(".badge.ask")).to_contain_text("Being confirmed")
    expect(account_page.get_by_text("it appears twice").first).to_be_visible()
    save_screenshot(account_page, "post-unconfirmed")
    button = account_page.get_by_role("button", name="Try again anyway")
    button.click()
    expect(account_page).to_have_url(
        re.compile(rf"/posts/{post_id}$")
    )  # the browser wants the tick
    before = stack.query_value(POST_COUNT)
    csrf = account_page.locator(".verdict form input[name=csrf_token]").first.input_value()
    for _ in range(2):  # without a script that stops it, as two quick clicks are
        response = account_page.request.post(
            f"/posts/{post_id}/retry", form={"csrf_token": csrf}, max_redirects=0
        )
        assert response.status == 302
    account_page.reload()
    expect(account_page.locator(".message.bad").first).to_contain_text("Tick the box first")
    assert stack.query_value(POST_COUNT) == before
    account_page.get_by_role("checkbox", name="I accept the risk").check()
    button.dblclick()
    account_page.wait_for_url(re.compile(rf"/posts/(?!{post_id}$)\d+$"))
    assert stack.query_value(POST_COUNT) == before + 1


def test_two_clicks_on_try_again_make_one_post(account_page, insert_state, stack):
    post_id = insert_state("FAILED", error="internal", **URL_POST)
    before = stack.query_value(POST_COUNT)
    account_page.goto(f"/posts/{post_id}")
    account_page.get_by_role("button", name="Try again").dblclick()
    account_page.wait_for_url(re.compile(rf"/posts/(?!{post_id}$)\d+$"))
    assert stack.query_value(POST_COUNT) == before + 1
    expect(account_page.locator(".facts")).to_contain_text(f"post {post_id}")
    account_page.goto(f"/posts/{post_id}")
    expect(account_page.locator(".facts")).to_contain_text("Retried as")


@pytest.mark.statement(29)
@pytest.mark.parametrize(
    ("state", "columns", "buttons"),
    [
        ("QUEUED", {"publish_at": "2031-01-01"}, ["Cancel the post"]),
        ("QUEUED", {"hold_reason": "wait_for_release"}, ["Cancel the post", "Release"]),
        ("SENDING", {}, ["Cancel the post"]),
        ("PROCESSING", {}, []),
        ("PUBLISHED", {"permalink": "https://www.tiktok.com/@a/video/1"}, []),
        ("CANCELLED", {}, ["Try again"]),
    ],
    ids=["scheduled", "held", "sending", "processing", "published", "cancelled"],
)
def test_actions_are_offered_only_in_states_that_allow_them(
    account_page, insert_state, state, columns, buttons
):
    post_id = insert_state(state, **columns)
    account_page.goto(f"/posts/{post_id}")
    assert list_buttons(account_page) == buttons
    has_link = account_page.get_by_role("link", name="View on TikTok").count() == 1
    assert has_link is ("permalink" in columns)


@pytest.mark.statement(29)
def test_a_held_post_is_released_and_a_scheduled_one_is_cancelled(account_page, insert_state):
    held = insert_state("QUEUED", hold_reason="wait_for_release", publish_at="2031-01-01")
    account_page.goto(f"/posts/{held}")
    account_page.get_by_role("button", name="Release").click()
    expect(account_page.locator(".badge.large")).to_contain_text("Scheduled")
    account_page.get_by_role("button", name="Cancel the post").click()
    expect(account_page.locator(".badge.large")).to_contain_text("Cancelled")
    expect(account_page.locator(".answers dd").first).to_contain_text("No.")


@pytest.mark.statement(29)
def test_a_post_is_rescheduled_and_duplicated_from_its_page(account_page, insert_state, stack):
    post_id = insert_state("QUEUED", publish_at="2031-01-01", due_at="2031-01-01")
    account_page.goto(f"/posts/{post_id}")
    account_page.get_by_role("link", name="Reschedule").click()
    expect(account_page).to_have_url(re.compile(rf"/move/{post_id}"))
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + NINE_DAYS
    account_page.fill("#move-date", f"{noon:%Y-%m-%d}")
    account_page.fill("#move-time", "12:00")
    account_page.get_by_role("button", name="Move", exact=True).click()
    expect(account_page.get_by_text("Moved A post that is queued")).to_be_visible()
    assert stack.query_value("SELECT publish_at FROM posts WHERE id = %s", post_id) == noon
    account_page.goto(f"/posts/{post_id}")
    account_page.get_by_role("link", name="Duplicate").click()
    expect(account_page).to_have_url(re.compile(rf"/compose\?from={post_id}"))
    texts = "Array.from(document.querySelectorAll('textarea'), (each) => each.value)"
    assert "A post that is queued" in account_page.evaluate(texts)


TITLES = {"en-GB": "The sea at dawn", "fr-FR": "La mer à l'aube"}


@pytest.mark.parametrize(
    ("locale", "width", "scheme"),
    [
        ("en-GB", 1280, "light"),
        ("en-GB", 1280, "dark"),
        ("fr-FR", 360, "light"),
        pytest.param("fr-FR", 1280, "light", marks=pytest.mark.chaos),
    ],
    ids=["english", "dark", "french-phone", "french"],
)
def test_each_state_of_the_page_is_accessible_and_fits(
    open_page, cookies, account_page, insert_state, stack, locale, width, scheme
):
    failed = insert_state("FAILED", error="video_pull_failed", title=TITLES[locale])
    stack.query(INSERT_EXCHANGE, failed)
    stack.query(INSERT_ATTEMPT, failed, 1)
    paths = [failed, insert_state("UNCONFIRMED"), insert_state("SENDING", bytes_total=1000)]
    viewport = {"width": width, "height": 900}
    page = add_cookies(
        open_page(locale=locale, viewport=viewport, color_scheme=scheme, reduced_motion="reduce"),
        cookies,
    )
    for post_id in paths:
        page.goto(f"/posts/{post_id}")
        page.evaluate(
            "document.querySelectorAll('details.try').forEach((each) => each.open = true)"
        )
        assert "\n".join(find_axe_violations(page)) == ""
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"/posts/{failed}")
    page.evaluate("document.querySelectorAll('details.try').forEach((each) => each.open = true)")
    save_screenshot(page, f"post-failed-{locale}-{scheme}-{width}")
