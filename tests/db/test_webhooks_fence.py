"""An event that is not ours any more when its batch is recorded changes nothing."""

import pytest
from sqlalchemy import delete, event
from sqlalchemy.orm import Session

from core.webhooks.process import WEBHOOK_JOB_TYPE
from db.webhooks.events import Event
from tests.db.webhooks_harness import publish_event
from tests.support.tiktok_webhooks import CREATOR


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account(open_id=CREATOR)


def test_an_event_that_is_claimed_again_meanwhile_is_not_applied_and_the_others_are(
    webhook_harness, account_id
):
    """Its lease has expired while its first worker was away: the second claim raises the token."""
    posts = [webhook_harness.create_publication(account_id, f"p{number}") for number in range(3)]
    events = webhook_harness.store_envelopes(
        *(publish_event("complete", f"p{number}") for number in range(3))
    )

    def claim_again(event, services):
        if event.id == events[1]:
            webhook_harness.update_events(event.id, lease_token=Event.lease_token + 1)
        return WEBHOOK_JOB_TYPE.execute(event, services)

    report = webhook_harness.process_events(execute=claim_again)
    assert (report.recorded, report.stale_leases) == (2, 1)
    assert webhook_harness.load_event(events[1]).status == "pending"
    assert [webhook_harness.post(post).state for post in posts] == [
        "PUBLISHED",
        "PROCESSING",
        "PUBLISHED",
    ]
    assert webhook_harness.timeline(posts[1]) == []


@pytest.mark.parametrize("number", [1, 3])
def test_events_that_are_deleted_while_they_are_applied_change_nothing(
    webhook_harness, account_id, number
):
    posts = [webhook_harness.create_publication(account_id, f"p{n}") for n in range(number)]
    webhook_harness.store_envelopes(*(publish_event("complete", f"p{n}") for n in range(number)))

    def delete_event(event, services):
        with webhook_harness.database.transaction() as session:
            session.execute(delete(Event).where(Event.id == event.id))
        return WEBHOOK_JOB_TYPE.execute(event, services)

    report = webhook_harness.process_events(execute=delete_event)
    assert (report.recorded, report.failed, report.stale_leases) == (0, 0, number)
    assert {webhook_harness.post(post).state for post in posts} == {"PROCESSING"}


def test_only_the_commit_of_a_claim_does_not_wait_for_the_disk(webhook_harness, account_id):
    """A claim that is lost with Postgres was not made; what was applied is on the disk."""
    webhook_harness.create_publication(account_id)
    webhook_harness.store_envelopes(publish_event("complete"))
    seen = []

    def note_setting(session):
        setting = session.connection().exec_driver_sql("SHOW synchronous_commit").scalar_one()
        seen.append(setting)

    event.listen(Session, "before_commit", note_setting)
    try:
        assert webhook_harness.process_events().recorded == 1
    finally:
        event.remove(Session, "before_commit", note_setting)
    assert seen[:2] == ["off", "on"]
