"""A wish becomes a row, and what its requester is told."""

import threading
from contextlib import suppress

import pytest

from core.errors import (
    Conflict,
    Failed,
    Invalid,
    Limited,
    NeedsReconnect,
    NotConnected,
    NotFound,
    QuotaExceeded,
)
from core.ledger.settle import State
from db.accounts import AccountStatus
from db.posts import Post
from db.session import StoreAway
from tests.platforms.hostile import answer
from tests.platforms.script import refuses
from tests.publishing import (
    A_PROBE,
    A_PULL,
    AN_UPLOAD,
    CREATOR,
    DIRECT,
    INIT,
    UPLOAD,
    ok,
)


@pytest.fixture
def account(desk):
    return desk.tenants.account(desk.tenants.an_account())


def test_a_pull_is_started_while_its_requester_waits(desk, account):
    desk.starts()

    told = desk.request(account.user_id)

    assert told.post.state == State.PROCESSING
    assert told.record.status == "PROCESSING_DOWNLOAD"
    assert told.record.details == {"video_url": A_PULL["videoUrl"]}
    assert told.upload_url is None
    assert told.quota.used == 1
    assert desk.course(told.post.id) == ["QUEUED", "SENDING", "PROCESSING"]


def test_a_caller_who_sends_the_bytes_gets_the_address_and_nobody_else(desk, account):
    desk.starts()

    told = desk.request(account.user_id, AN_UPLOAD)

    assert told.upload_url.reveal().startswith(desk.server.url + UPLOAD)
    assert told.chunks == (1000, 1)
    assert told.post.state == State.SENDING
    sealed = desk.upload(told.post.id).upload_url_encrypted
    assert "canary" not in sealed
    assert "canary" not in repr(told)


def test_a_file_of_ours_is_queued_and_sent_by_workers(desk, account):
    desk.starts()
    desk.says(UPLOAD, answer(201, b"", Content_Range="bytes 0-999/1000"))
    media = desk.a_file(account.user_id)

    told = desk.request(account.user_id, {"source": "FILE_UPLOAD", "title": "A", "media_id": media})

    assert told.post.state == State.QUEUED
    assert desk.calls(INIT) == []
    desk.works(1)
    assert desk.post(told.post.id).state == State.PROCESSING
    assert desk.calls(UPLOAD) == [b"x" * 1000]


def test_what_comes_later_waits(desk, account):
    later = desk.world.now().replace(microsecond=0) + desk.world.settings.limits.status_cache * 60

    told = desk.request(account.user_id, publish_at=later.isoformat())

    assert told.post.state == State.QUEUED
    assert told.post.due_at == later
    assert not told.post.has_slot
    assert desk.server.seen == []


def test_who_does_not_want_to_wait_is_answered_at_once(desk, account):
    told = desk.request(account.user_id, can_wait=True)

    assert told.post.state == State.QUEUED
    assert desk.server.seen == []


def test_the_same_key_and_wish_give_the_same_post(desk, account):
    desk.starts()
    first = desk.request(account.user_id, AN_UPLOAD, key="a")

    again = desk.request(account.user_id, AN_UPLOAD, key="a")

    assert again.replayed
    assert not first.replayed
    assert again.post.id == first.post.id
    assert again.upload_url == first.upload_url
    assert len(desk.calls(INIT)) == 1


def test_the_same_key_for_another_wish_is_refused(desk, account):
    desk.starts()
    desk.request(account.user_id, key="a")

    with pytest.raises(Conflict) as refused:
        desk.request(account.user_id, key="a", title="Another")

    assert refused.value.code == "IDEMPOTENCY_MISMATCH"


def test_keys_are_each_users_own(desk, account):
    desk.starts()
    desk.request(account.user_id, key="a")
    other = desk.tenants.account(desk.tenants.an_account())

    assert not desk.request(other.user_id, key="a").replayed


