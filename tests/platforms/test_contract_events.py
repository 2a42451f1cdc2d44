"""Every kind of event that a platform sends has its effect, whatever the order and the number."""

import json
import time
from datetime import UTC, datetime

import pytest

from platforms.base import IGNORED_KIND
from platforms.platform import Effect

DELIVERY_TIMEOUT = 10.0  # seconds
NEEDED_FIELDS = {
    Effect.PUBLICATION: ("publish_id", "progress"),
    Effect.GRANT_REMOVED: ("removal_reason",),
    Effect.COMMENT: ("comment", "item_id"),
    Effect.MENTION: ("item_id",),
    Effect.METRICS: ("item_id", "counts"),
    Effect.MEDIA_CHANGED: (),
    Effect.STORED: (),
}
"""Effect → fields without which it cannot be brought about."""


def wait_for_events(sandbox, account, count):
    """Return that many events about the account; every delivery has to be signed correctly."""
    deadline, events = time.monotonic() + DELIVERY_TIMEOUT, []
    while len(events) < count:
        headers, body = sandbox.deliveries.get(timeout=max(0.1, deadline - time.monotonic()))
        assert sandbox.adapter.webhooks.verify(headers, body, now=datetime.now(UTC)).reason == "ok"
        parsed = sandbox.adapter.webhooks.parse(body)
        events += [event for event in parsed if event.platform_user_id == account.id]
    return events


def send_event(account, kind):
    account.sandbox.profile.events[kind](account)
    (event,) = wait_for_events(account.sandbox, account, 1)
    return event


def test_every_event_rule_has_an_event_here(contract_sandbox, contract_account):
    assert set(contract_sandbox.profile.events) == set(contract_account.platform.event_effects)


def test_every_event_brings_what_its_effect_needs(contract_sandbox, contract_account):
    for kind in contract_sandbox.profile.events:
        event = send_event(contract_account, kind)
        assert event.kind == kind
        effect = contract_account.platform.event_effects[event.kind]
        missing = [name for name in NEEDED_FIELDS[effect] if getattr(event, name) is None]
        assert missing == [], kind
        assert len(event.key) <= 255


def test_an_event_is_the_same_when_it_is_parsed_from_storage(contract_sandbox, contract_account):
    for kind in contract_sandbox.profile.events:
        event = send_event(contract_account, kind)
        stored = json.loads(json.dumps(event.payload))
        assert contract_sandbox.adapter.webhooks.parse_stored(stored) == event
        columns = {
            name: getattr(event, name)
            for name in ("key", "kind", "vendor_event", "payload", "platform_user_id", "publish_id")
        }
        written = json.loads(json.dumps(event.to_stored()))
        assert type(event).from_stored(written, **columns) == event


def test_a_repeated_delivery_has_the_same_key(contract_sandbox, contract_account):
    """The platform signs each attempt anew, and may change what is around the event."""
    for kind in contract_sandbox.profile.events:
        contract_sandbox.inject_fault("webhook", "duplicate", copies=3)
        contract_sandbox.profile.events[kind](contract_account)
        events = wait_for_events(contract_sandbox, contract_account, 3)
        assert len({event.key for event in events}) == 1, kind


def test_different_events_have_different_keys_whatever_their_order(
    contract_sandbox, contract_account
):
    kinds = list(contract_sandbox.profile.events)
    contract_sandbox.inject_fault("webhook", "shuffle", copies=len(kinds), times=len(kinds))
    for kind in kinds:
        contract_sandbox.profile.events[kind](contract_account)
    events = wait_for_events(contract_sandbox, contract_account, len(kinds))
    assert len({event.key for event in events}) == len(kinds)
    assert sorted(event.kind for event in events) == sorted(kinds)


@pytest.mark.parametrize("forgery", ["wrong_secret", "tampered", "unsigned"])
def test_a_forged_delivery_is_refused(contract_sandbox, contract_account, forgery):
    """The negative control is every other test here: their deliveries are accepted."""
    kind = next(iter(contract_sandbox.profile.events))
    contract_sandbox.profile.events[kind](contract_account)
    headers, body = contract_sandbox.deliveries.get(timeout=DELIVERY_TIMEOUT)
    forged = {
        "wrong_secret": ({name: value[::-1] for name, value in headers.items()}, body),
        "tampered": (headers, body.replace(b"1", b"2")),
        "unsigned": ({}, body),
    }
    forged_headers, forged_body = forged[forgery]
    verdict = contract_sandbox.adapter.webhooks.verify(
        forged_headers, forged_body, now=datetime.now(UTC)
    )
    assert not verdict.ok


def test_an_event_without_a_rule_is_stored_without_an_effect(contract_account):
    webhooks = contract_account.adapter.webhooks
    effects = contract_account.platform.event_effects
    assert IGNORED_KIND not in effects
    kind = next(iter(contract_account.sandbox.profile.events))
    event = send_event(contract_account, kind)
    renamed = json.loads(
        json.dumps(event.payload).replace(json.dumps(event.vendor_event), '"a.new.event"')
    )
    unknown = webhooks.parse_stored(renamed)
    assert unknown.kind == IGNORED_KIND
    assert unknown.key != event.key
