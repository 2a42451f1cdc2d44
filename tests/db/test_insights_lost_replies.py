"""Replies whose answer was lost and that nobody repeats: looked for, and never sent again."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core.comments import ReplyRequest, reply_to_comment
from core.errors import ServiceUnavailable
from db.comments.replies import CommentReplies, CommentReply
from db.ops.audit import AuditEntry
from tests.platforms.instagram_publishing_client import FAST_SETTINGS
from tests.support.instagram_harness import instagram_environ, run_instagram_sandbox
from tests.support.instagram_sync import build_sync_harness
from tests.support.row_factory import make_services

MINUTE = timedelta(minutes=1)
TEXT, KEY = "Thanks @visitor", "one request"


@pytest.fixture(scope="module")
def sandbox():
    yield from run_instagram_sandbox()


@pytest.fixture
def sync(sandbox, database, database_url, redis_url):
    raw, state = sandbox
    state.settings = FAST_SETTINGS
    services = make_services(
        database_url,
        "http://127.0.0.1:9",
        REDIS_URL=redis_url,
        **instagram_environ(raw.url, "facebook"),
        IG_SYNC_PER_MINUTE="1000",
    )
    yield build_sync_harness(database, services, sandbox)
    state.sandbox.faults.clear()


@pytest.fixture
def comment_id(sync):
    media_id = sync.client.post_in_app(age=600, caption="Bread")
    comment_id = sync.client.comment(media_id, "wow", is_silent=True)
    sync.enrol_and_sync()
    return comment_id


def reply(sync, comment_id):
    user_id = sync.destination.user_id
    request = ReplyRequest("instagram", comment_id, TEXT, user_id, idempotency_key=KEY)
    return reply_to_comment(sync.database, sync.services, request)


def lose_reply(sync, comment_id, fault):
    """Send a reply whose answer is lost, as if that had been two minutes ago."""
    sync.client.inject_fault("comment_reply", fault)
    with pytest.raises(ServiceUnavailable):
        reply(sync, comment_id)
    age_replies(sync, 2 * MINUTE)


def age_replies(sync, age):
    past = func.now() - age
    values = {"sent_at": past, "first_sent_at": past, "claimed_at": past}
    sync.write(update(CommentReply).values(**values))


def search(sync):
    sync.make_due("due_at")
    sync.sync()
    (row,) = sync.replies()
    return row


def count_public(sync):
    account = sync.client.account.id
    return sum(each.from_id == account for each in sync.client.state.comments.values())


def notifications(sync):
    return [
        row
        for row in sync.factory.load_notifications(sync.destination.user_id)
        if row.kind == "reply_not_sent"
    ]


def test_a_lost_reply_makes_the_account_due_for_a_search_within_a_minute(sync, comment_id):
    sync.client.inject_fault("comment_reply", "drop_after")
    with pytest.raises(ServiceUnavailable):
        reply(sync, comment_id)
    sync.sync()
    with sync.database.transaction() as session:
        due_at = CommentReplies(session).next_due_at("instagram", sync.destination_id)
    assert sync.schedule.due_at <= due_at
    assert sync.schedule.due_at > sync.replies()[0].claimed_at + MINUTE / 2  # not at once


def test_a_reply_that_is_public_is_found_and_stored_as_our_own(sync, comment_id):
    lose_reply(sync, comment_id, "drop_after")
    row = search(sync)
    assert (row.state, row.error_code) == ("SENT", None)
    own = sync.comment(row.reply_external_id)
    assert (own.text, own.is_own, own.parent_ig_id) == (TEXT, True, comment_id)
    assert count_public(sync) == 1
    actions = sync.all(select(AuditEntry.action))
    assert "comment.replied" in actions
    again = reply(sync, comment_id)
    assert (again.reply_id, again.is_repeat) == (row.reply_external_id, True)
    assert notifications(sync) == []


def test_a_reply_that_is_absent_after_five_minutes_has_failed_and_is_not_sent_again(
    sync, comment_id
):
    lose_reply(sync, comment_id, "drop_before")
    assert search(sync).state == "UNCONFIRMED"  # it may be missing from the list for a while
    assert notifications(sync) == []
    age_replies(sync, 6 * MINUTE)
    row = search(sync)
    assert (row.state, row.error_code, row.first_sent_at) == ("FAILED", "reply_not_sent", None)
    (notification,) = notifications(sync)
    assert notification.payload["code"] == "reply_not_sent"
    assert search(sync).state == "FAILED"
    assert (count_public(sync), len(notifications(sync))) == (0, 1)


def test_its_user_may_reply_again_after_that(sync, comment_id):
    lose_reply(sync, comment_id, "drop_before")
    age_replies(sync, 6 * MINUTE)
    search(sync)
    assert reply(sync, comment_id).is_repeat is False
    assert count_public(sync) == 1


def test_a_reply_whose_process_died_is_looked_for_too(sync, comment_id):
    lose_reply(sync, comment_id, "drop_after")
    sync.write(update(CommentReply).values(state="SENDING"))
    assert search(sync).state == "SENT"


def test_a_reply_that_a_request_has_taken_up_meanwhile_is_left_to_it(sync, comment_id):
    lose_reply(sync, comment_id, "drop_before")
    age_replies(sync, 6 * MINUTE)
    with sync.database.transaction() as session:
        found = CommentReplies(session).claim_open("instagram", sync.destination_id)
    assert found.is_old
    with sync.database.transaction() as session:  # the request
        CommentReplies(session).begin_again(session.get(CommentReply, found.id))
    with sync.database.transaction() as session:
        assert CommentReplies(session).settle(found, external_id=None) is False
    assert sync.replies()[0].state == "SENDING"


def test_a_search_that_is_refused_concludes_nothing(sync, comment_id):
    lose_reply(sync, comment_id, "drop_before")
    age_replies(sync, 6 * MINUTE)
    sync.fail_with("comment_list", 10, times=5)
    calls = sync.count_calls("comment_list")
    assert search(sync).state == "UNCONFIRMED"
    assert sync.count_calls("comment_list") > calls
    assert notifications(sync) == []


def test_a_reply_to_a_comment_that_is_gone_has_failed(sync, comment_id):
    lose_reply(sync, comment_id, "drop_before")
    age_replies(sync, 6 * MINUTE)
    sync.client.state.comments.pop(comment_id)
    assert search(sync).state == "FAILED"
