"""App events are written to the outbox in the transaction of the change, or not at all."""

import json
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import publishing
from core.accounts import disconnect_account, grant_lifecycle
from core.health.housekeeping import run_housekeeping
from core.post_state.settle import PostState
from core.post_state.transitions import apply_one_update, end_one_post
from db.accounts.accounts import Account
from db.outbox.endpoints import Endpoint
from db.outbox.messages import OutboxMessage, OutboxSequence
from db.posts.posts import Post
from platforms.base import Phase, PublishProgress

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def create_subscriber(outbox_harness, **more):
    """Create a user with an account, a post that is being processed, and an endpoint."""
    user = outbox_harness.factory.create_user()
    account = outbox_harness.factory.create_account(user)
    post = outbox_harness.factory.create_post(
        account, state="PROCESSING", publish_id="v_pub~1", title="A video"
    )
    return user, account, post, outbox_harness.create_endpoint(user, **more)


def message_types(outbox_harness, user_id):
    return [message.type for message in outbox_harness.messages(user_id)]


def test_a_published_post_enqueues_its_event_in_the_same_transaction(outbox_harness):
    user, account, post, endpoint = create_subscriber(outbox_harness)
    with outbox_harness.database.transaction() as session:
        row = session.get_one(Post, post)
        apply_one_update(
            session,
            row,
            PublishProgress(Phase.PUBLISHED, "PUBLISH_COMPLETE", post_ids=("71",)),
            source="poll",
        )
        assert outbox_harness.messages(user) == []  # not visible before the commit
    (message,) = outbox_harness.messages(user)
    event = json.loads(message.body)
    assert (message.type, message.subject, message.sequence) == (
        "post.published",
        f"post:{post}",
        1,
    )
    assert event["type"] == "post.published"
    assert event["data"] | {"created_at": None, "finished_at": None} == {
        "post_id": post,
        "account_id": account,
        "platform": "tiktok",
        "kind": "INBOX_VIDEO",
        "source": "FILE_UPLOAD",
        "title": "A video",
        "state": "PUBLISHED",
        "publish_id": "v_pub~1",
        "platform_post_id": "71",
        "error": None,
        "publish_at": None,
        "created_at": None,
        "finished_at": None,
        "sequence": 1,
    }
    assert event["data"]["finished_at"].endswith("Z")
    (delivery,) = outbox_harness.deliveries(endpoint)
    assert delivery.due_at is not None


def test_an_event_names_the_account_behind_the_login_that_was_posted_to(outbox_harness):
    user, account, _, _ = create_subscriber(outbox_harness)
    post = outbox_harness.factory.create_post(account, state="PROCESSING", destination_id=5)
    with outbox_harness.database.transaction() as session:
        end_one_post(session, session.get_one(Post, post), PostState.FAILED, "spam")
    (message,) = outbox_harness.messages(user)
    data = json.loads(message.body)["data"]
    assert (data["account_id"], data["destination_id"]) == (account, 5)


def test_a_rolled_back_change_enqueues_no_event(outbox_harness):
    user, _, post, endpoint = create_subscriber(outbox_harness)
    with suppress(ZeroDivisionError), outbox_harness.database.transaction() as session:
        end_one_post(session, session.get_one(Post, post), PostState.FAILED, "spam")
        session.flush()
        raise ZeroDivisionError
    assert (outbox_harness.messages(user), outbox_harness.deliveries(endpoint)) == ([], [])
    assert outbox_harness.one(select(func.count()).select_from(OutboxSequence)) == 0


def test_the_events_of_a_post_are_numbered_in_order(outbox_harness):
    user, _, _, _ = create_subscriber(outbox_harness)
    account = outbox_harness.factory.create_account(user)
    post = outbox_harness.factory.create_post(account, state="SENDING", publish_id="v_pub~2")
    updates = [
        PublishProgress(Phase.PROCESSING, "PROCESSING_UPLOAD"),
        PublishProgress(Phase.PROCESSING, "PROCESSING_UPLOAD"),
        PublishProgress(Phase.DELIVERED, "SEND_TO_USER_INBOX"),
        PublishProgress(Phase.PUBLISHED, "PUBLISH_COMPLETE"),
        PublishProgress(Phase.PROCESSING, "PROCESSING_UPLOAD"),
    ]
    for update in updates:
        with outbox_harness.database.transaction() as session:
            apply_one_update(session, session.get_one(Post, post), update, source="webhook")
    events = [(message.type, message.sequence) for message in outbox_harness.messages(user)]
    assert events == [("post.processing", 1), ("post.delivered", 2), ("post.published", 3)]


