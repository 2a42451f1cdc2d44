"""After an account was erased, nothing of its person is left: in no row, key, file or log."""

import time

import pytest

from tests.flows.brokers import wait_until
from tests.flows.readable_texts import log_texts, redis_entries, table_rows

TITLE, IDEMPOTENCY_KEY = "canary title of the creator", "canary-key-of-the-request"
TIKTOK_NAMES = {
    "nickname": "Canary Creator",
    "username": "canarycreator",
    "bio_description": "canary of the mine",
}
TOMORROW = 86_400  # seconds


def media_files(stack):
    """Yield every file in the media store by its size and place."""
    for path in (stack.folder / "data" / "media").rglob("*"):
        if path.is_file():
            yield f"file {path.name}", str(path)


def find_places(stack, traces, *sources):
    """Return the places in which one of the traces is readable, each with what was found."""
    found = {}
    for source in sources:
        for place, text in source(stack):
            seen = {trace for trace in traces if trace in text}
            if seen:
                found.setdefault(place, set()).update(seen)
    return found


def wait_until_erased(stack, traces):
    """Wait for the search of webhook events, which a large table makes longer than a request."""
    wait_until(
        lambda: not find_places(stack, traces, table_rows),
        what=f"no trace; left: {find_places(stack, traces, table_rows)}",
    )


@pytest.fixture
def endpoint(api_user):
    """A host application that is never reached: its messages stay in the outbox."""
    fields = {"url": "http://127.0.0.1:1/events", "description": "canary test"}
    created = api_user.call_json("POST", "/api/endpoints", json=fields)
    yield created["data"]
    api_user.call("DELETE", f"/api/endpoints/{created['data']['id']}")


def publish_everything(stack, user):
    """A published post, a scheduled one with its file, and a refused one; return their ids."""
    published = user.publish_file(title=TITLE, key=IDEMPOTENCY_KEY)
    user.wait_until_final(published)
    due_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TOMORROW))
    scheduled = user.publish_file(title=f"{TITLE} tomorrow", publish_at=due_at)
    events = "SELECT 1 FROM webhook_events WHERE account = %s AND processed_at IS NOT NULL"
    wait_until(lambda: stack.query(events, user.open_id), what="an applied event")
    return published, scheduled


def test_an_erased_creator_is_found_nowhere(stack, endpoint):
    user = stack.create_api_user(**TIKTOK_NAMES)
    published, scheduled = publish_everything(stack, user)
    publish_ids = [
        row[0]
        for row in stack.query(
            "SELECT publish_id FROM tiktok_posts WHERE ledger_id = ANY(%s)", [published, scheduled]
        )
        if row[0]
    ]
    names = {TITLE, IDEMPOTENCY_KEY, user.open_id, *TIKTOK_NAMES.values(), *publish_ids}
    before = find_places(stack, names, table_rows)
    tables = {place.removeprefix("table ") for place in before}
    assert {"oauth_accounts", "posts", "tiktok_posts", "outbox", "webhook_events"} <= tables
    files_before = {place for place, _ in media_files(stack)}
    user.call_json(
        "POST", "/api/tiktok/disconnect", json={"accountId": user.account_id, "erase": True}
    )
    wait_until_erased(stack, names)
    assert find_places(stack, names, redis_entries) == {}
    assert find_places(stack, names - {user.open_id, *publish_ids}, log_texts) == {}
    assert {place for place, _ in media_files(stack)} < files_before
    assert stack.query("SELECT 1 FROM posts WHERE id = ANY(%s)", [published, scheduled]) == []


def test_without_erase_the_history_stays_until_it_is_erased_later(stack):
    """The negative control, and the way out for who changes their mind."""
    user = stack.create_api_user(**TIKTOK_NAMES)
    user.wait_until_final(user.publish_file(title=TITLE))
    user.call_json("POST", "/api/tiktok/disconnect", json={"accountId": user.account_id})
    assert TITLE in set().union(*find_places(stack, {TITLE}, table_rows).values())
    user.call_json(
        "POST", "/api/tiktok/disconnect", json={"accountId": user.account_id, "erase": True}
    )
    wait_until_erased(stack, {TITLE, user.open_id})
