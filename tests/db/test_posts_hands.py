"""What people do to posts: take back, send again, let go; and what other services enqueue."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import posts
from core.engine.work import claim, run
from core.errors import Conflict, NeedsReconnect, NotFound
from core.ledger.settle import State
from db.accounts import AccountStatus
from db.audit import AuditEntry
from db.posts import Post
from tests.platforms.hostile import answer
from tests.platforms.script import ok, refuses
from tests.publishing import A_PULL, AN_UPLOAD, CANCEL, INIT, STATUS, STINT, UPLOAD, status

BIG = 70_000_000


@pytest.fixture
def account(desk):
    desk.starts()
    return desk.tenants.account(desk.tenants.an_account())


def cancel(desk, account, post_id):
    posts.cancel(desk.database, desk.world, post_id, user_id=account.user_id)


def retry(desk, account, post_id, **more):
    return posts.retry(desk.database, desk.world, post_id, user_id=account.user_id, **more)


def release(desk, account, post_id):
    return posts.release(desk.database, desk.world, post_id, user_id=account.user_id)


def a_file_post(desk, account, size=BIG):
    media = desk.a_file(account.user_id, b"x" * size)
    wish = {"source": "FILE_UPLOAD", "title": "A film", "media_id": media}
    return desk.request(account.user_id, wish).post.id


def test_a_queued_post_is_taken_back_and_its_slot_is_free(desk, account):
    post_id = desk.request(account.user_id, can_wait=True).post.id

    cancel(desk, account, post_id)
    desk.works(1)

    assert desk.post(post_id).state == State.CANCELLED
    assert desk.calls(INIT) == []
    assert desk.request(account.user_id).quota.used == 1


def test_an_upload_with_bytes_missing_is_stopped_for_good(desk, account):
    post_id = a_file_post(desk, account)
    run(posts.WORK, desk.database, desk.world)

    cancel(desk, account, post_id)
    run(posts.UPLOADS, desk.database, desk.world)

    assert desk.post(post_id).state == State.CANCELLED
    assert desk.calls(UPLOAD) == []
    assert desk.record(post_id).status == "FAILED"


def test_who_is_at_work_on_a_cancelled_post_can_no_longer_record(desk, account):
    file_post = a_file_post(desk, account)
    [hand] = claim(posts.WORK, desk.database, limit=1, lapsed=False, only=file_post)
    cancel(desk, account, file_post)
    assert desk.post(file_post).lease_token == hand.token + 1


def test_the_last_chunk_on_its_way_is_not_called_back(desk, account):
    post_id = a_file_post(desk, account, size=1000)
    run(posts.WORK, desk.database, desk.world)
    claim(posts.UPLOADS, desk.database, limit=1, lapsed=False, only=post_id)

    with pytest.raises(Conflict) as refused:
        cancel(desk, account, post_id)

    assert refused.value.code == "publish_not_cancellable"


def test_a_callers_upload_is_taken_back_only_while_bytes_are_missing(desk, account):
    missing = desk.request(account.user_id, AN_UPLOAD).post.id
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=10))
    cancel(desk, account, missing)
    assert desk.post(missing).state == State.CANCELLED

    complete = desk.request(account.user_id, AN_UPLOAD).post.id
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=1000))
    with pytest.raises(Conflict):
        cancel(desk, account, complete)
    assert desk.post(complete).state == State.PROCESSING


def test_a_pull_under_way_is_called_off_by_the_platform(desk, account):
    post_id = desk.request(account.user_id).post.id
    desk.says(CANCEL, ok())

    cancel(desk, account, post_id)

    assert desk.post(post_id).state == State.CANCELLED
    assert desk.post(post_id).error_code == "publish_cancelled"
    assert len(desk.calls(CANCEL)) == 1


@pytest.mark.parametrize("said", [refuses(400, "publish_not_cancellable"), answer(503, b"")])
def test_a_pull_that_the_platform_does_not_call_off_goes_on(desk, account, said):
    post_id = desk.request(account.user_id).post.id
    desk.says(CANCEL, said)

    with pytest.raises(Conflict):
        cancel(desk, account, post_id)

    assert desk.post(post_id).state == State.PROCESSING


def test_what_has_ended_is_not_taken_back(desk, account):
    post_id = desk.request(account.user_id).post.id
    desk.says(STATUS, status("PUBLISH_COMPLETE"))
    desk.works(1)

    with pytest.raises(Conflict):
        cancel(desk, account, post_id)


def test_a_strangers_post_can_be_neither_seen_nor_touched(desk, account):
    post_id = desk.request(account.user_id).post.id
    stranger = desk.tenants.account(desk.tenants.an_account())

    for deed in (cancel, retry, release):
        with pytest.raises(NotFound):
            deed(desk, stranger, post_id)
    with pytest.raises(NotFound):
        posts.look(desk.database, post_id, user_id=stranger.user_id)
    with pytest.raises(NotFound):
        posts.timeline(desk.database, post_id, user_id=stranger.user_id)


def test_a_retry_is_a_post_of_its_own(desk, account):
    desk.says(INIT, refuses(400, "invalid_param"))
    post_id = desk.request(account.user_id, can_wait=True).post.id
    desk.works(1)
    desk.starts()

    told = retry(desk, account, post_id, idempotency_key="again")
    double = retry(desk, account, post_id, idempotency_key="again")
    desk.works(1)

    assert told.post.retry_of == post_id
    assert double.replayed
    assert double.post.id == told.post.id
    assert desk.post(told.post.id).state == State.PROCESSING
    assert desk.post(post_id).state == State.FAILED


def test_what_is_under_way_is_not_sent_again(desk, account):
    post_id = desk.request(account.user_id).post.id

    with pytest.raises(Conflict):
        retry(desk, account, post_id, confirm=True)


def test_an_unknown_end_is_repeated_only_by_someone_who_knows_the_risk(desk, account):
    desk.loses(INIT)
    post_id = desk.request(account.user_id).post.id
    desk.starts()

    with pytest.raises(Conflict) as refused:
        retry(desk, account, post_id)
    told = retry(desk, account, post_id, confirm=True)

    assert refused.value.details["confirmable"]
    assert told.post.retry_of == post_id
    assert desk.post(post_id).state == State.UNCONFIRMED


def test_a_caller_gets_a_new_address_for_a_retry(desk, account):
    first = desk.request(account.user_id, AN_UPLOAD)
    desk.says(STATUS, status("FAILED", fail_reason="file_format_check_failed"))
    desk.works(1)

    told = retry(desk, account, first.post.id)

    assert told.upload_url is not None
    assert told.upload_url != first.upload_url


def test_a_held_post_goes_when_its_owner_says_so(desk, account):
    post_id = desk.request(account.user_id, can_wait=True).post.id
    desk.change(post_id, hold_reason="wait_for_release", due_at=None)

    release(desk, account, post_id)
    run(posts.WORK, desk.database, desk.world, stint=STINT)

    assert desk.post(post_id).state == State.PROCESSING


def test_a_held_post_stays_while_its_account_is_away(desk, account):
    post_id = desk.request(account.user_id, can_wait=True).post.id
    desk.change(post_id, hold_reason="needs_reconnect", due_at=None)
    desk.tenants.change(account.id, status=AccountStatus.NEEDS_RECONNECT)

    with pytest.raises(NeedsReconnect):
        release(desk, account, post_id)

    assert desk.post(post_id).hold_reason == "needs_reconnect"


def test_what_is_not_held_is_not_released(desk, account):
    post_id = desk.request(account.user_id, can_wait=True).post.id

    with pytest.raises(Conflict):
        release(desk, account, post_id)


def enqueue(desk, **payload):
    posts.enqueue(desk.database, desk.world, payload)
    return desk.all(select(Post).order_by(Post.id))


def test_another_service_enqueues_a_post(desk, account):
    twice = {**A_PULL, "user_id": account.user_id, "idempotency_key": "from the shop"}
    enqueue(desk, **twice)

    [post] = enqueue(desk, **twice)
    desk.works(1)

    assert post.state == State.QUEUED
    assert desk.post(post.id).state == State.PROCESSING


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"source": "BY_POST"}, "VALIDATION_ERROR"),
        ({"videoUrl": "http://127.0.0.1/x"}, "VALIDATION_ERROR"),
        ({"title": ["no", "text"]}, "VALIDATION_ERROR"),
        ({"title": "nul \x00"}, "VALIDATION_ERROR"),
        ({"unheard": "of"}, "VALIDATION_ERROR"),
        ({"account_id": 999_999}, "NOT_FOUND"),
        ({"idempotency_key": 7}, "VALIDATION_ERROR"),
        ({"idempotency_key": ""}, "VALIDATION_ERROR"),
    ],
)
def test_a_bad_message_is_stored_once_with_its_reason(desk, account, wrong, code):
    message = {**A_PULL, "user_id": account.user_id, **wrong}
    enqueue(desk, **message)

    [post] = enqueue(desk, **message)

    assert (post.state, post.error_code) == (State.FAILED, code)
    assert post.due_at is None


@pytest.mark.parametrize("user_id", [None, "1", True, -1, 2**63, 999_999])
def test_a_message_without_a_user_of_ours_is_written_down_for_operators(desk, user_id):
    assert enqueue(desk, **A_PULL, user_id=user_id) == []

    [entry] = desk.all(select(AuditEntry).where(AuditEntry.action == "post.rejected"))
    assert entry.details["fields"] == {"user_id": "names no user"}


def test_bytes_that_nobody_would_send_are_not_enqueued(desk, account):
    [post] = enqueue(desk, **AN_UPLOAD, user_id=account.user_id)

    assert post.error_code == "VALIDATION_ERROR"


def test_a_post_without_a_slot_waits_for_a_day_and_no_longer(desk, account):
    for _ in range(5):
        desk.request(account.user_id, can_wait=True)
    waiting = desk.request(account.user_id, can_wait=True).post.id
    desk.works(1)
    assert desk.post(waiting).state == State.QUEUED
    assert not desk.post(waiting).has_slot

    desk.change(waiting, created_at=func.now() - timedelta(hours=25))
    desk.works(1)

    assert desk.post(waiting).error_code == "quota_exceeded"