@pytest.mark.parametrize(
    ("state", "kind"), [(PostState.FAILED, "post.failed"), (PostState.CANCELLED, "post.cancelled")]
)
def test_failed_posts_enqueue_an_event_with_their_reason(outbox_harness, state, kind):
    user, _, post, _ = create_subscriber(outbox_harness)
    with outbox_harness.database.transaction() as session:
        end_one_post(session, session.get_one(Post, post), state, "spam_risk", "too many")
    (message,) = outbox_harness.messages(user)
    assert message.type == kind
    error = {"code": "spam_risk", "message": "too many"}
    assert json.loads(message.body)["data"]["error"] == error


def test_a_refused_synchronous_request_enqueues_no_event(outbox_harness):
    user, account, _, _ = create_subscriber(outbox_harness)
    post = outbox_harness.factory.create_post(account, step_state={"inline": True})
    with outbox_harness.database.transaction() as session:
        end_one_post(session, session.get_one(Post, post), PostState.FAILED, "spam_risk")
    assert outbox_harness.messages(user) == []


def test_a_rejected_broker_message_enqueues_an_event(outbox_harness):
    user, _, _, _ = create_subscriber(outbox_harness)
    publishing.enqueue_post(
        outbox_harness.database, outbox_harness.services, {"user_id": user, "source": "nowhere"}
    )
    assert message_types(outbox_harness, user) == ["post.failed"]


def test_account_events_contain_no_tokens(outbox_harness):
    user, account, _, _ = create_subscriber(outbox_harness)
    with outbox_harness.database.transaction() as session:
        grant_lifecycle.mark_needs_reconnect(
            session, session.get_one(Account, account), cause="revoked"
        )
    with outbox_harness.database.transaction() as session:
        grant_lifecycle.mark_revoked(session, session.get_one(Account, account))
    disconnect_account(
        outbox_harness.database,
        outbox_harness.services,
        user_id=user,
        provider="tiktok",
        account_id=account,
    )
    assert message_types(outbox_harness, user) == [
        "account.needs_reconnect",
        "account.revoked",
        "account.disconnected",
    ]
    assert [message.sequence for message in outbox_harness.messages(user)] == [1, 2, 3]
    data = json.loads(outbox_harness.messages(user)[0].body)["data"]
    assert (data["account_id"], data["status"], data["cause"]) == (
        account,
        "NEEDS_RECONNECT",
        "revoked",
    )
    assert "v1." not in "".join(message.body for message in outbox_harness.messages(user))


def test_only_subscribed_endpoints_get_an_event(outbox_harness):
    user = outbox_harness.factory.create_user()
    all_events = outbox_harness.create_endpoint(user)
    failures = outbox_harness.create_endpoint(user, events=["post.failed"])
    disabled = outbox_harness.create_endpoint(user)
    outbox_harness.update_rows(Endpoint, Endpoint.id == disabled, disabled_at=func.now())
    other_user = outbox_harness.create_endpoint()
    outbox_harness.enqueue_event(user, "post.published")
    outbox_harness.enqueue_event(user, "post.failed")
    counts = [
        len(outbox_harness.deliveries(endpoint))
        for endpoint in (all_events, failures, disabled, other_user)
    ]
    assert counts == [2, 1, 0, 0]
    assert len({message.name for message in outbox_harness.messages(user)}) == 2


def test_without_a_subscribed_endpoint_nothing_is_written(outbox_harness):
    user = outbox_harness.factory.create_user()
    outbox_harness.enqueue_event(user)
    assert outbox_harness.messages(user) == []


def test_sequence_numbers_continue_after_the_messages_are_deleted(outbox_harness):
    endpoint = outbox_harness.create_endpoint()
    user = outbox_harness.endpoint(endpoint).user_id
    outbox_harness.enqueue_event(user)
    outbox_harness.update_rows(
        OutboxMessage, OutboxMessage.user_id == user, created_at=func.now() - 31 * DAY
    )
    run_housekeeping(outbox_harness.database, outbox_harness.services)
    assert (outbox_harness.messages(user), outbox_harness.deliveries(endpoint)) == ([], [])
    outbox_harness.enqueue_event(user)
    assert [message.sequence for message in outbox_harness.messages(user)] == [2]


def test_concurrent_events_of_one_subject_get_different_numbers(outbox_harness):
    endpoint = outbox_harness.create_endpoint()
    user = outbox_harness.endpoint(endpoint).user_id
    start = threading.Barrier(4)

    def enqueue_events():
        start.wait(20)
        for _ in range(5):
            outbox_harness.enqueue_event(user)

    threads = [threading.Thread(target=enqueue_events) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    numbers = [message.sequence for message in outbox_harness.messages(user)]
    assert sorted(numbers) == list(range(1, 21))
    assert numbers == sorted(numbers)  # ids and sequence numbers have the same order
