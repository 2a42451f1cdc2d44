"""Host applications are told of a change in its own transaction, or not at all."""

import json
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import posts
from core.accounts import disconnect, grants
from core.health.housekeeping import tidy
from core.ledger.news import finish, hear
from core.ledger.settle import State
from db.accounts import Account
from db.endpoints import Endpoint
from db.outbox import Message, Numbering
from db.posts import Post
from platforms.base import Phase, Progress

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def box(letter_box):
    return letter_box


def a_listener(box, **more):
    """A user with an account, a post under way and an endpoint."""
    user = box.tenants.a_user()
    account = box.tenants.an_account(user)
    post = box.tenants.a_post(account, state="PROCESSING", publish_id="v_pub~1", title="A film")
    return user, account, post, box.an_endpoint(user, **more)


def types(box, user):
    return [message.type for message in box.messages(user)]


def test_a_published_post_is_told_of_in_the_transaction_that_publishes_it(box):
    user, account, post, endpoint = a_listener(box)
    with box.database.transaction() as session:
        row = session.get_one(Post, post)
        hear(
            session,
            row,
            Progress(Phase.PUBLISHED, "PUBLISH_COMPLETE", post_ids=("71",)),
            mouth="poll",
        )
        assert box.messages(user) == []  # nobody else sees it yet
    (message,) = box.messages(user)
    said = json.loads(message.body)
    assert (message.type, message.subject, message.sequence) == (
        "post.published",
        f"post:{post}",
        1,
    )
    assert said["type"] == "post.published"
    assert said["data"] | {"created_at": None, "finished_at": None} == {
        "post_id": post,
        "account_id": account,
        "platform": "tiktok",
        "kind": "INBOX_VIDEO",
        "source": "FILE_UPLOAD",
        "title": "A film",
        "state": "PUBLISHED",
        "publish_id": "v_pub~1",
        "platform_post_id": "71",
        "error": None,
        "publish_at": None,
        "created_at": None,
        "finished_at": None,
        "sequence": 1,
    }
    assert said["data"]["finished_at"].endswith("Z")
    (delivery,) = box.deliveries(endpoint)
    assert delivery.due_at is not None


def test_a_change_that_is_undone_was_never_told(box):
    user, _, post, endpoint = a_listener(box)
    with suppress(ZeroDivisionError), box.database.transaction() as session:
        finish(session, session.get_one(Post, post), State.FAILED, "spam")
        session.flush()
        raise ZeroDivisionError
    assert (box.messages(user), box.deliveries(endpoint)) == ([], [])
    assert box.one(select(func.count()).select_from(Numbering)) == 0


def test_the_course_of_a_post_is_numbered_in_order(box):
    user, _, _, _ = a_listener(box)
    account = box.tenants.an_account(user)
    post = box.tenants.a_post(account, state="SENDING", publish_id="v_pub~2")
    news = [
        Progress(Phase.PROCESSING, "PROCESSING_UPLOAD"),
        Progress(Phase.PROCESSING, "PROCESSING_UPLOAD"),
        Progress(Phase.DELIVERED, "SEND_TO_USER_INBOX"),
        Progress(Phase.PUBLISHED, "PUBLISH_COMPLETE"),
        Progress(Phase.PROCESSING, "PROCESSING_UPLOAD"),
    ]
    for each in news:
        with box.database.transaction() as session:
            hear(session, session.get_one(Post, post), each, mouth="webhook")
    told = [(message.type, message.sequence) for message in box.messages(user)]
    assert told == [("post.processing", 1), ("post.delivered", 2), ("post.published", 3)]


@pytest.mark.parametrize(
    ("state", "kind"), [(State.FAILED, "post.failed"), (State.CANCELLED, "post.cancelled")]
)
def test_bad_ends_are_told_with_their_reason(box, state, kind):
    user, _, post, _ = a_listener(box)
    with box.database.transaction() as session:
        finish(session, session.get_one(Post, post), state, "spam_risk", "too many")
    (message,) = box.messages(user)
    assert message.type == kind
    wrong = {"code": "spam_risk", "message": "too many"}
    assert json.loads(message.body)["data"]["error"] == wrong


def test_who_waits_for_the_answer_to_a_refused_request_is_told_by_that_answer(box):
    user, account, _, _ = a_listener(box)
    post = box.tenants.a_post(account, memo={"inline": True})
    with box.database.transaction() as session:
        finish(session, session.get_one(Post, post), State.FAILED, "spam_risk")
    assert box.messages(user) == []


def test_a_rejected_request_of_the_broker_is_told(box):
    user, _, _, _ = a_listener(box)
    posts.enqueue(box.database, box.world, {"user_id": user, "source": "nowhere"})
    assert types(box, user) == ["post.failed"]


def test_accounts_that_come_and_go_are_told_of_without_their_tokens(box):
    user, account, _, _ = a_listener(box)
    with box.database.transaction() as session:
        grants.needs_reconnect(session, session.get_one(Account, account), cause="revoked")
    with box.database.transaction() as session:
        grants.revoked(session, session.get_one(Account, account))
    disconnect(box.database, box.world, user_id=user, provider="tiktok", account_id=account)
    assert types(box, user) == [
        "account.needs_reconnect",
        "account.revoked",
        "account.disconnected",
    ]
    assert [message.sequence for message in box.messages(user)] == [1, 2, 3]
    said = json.loads(box.messages(user)[0].body)["data"]
    assert (said["account_id"], said["status"], said["cause"]) == (
        account,
        "NEEDS_RECONNECT",
        "revoked",
    )
    assert "v1." not in "".join(message.body for message in box.messages(user))


def test_only_those_who_listen_to_it_hear_of_it(box):
    user = box.tenants.a_user()
    everything = box.an_endpoint(user)
    failures = box.an_endpoint(user, events=["post.failed"])
    asleep = box.an_endpoint(user)
    box.change(Endpoint, Endpoint.id == asleep, disabled_at=func.now())
    stranger = box.an_endpoint()
    box.tells(user, "post.published")
    box.tells(user, "post.failed")
    counted = [len(box.deliveries(each)) for each in (everything, failures, asleep, stranger)]
    assert counted == [2, 1, 0, 0]
    assert len({message.name for message in box.messages(user)}) == 2


def test_where_nobody_listens_nothing_is_written(box):
    user = box.tenants.a_user()
    box.tells(user)
    assert box.messages(user) == []


def test_numbers_go_on_after_the_messages_are_gone(box):
    endpoint = box.an_endpoint()
    user = box.endpoint(endpoint).user_id
    box.tells(user)
    box.change(Message, Message.user_id == user, created_at=func.now() - 31 * DAY)
    tidy(box.database, box.world)
    assert (box.messages(user), box.deliveries(endpoint)) == ([], [])
    box.tells(user)
    assert [message.sequence for message in box.messages(user)] == [2]


def test_many_at_once_on_one_subject_get_a_number_each(box):
    endpoint = box.an_endpoint()
    user = box.endpoint(endpoint).user_id
    start = threading.Barrier(4)

    def tell():
        start.wait(20)
        for _ in range(5):
            box.tells(user)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    numbers = [message.sequence for message in box.messages(user)]
    assert sorted(numbers) == list(range(1, 21))
    assert numbers == sorted(numbers)  # ids and numbers grow together
