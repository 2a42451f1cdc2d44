"""An event about a post is applied only if it is about the account of the post."""

import pytest

from core.observability import metrics
from tests.db.webhooks_harness import publish_event
from tests.support.tiktok_webhooks import CREATOR


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account(open_id=CREATOR)


@pytest.mark.parametrize("batch", [200, 1], ids=["together", "apart"])
def test_an_event_of_another_account_does_not_change_the_post(webhook_harness, account_id, batch):
    other = webhook_harness.create_account()
    post = webhook_harness.create_publication(account_id)
    before = webhook_harness.timeline(post)
    of_other = {"user_openid": webhook_harness.open_id(other)}
    failed = publish_event("failed", content={"reason": "internal"}, **of_other)
    unknown = publish_event("inbox_delivered", user_openid="nobody")
    events = webhook_harness.store_envelopes(failed, unknown)
    counted = count_processed("other_account")
    for _ in events:
        webhook_harness.process_events(batch_size=batch)
    row = webhook_harness.post(post)
    assert (row.state, row.due_at, webhook_harness.timeline(post)) == ("PROCESSING", None, before)
    for event in map(webhook_harness.load_event, events):
        assert (event.status, event.due_at) == ("ignored", None)
        assert event.last_error.startswith("other_account: ")
    assert count_processed("other_account") == counted + 2
    webhook_harness.store_envelopes(publish_event("complete"))  # the negative control
    webhook_harness.process_events()
    assert webhook_harness.post(post).state == "PUBLISHED"


def count_processed(outcome):
    """How many TikTok events this process has counted with this outcome."""
    (counter,) = metrics.WEBHOOKS_PROCESSED.collect()
    return sum(
        sample.value
        for sample in counter.samples
        if sample.labels.get("outcome") == outcome and sample.name.endswith("_total")
    )


@pytest.mark.parametrize(
    ("columns", "fields"),
    [({"aliases": ["former-id"]}, {"user_openid": "former-id"}), ({}, {"user_openid": None})],
    ids=["a former id of the account", "no account named"],
)
def test_an_event_that_may_be_of_the_account_is_applied(webhook_harness, columns, fields):
    post = webhook_harness.create_publication(webhook_harness.create_account(**columns))
    webhook_harness.store_envelopes(publish_event("complete", **fields))
    webhook_harness.process_events()
    assert webhook_harness.post(post).state == "PUBLISHED"
