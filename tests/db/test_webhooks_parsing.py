"""Stored webhook events are parsed once: from the result stored with them, or from the payload."""

from dataclasses import replace

import pytest
from sqlalchemy import func

from core.webhooks import replay_events
from db.webhooks.events import EventFilter
from tests.db.webhooks_harness import publish_event
from tests.support.tiktok_webhooks import CREATOR


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account(open_id=CREATOR)


class AdapterWithoutParser:
    """Fails the test if the stored payload is parsed."""

    def parse_stored(self, payload):
        raise AssertionError(f"parsed a second time: {payload}")


def test_a_stored_event_is_not_parsed_a_second_time(webhook_harness, account_id):
    posts = [webhook_harness.create_publication(account_id, f"p{number}") for number in range(2)]
    events = webhook_harness.store_envelopes(
        publish_event("publicly_available", "p0", content={"post_id": "77"}),
        publish_event("failed", "p1", content={"reason": "internal"}),
    )
    without_parser = {"tiktok": AdapterWithoutParser()}
    webhook_harness.services = replace(webhook_harness.services, webhook_adapters=without_parser)
    webhook_harness.process_events()
    assert [webhook_harness.load_event(event).status for event in events] == ["done", "done"]
    published, failed = (webhook_harness.post(post) for post in posts)
    assert (published.state, published.platform_post_id) == ("PUBLISHED", "77")
    assert (failed.state, failed.error_code) == ("FAILED", "internal")
    assert [webhook_harness.load_event(event).parsed for event in events] == [None, None]


def test_an_event_stored_by_an_older_version_is_parsed_from_its_payload(
    webhook_harness, account_id
):
    post = webhook_harness.create_publication(account_id)
    (event,) = webhook_harness.store_envelopes(publish_event("complete"), parsed=None)
    assert webhook_harness.load_event(event).parsed is None
    webhook_harness.process_events()
    assert webhook_harness.post(post).state == "PUBLISHED"
    assert webhook_harness.load_event(event).status == "done"


def test_a_replayed_event_is_parsed_again_from_its_payload(webhook_harness, account_id):
    post = webhook_harness.create_publication(account_id)
    (event,) = webhook_harness.store_envelopes(publish_event("complete", "v_pub~2"))
    webhook_harness.update_events(
        event, status="dead", dead_at=func.now(), payload_json=publish_event("complete")
    )
    webhook_harness.update_events(event, publish_id="v_pub~1")
    replay_events(webhook_harness.database, EventFilter(ids=[event]))
    webhook_harness.process_events()
    assert webhook_harness.load_event(event).status == "done"
    assert webhook_harness.post(post).state == "PUBLISHED"


def test_a_stored_parse_of_another_version_is_an_unreadable_event(webhook_harness, account_id):
    (event,) = webhook_harness.store_envelopes(
        publish_event("complete"), parsed={"progress": {"phase": "NEW", "vendor_status": "x"}}
    )
    webhook_harness.process_events()
    row = webhook_harness.load_event(event)
    assert (row.status, row.last_error) == ("dead", "unreadable: 'NEW' is not a valid Phase")


def test_a_payload_that_cannot_be_parsed_is_dead_at_once(webhook_harness, account_id):
    post = webhook_harness.create_publication(account_id)
    bad, good = webhook_harness.store_envelopes(
        publish_event("complete", "v_pub~2"), publish_event("complete")
    )
    webhook_harness.update_events(bad, payload_json={"no": "event"}, parsed=None)
    webhook_harness.process_events()
    assert webhook_harness.load_event(bad).status == "dead"
    assert webhook_harness.load_event(bad).last_error.startswith("unreadable")
    assert webhook_harness.post(post).state == "PUBLISHED"
    assert webhook_harness.load_event(good).status == "done"
