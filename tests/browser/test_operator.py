"""The operators' pages in a browser: a stopped queue, a replay by filter, accessibility."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import add_cookies, connect_account, save_screenshot
from tests.browser.keyboard import press
from tests.browser.test_accessibility import find_axe_violations
from tests.support.tiktok_webhooks import build_envelope

NOTICE_LIMIT_MS = 35_000  # milliseconds until a page names what has stopped
SENTENCE = ".ok-bar .say"
INSERT_DEAD_EVENTS = """INSERT INTO webhook_events
    (external_id, provider, event_type, payload_json, publish_id, status, dead_at, next_attempt_at,
    retry_count, error_message)
  SELECT 'browser-replay-' || %s || n, 'tiktok', %s, %s, %s, 'dead', now(), NULL, 15,
    'unknown_publication: no post has this publish_id' FROM generate_series(1, %s) AS n"""
LEASE_EVENT = """INSERT INTO webhook_events
    (external_id, provider, event_type, payload_json, leased_until)
  VALUES ('browser-leased', 'tiktok', 'tiktok.ping', '{}', now() + interval '5 minutes')"""
DELETE_LEASED_EVENT = "DELETE FROM webhook_events WHERE external_id = 'browser-leased'"
DELETE_DEAD_EVENTS = "DELETE FROM webhook_events WHERE starts_with(external_id, 'browser-replay-')"


@pytest.fixture
def dead_events(signed_in, stack, insert_post):
    """100 dead events without effect, and one that says that a published post has failed."""
    connect_account(signed_in, stack)
    post_id = insert_post("Already published", step="PUBLISHED")
    publish_id = f"browser-final-{post_id}"
    stack.query("UPDATE posts SET publish_id = %s WHERE id = %s", publish_id, post_id)
    ping = json.dumps(build_envelope("tiktok.ping"))
    stack.query(INSERT_DEAD_EVENTS, "ping-", "tiktok.ping", ping, None, 100)
    failure = json.dumps(
        build_envelope(
            "post.publish.failed", publish_id=publish_id, content={"reason": "file_format"}
        )
    )
    kind = "video.publish.failed"
    stack.query(INSERT_DEAD_EVENTS, "failed-", kind, failure, publish_id, 1)
    yield post_id
    stack.query(DELETE_DEAD_EVENTS)


@pytest.mark.statement(34)
def test_monitoring_names_a_stopped_queue_and_recovers_when_its_worker_returns(signed_in, stack):
    signed_in.goto("/monitoring")
    sentence = signed_in.locator(SENTENCE)
    expect(sentence).not_to_contain_text("uploads")
    with stack.freeze("uploads"):
        expect(sentence).to_have_text("No worker answers for: uploads.", timeout=NOTICE_LIMIT_MS)
        save_screenshot(signed_in, "operator-monitoring-stopped")
        assert find_axe_violations(signed_in) == []
    # "Work is moving": an alert of the frozen worker may still be open.
    expect(sentence).to_contain_text("moving", timeout=NOTICE_LIMIT_MS)


@pytest.mark.statement(35)
def test_a_replay_by_filter_is_counted_and_typed_and_changes_nothing_final(
    signed_in, stack, dead_events
):
    signed_in.goto("/admin/events?status=dead")
    expect(signed_in.get_by_text(re.compile("101 . unknown_publication"))).to_be_visible()
    save_screenshot(signed_in, "operator-dead-letters")
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_role("link", name="Replay all that match").click()
    expect(signed_in.get_by_role("heading", name="101 events are replayed")).to_be_visible()
    signed_in.get_by_label("Type 101 to confirm").fill("100")
    signed_in.get_by_role("button", name="Replay now").click()
    expect(signed_in.get_by_role("alert")).to_contain_text("Type the number of events, 101")
    expect(signed_in).to_have_title(re.compile("^Error: "))
    signed_in.errors.clear()  # the console notes the refused form
    save_screenshot(signed_in, "operator-replay-refused")
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_label("Type 101 to confirm").fill("101")
    signed_in.keyboard.press("Enter")
    result = signed_in.get_by_role("region", name="Result")
    expect(result).to_contain_text("101 events were replayed.")
    assert find_axe_violations(signed_in) == []
    state = "SELECT state FROM posts WHERE id = %s"
    assert stack.query_value(state, dead_events) == "PUBLISHED"
    signed_in.goto("/admin/audit?action=webhooks.replayed")
    expect(signed_in.locator("tbody tr").first).to_contain_text("count: 101")


@pytest.mark.statement(38)
def test_an_event_says_what_it_changed_and_is_replayed_from_a_dialog(signed_in, stack, dead_events):
    event_id = stack.query_value(
        "SELECT id FROM webhook_events WHERE publish_id = %s", f"browser-final-{dead_events}"
    )
    signed_in.goto(f"/admin/events/{event_id}")
    save_screenshot(signed_in, "operator-event")
    assert find_axe_violations(signed_in) == []
    opener = signed_in.get_by_role("link", name="Replay", exact=True)
    press(signed_in, opener)
    dialog = signed_in.get_by_role("dialog")
    expect(dialog).to_be_visible()
    signed_in.keyboard.press("Escape")
    expect(opener).to_be_focused()
    signed_in.keyboard.press("Enter")
    press(signed_in, dialog.get_by_role("button", name="Replay"))
    result = signed_in.get_by_role("region", name="Result")
    expect(result).to_contain_text("1 event was replayed.")


def test_a_dead_letter_is_discarded_after_a_question(signed_in, stack, dead_events):
    query = "SELECT max(id) FROM webhook_events WHERE dead_at IS NOT NULL"
    event_id = stack.query_value(query)
    signed_in.goto(f"/admin/events/{event_id}/discard")  # as without a script
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_role("link", name="Cancel").click()
    signed_in.get_by_role("link", name="Discard").click()
    dialog = signed_in.get_by_role("dialog", name=f"Discard event {event_id}?")
    expect(dialog).to_be_visible()
    assert find_axe_violations(signed_in) == []
    dialog.get_by_role("button", name="Discard").click()
    expect(
        signed_in.get_by_text("The event is discarded. It can still be replayed.")
    ).to_be_visible()
    assert stack.query_value(query) != event_id


def test_dead_letters_are_discarded_by_filter_and_restored(signed_in, stack, dead_events):
    signed_in.goto("/admin/events?status=dead&type=tiktok.ping")
    signed_in.get_by_role("link", name="Discard all that match").click()
    expect(signed_in.get_by_role("heading", name="100 dead letters are discarded")).to_be_visible()
    save_screenshot(signed_in, "operator-discard")
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_role("button", name="Discard now").click()
    result = signed_in.get_by_role("region", name="Result")
    expect(result).to_contain_text("100 dead letters were discarded.")
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_role("button", name="Undo").click()
    expect(signed_in.locator(".message.good")).to_contain_text("dead letters again: 100")
    signed_in.goto("/admin/audit?action=webhooks.restored")
    expect(signed_in.locator("tbody tr").first).to_contain_text("count: 100")


def test_updates_of_monitoring_are_paused_by_a_link(signed_in):
    signed_in.goto("/monitoring")
    signed_in.get_by_role("link", name="Pause updates").click()
    expect(signed_in.get_by_text("Updates are paused.")).to_be_visible()
    expect(signed_in.locator("[data-live]")).to_have_count(0)


@pytest.mark.statement(37)
def test_wide_tables_scroll_inside_their_region_on_a_phone(open_page, cookies, stack, dead_events):
    page = open_page(viewport={"width": 360, "height": 800}, locale="fr-FR", color_scheme="dark")
    page.context.add_cookies(cookies)
    user_id = stack.query_value("SELECT min(id) FROM users")
    for path in ("/monitoring", "/admin/events?status=dead", f"/admin/users/{user_id}"):
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, path
        assert find_axe_violations(page) == [], path
        save_screenshot(page, f"operator-phone{path.partition('?')[0].replace('/', '-')}")
    region = page.locator(".scroll[tabindex='0']").first
    region.focus()
    expect(region).to_be_focused()


@pytest.mark.statement(39)
def test_events_are_replayed_by_filter_without_script(open_page, cookies, dead_events):
    page = add_cookies(open_page(java_script_enabled=False), cookies)
    page.goto("/monitoring")
    expect(page.locator(SENTENCE)).to_be_visible()
    expect(page.get_by_role("link", name="Refresh")).to_be_visible()
    page.goto("/admin/events?status=dead")
    page.get_by_role("link", name="Replay all that match").click()
    page.get_by_label("Type 101 to confirm").fill("101")
    page.get_by_role("button", name="Replay now").click()
    result = page.get_by_role("region", name="Result")
    expect(result).to_be_visible()
    while "101 events were replayed." not in result.inner_text():
        page.get_by_role("link", name="Refresh").click()


def test_a_worker_is_listed_with_its_queues_and_what_it_holds(signed_in, stack):
    stack.query(LEASE_EVENT)
    signed_in.goto("/admin/queues")
    workers = signed_in.locator("tr", has=signed_in.get_by_role("rowheader", name="worker@"))
    expect(workers.first).to_contain_text("webhooks: 1 row, the oldest due since")
    expect(signed_in.locator("tr", has_text="uploads@").first).to_contain_text("uploads")
    save_screenshot(signed_in, "operator-workers")
    assert find_axe_violations(signed_in) == []
    stack.query(DELETE_LEASED_EVENT)


def test_a_queue_is_paused_with_a_reason_and_resumed(signed_in):
    signed_in.goto("/admin/queues")
    signed_in.locator("summary", has_text="Pause a platform or a queue").click()
    signed_in.get_by_label("Platform or queue").select_option("insights")
    signed_in.get_by_label("Reason, for whoever finds it paused").fill("a test of pauses")
    signed_in.get_by_label("Its work stops until somebody resumes it.").check()
    save_screenshot(signed_in, "operator-pause")
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_role("button", name="Pause", exact=True).click()
    expect(signed_in.get_by_text("a test of pauses")).to_be_visible()
    save_screenshot(signed_in, "operator-paused")
    assert find_axe_violations(signed_in) == []
    signed_in.get_by_role("button", name="Resume").click()
    expect(signed_in.get_by_text("Nothing is paused.")).to_be_visible()
