"""`authorization.removed`: the platform reports that a creator has revoked the grant."""

import pytest
from sqlalchemy import func, text

from core.accounts import grant_lifecycle
from db.accounts.accounts import Account
from tests.support.row_factory import HOUR
from tests.support.tiktok_webhooks import build_removal


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account()


def test_a_removed_grant_revokes_the_account_once(webhook_harness, account_id):
    queued = webhook_harness.create_post(account_id, due_at=func.now() + HOUR)
    removal = build_removal(
        user_openid=webhook_harness.open_id(account_id), create_time=4_000_000_000
    )
    events = webhook_harness.store_envelopes(removal, {**removal, "create_time": 4_000_000_001})
    webhook_harness.process_events()
    row = webhook_harness.account(account_id)
    assert row.status == "REVOKED"
    assert row.access_token_encrypted is row.refresh_token_encrypted is row.due_at is None
    assert webhook_harness.post(queued).due_at is None
    assert webhook_harness.post(queued).hold_reason == "needs_reconnect"
    assert len(webhook_harness.load_notifications(row.user_id)) == 1
    assert sorted(webhook_harness.load_event(event).status for event in events) == [
        "done",
        "ignored",
    ]


def test_a_removal_older_than_the_grant_changes_nothing(webhook_harness, account_id):
    (event,) = webhook_harness.store_envelopes(
        build_removal(user_openid=webhook_harness.open_id(account_id), create_time=1)
    )
    webhook_harness.process_events()
    assert webhook_harness.account(account_id).status == "ACTIVE"
    assert webhook_harness.load_event(event).status == "ignored"


def test_a_removal_in_the_same_second_as_the_grant_revokes_it(webhook_harness):
    """Platforms cut times to seconds: half a second after the grant looks like before it."""
    account = webhook_harness.create_account(last_refreshed_at=text("to_timestamp(2000000000.4)"))
    webhook_harness.store_envelopes(
        build_removal(user_openid=webhook_harness.open_id(account), create_time=2_000_000_000)
    )
    webhook_harness.process_events()
    assert webhook_harness.account(account).status == "REVOKED"


@pytest.mark.parametrize(
    ("number", "cause"), [(1, "removed_in_app"), (4, "account_banned"), (0, "removed")]
)
def test_the_owner_is_notified_of_the_specific_cause_alone(
    webhook_harness, account_id, number, cause
):
    webhook_harness.update_account(
        account_id, status="NEEDS_RECONNECT", status_cause="revoked", due_at=None
    )
    with webhook_harness.database.transaction() as session:
        grant_lifecycle.notify_owner(
            session, session.get_one(Account, account_id), grant_lifecycle.NEEDS_RECONNECT, why="x"
        )
    webhook_harness.store_envelopes(
        build_removal(
            user_openid=webhook_harness.open_id(account_id),
            create_time=4_000_000_000,
            reason=number,
        )
    )
    webhook_harness.process_events()
    row = webhook_harness.account(account_id)
    assert (row.status, row.status_cause) == ("REVOKED", cause)
    notifications = webhook_harness.load_notifications(row.user_id)
    unread = [notification for notification in notifications if notification.read_at is None]
    assert [(notification.kind, notification.payload["why"]) for notification in unread] == [
        ("disconnected_by_platform", cause)
    ]


def test_the_event_after_our_own_revoke_does_not_end_a_grant_of_the_same_second(webhook_harness):
    account = webhook_harness.create_account(last_refreshed_at=text("to_timestamp(2000000000.4)"))
    webhook_harness.store_envelopes(
        build_removal(
            user_openid=webhook_harness.open_id(account), create_time=2_000_000_000, reason=5
        )
    )
    webhook_harness.process_events()
    assert webhook_harness.account(account).status == "ACTIVE"


def test_the_event_after_our_own_revoke_is_ignored(webhook_harness):
    account = webhook_harness.create_account(
        status="DISCONNECTED", disconnected_at=func.now(), due_at=None
    )
    removal = build_removal(
        user_openid=webhook_harness.open_id(account), create_time=4_000_000_000, reason=5
    )
    (event,) = webhook_harness.store_envelopes(removal)
    webhook_harness.process_events()
    row = webhook_harness.account(account)
    assert row.status == "DISCONNECTED"
    assert webhook_harness.load_notifications(row.user_id) == []
    assert webhook_harness.load_event(event).status == "ignored"


def test_a_removal_of_an_unknown_account_is_ignored(webhook_harness):
    (event,) = webhook_harness.store_envelopes(build_removal(user_openid="unknown"))
    webhook_harness.process_events()
    assert webhook_harness.load_event(event).status == "ignored"
