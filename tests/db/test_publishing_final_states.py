"""Final states of posts: notifications, metrics, and that nothing is started afterwards."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func

from core.errors import OperationFailed
from core.post_state.settle import FINAL_STATES
from tests.platforms.tiktok_responses import error_response
from tests.support.publishing_harness import FILE_REQUEST, INBOX_INIT_PATH, STATUS_PATH, status_body


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


def notification_kinds(publisher, account):
    return [
        notification.kind for notification in publisher.factory.load_notifications(account.user_id)
    ]


def upload_count(outcome, code="none"):
    labels = {
        "provider": "tiktok",
        "kind": "INBOX_VIDEO",
        "source": "PULL_FROM_URL",
        "outcome": outcome,
        "code": code,
    }
    return REGISTRY.get_sample_value("signalpost_upload_total", labels) or 0


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_post_in_a_final_state_is_never_started_when_made_due(publisher, account, state):
    """A post found in the public video list is published and has no publish_id."""
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.update_post(post_id, state=state, finished_at=func.now(), due_at=func.now())

    publisher.run_workers(2)

    post = publisher.post(post_id)
    assert (post.state, post.due_at) == (state, None)
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


@pytest.mark.parametrize(
    ("status", "more", "kind", "outcome", "code"),
    [
        ("SEND_TO_USER_INBOX", {}, "post_in_inbox", "published", "none"),
        ("PUBLISH_COMPLETE", {}, "post_published", "published", "none"),
        ("FAILED", {"fail_reason": "internal"}, "post_failed", "failed", "internal"),
    ],
)
def test_a_final_state_is_notified_once_and_counted_once(
    publisher, account, status, more, kind, outcome, code
):
    before = upload_count(outcome, code)
    publisher.request_upload(account.user_id)
    publisher.set_responses(STATUS_PATH, status_body(status, **more))

    publisher.run_workers(3)

    assert notification_kinds(publisher, account) == [kind]
    assert upload_count(outcome, code) == before + 1


def test_a_draft_that_is_posted_later_notifies_again(publisher, account):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    publisher.run_workers(1)
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))

    publisher.run_workers(1)

    assert publisher.tiktok_post(post_id).status == "PUBLISH_COMPLETE"
    assert set(notification_kinds(publisher, account)) == {"post_in_inbox", "post_published"}


def test_a_lost_start_response_is_notified_as_unconfirmed(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)

    publisher.request_upload(account.user_id)

    assert notification_kinds(publisher, account) == ["post_unconfirmed"]


def test_a_caller_who_got_the_error_as_response_is_not_notified_as_well(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, error_response(403, "url_ownership_unverified"))
    with pytest.raises(OperationFailed):
        publisher.request_upload(account.user_id)
    publisher.drop_responses(INBOX_INIT_PATH)
    with pytest.raises(OperationFailed):
        publisher.request_upload(account.user_id, FILE_REQUEST)

    assert notification_kinds(publisher, account) == []


def test_a_cancelled_post_causes_no_notification(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id

    publisher.cancel_post(post_id)

    assert notification_kinds(publisher, account) == []