def test_while_the_first_request_runs_the_second_is_told_so(desk, account):
    arrived, go = threading.Event(), threading.Event()

    def slow(sock):
        arrived.set()
        go.wait(10)
        sock.sendall(ok(publish_id="v_pub~slow"))

    desk.server.manners[INIT] = slow
    first = threading.Thread(target=desk.request, args=[account.user_id], kwargs={"key": "a"})
    first.start()
    assert arrived.wait(10)

    with pytest.raises(Conflict) as refused:
        desk.request(account.user_id, key="a")

    go.set()
    first.join(10)
    assert refused.value.code == "IDEMPOTENCY_IN_PROGRESS"
    assert desk.request(account.user_id, key="a").replayed


def test_twenty_at_once_with_one_key_make_one_post(desk, account):
    desk.starts()
    told = []

    def ask():
        while True:
            with suppress(StoreAway):  # a crowd larger than the pool is told to come again
                try:
                    told.append(desk.request(account.user_id, key="a").post.id)
                except Conflict as busy:
                    told.append(busy.code)
                return

    crowd = [threading.Thread(target=ask) for _ in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(110)

    assert len(told) == 20
    assert desk.count(Post.user_id == account.user_id) == 1
    assert len(desk.calls(INIT)) == 1


def test_a_lost_answer_to_a_pull_is_unconfirmed_and_never_sent_again(desk, account):
    desk.loses(INIT)

    told = desk.request(account.user_id)
    desk.works(3)

    assert told.post.state == State.UNCONFIRMED
    assert desk.post(told.post.id).state == State.UNCONFIRMED
    assert len(desk.calls(INIT)) == 1


def test_a_lost_answer_to_a_caller_fails_the_post(desk, account):
    desk.loses(INIT)

    with pytest.raises(Failed) as refused:
        desk.request(account.user_id, AN_UPLOAD, key="a")

    assert refused.value.code == "tiktok_unavailable"
    assert desk.one(Post.__table__.select().with_only_columns(Post.state)) == State.FAILED


def test_a_refused_request_is_answered_the_same_again(desk, account):
    desk.says(INIT, refuses(403, "url_ownership_unverified"))
    for is_again in (False, True):
        with pytest.raises(Failed) as refused:
            desk.request(account.user_id, key="a")
        assert refused.value.code == "url_ownership_unverified"
        assert refused.value.details.get("replayed", False) is is_again
    assert len(desk.calls(INIT)) == 1


def test_an_absent_platform_queues_what_can_be_sent_later(desk, account):
    desk.says(INIT, answer(503, b""))

    told = desk.request(account.user_id, can_wait=True)
    desk.works(1)
    assert desk.post(told.post.id).state in {State.QUEUED, State.UNCONFIRMED}


@pytest.mark.parametrize("said", [A_PULL, AN_UPLOAD])
def test_the_platforms_limit_leaves_nothing_behind_but_the_wait(desk, account, said):
    desk.says(INIT, refuses(429, "rate_limit_exceeded"))

    with pytest.raises(Limited) as refused:
        desk.request(account.user_id, said, key="a")

    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.retry_after.total_seconds() > 0
    assert desk.count(Post.user_id == account.user_id) == 0


def test_our_own_limit_of_starts_is_told_before_anything_is_sent(desk, account):
    desk.starts()
    for _ in range(6):
        desk.world.limits.take(account.id, "init")

    with pytest.raises(Limited) as refused:
        desk.request(account.user_id)

    assert 0 < refused.value.retry_after.total_seconds() <= 60
    assert desk.calls(INIT) == []


def test_a_token_that_the_platform_refuses_is_renewed_and_tried_once_more(desk, account):
    desk.says(
        INIT, refuses(401, "access_token_invalid"), ok(publish_id="v_pub~after", upload_url=None)
    )
    desk.says("/v2/oauth/token/", desk.a_grant(account.open_id))

    told = desk.request(account.user_id)

    assert told.post.publish_id == "v_pub~after"
    assert desk.tenants.tokens(account.id)[0] == "act.new"


def test_a_dead_grant_is_told_at_once(desk, account):
    desk.says(INIT, refuses(401, "access_token_invalid"))
    desk.says("/v2/oauth/token/", desk.flat(error="invalid_grant"))

    with pytest.raises(NeedsReconnect):
        desk.request(account.user_id, AN_UPLOAD)

    assert desk.one(Post.__table__.select().with_only_columns(Post.error_code)) == (
        "access_token_invalid"
    )


def test_without_an_account_nothing_is_written(desk):
    user = desk.tenants.a_user()

    with pytest.raises(NotConnected):
        desk.request(user)

    assert desk.count() == 0


def test_of_several_accounts_one_has_to_be_named(desk, account):
    other = desk.tenants.an_account(account.user_id)
    desk.starts()

    with pytest.raises(Invalid) as refused:
        desk.request(account.user_id)

    assert refused.value.code == "account_required"
    assert desk.request(account.user_id, account_id=other).post.oauth_account_id == other


def test_a_strangers_account_does_not_exist(desk, account):
    stranger = desk.tenants.an_account()

    with pytest.raises(NotFound):
        desk.request(account.user_id, account_id=stranger)


def test_a_strangers_file_does_not_exist(desk, account):
    media = desk.a_file(desk.tenants.a_user())

    with pytest.raises(NotFound):
        desk.request(account.user_id, {"source": "FILE_UPLOAD", "title": "A", "media_id": media})


def test_a_grant_that_is_gone_asks_for_a_reconnect(desk, account):
    desk.tenants.change(account.id, status=AccountStatus.NEEDS_RECONNECT)

    with pytest.raises(NeedsReconnect):
        desk.request(account.user_id)


def test_a_permission_that_was_not_given_is_named(desk, account):
    desk.tenants.change(account.id, scope="user.info.basic")

    with pytest.raises(Failed) as refused:
        desk.request(account.user_id)

    assert refused.value.code == "scope_not_authorized"


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (None, "file_format_check_failed"),
        ({**A_PROBE, "codec": "mpeg4"}, "file_format_check_failed"),
        ({**A_PROBE, "fps": 10.0}, "frame_rate_check_failed"),
        ({**A_PROBE, "width": 200}, "picture_size_check_failed"),
        ({**A_PROBE, "duration_ms": 601_000}, "duration_check_failed"),
    ],
)
def test_a_file_that_the_platform_would_refuse_is_refused_here(desk, account, probe, reason):
    media = desk.a_file(account.user_id, probe=probe)

    with pytest.raises(Failed) as refused:
        desk.request(account.user_id, {"source": "FILE_UPLOAD", "title": "A", "media_id": media})

    assert refused.value.code == "invalid_file_upload"
    assert refused.value.details["reason"] == reason


def test_a_full_quota_refuses_before_anything_is_sent(desk, account):
    desk.starts()
    for _ in range(5):
        desk.request(account.user_id, can_wait=True)

    with pytest.raises(QuotaExceeded) as refused:
        desk.request(account.user_id)

    assert refused.value.details["quota"]["used"] == 5
    assert desk.calls(INIT) == []


def test_a_direct_post_asks_its_creator_first(desk, account):
    desk.tenants.change(account.id, scope="video.publish")
    desk.says(CREATOR, ok(privacy_level_options=["SELF_ONLY"]))
    desk.starts()

    with pytest.raises(Failed) as refused:
        desk.request(account.user_id, mode="DIRECT", privacy_level="PUBLIC_TO_EVERYONE")
    told = desk.request(account.user_id, mode="DIRECT", privacy_level="SELF_ONLY")

    assert refused.value.code == "privacy_level_option_mismatch"
    assert told.quota.limit == 15
    assert len(desk.calls(DIRECT)) == 1
