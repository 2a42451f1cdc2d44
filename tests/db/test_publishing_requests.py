"""Upload requests: the post that is stored and the result that the caller gets."""

import threading
from contextlib import suppress

import pytest

from core.errors import (
    Conflict,
    Invalid,
    NeedsReconnect,
    NotConnected,
    NotFound,
    OperationFailed,
    QuotaExceeded,
    RateLimitExceeded,
)
from core.post_state.settle import PostState
from db.accounts.accounts import AccountStatus
from db.posts.posts import Post
from db.session import DatabaseUnavailable
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response
from tests.support.publishing_harness import (
    CREATOR_PATH,
    DIRECT_INIT_PATH,
    FILE_REQUEST,
    INBOX_INIT_PATH,
    UPLOAD_PATH,
    URL_REQUEST,
    VIDEO_PROBE,
    ok_response,
)


@pytest.fixture
def account(publisher):
    return publisher.factory.account(publisher.factory.create_account())


def test_a_pull_is_started_while_its_requester_waits(publisher, account):
    publisher.accept_starts()

    result = publisher.request_upload(account.user_id)

    assert result.post.state == PostState.PROCESSING
    assert result.record.status == "PROCESSING_DOWNLOAD"
    assert result.record.details == {"video_url": URL_REQUEST["videoUrl"]}
    assert result.upload_url is None
    assert result.quotas["drafts"].used == 1
    assert publisher.state_history(result.post.id) == ["QUEUED", "SENDING", "PROCESSING"]


def test_only_a_caller_who_sends_the_bytes_gets_the_upload_url(publisher, account):
    publisher.accept_starts()

    result = publisher.request_upload(account.user_id, FILE_REQUEST)

    assert result.upload_url.reveal().startswith(publisher.server.url + UPLOAD_PATH)
    assert (result.chunk_plan.chunk_size, result.chunk_plan.count) == (1000, 1)
    assert result.post.state == PostState.SENDING
    encrypted = publisher.upload(result.post.id).upload_url_encrypted
    assert "canary" not in encrypted
    assert "canary" not in repr(result)


def test_a_media_file_is_queued_and_sent_by_workers(publisher, account):
    publisher.accept_starts()
    publisher.set_responses(UPLOAD_PATH, http_response(201, b"", Content_Range="bytes 0-999/1000"))
    media = publisher.create_media(account.user_id)

    result = publisher.request_upload(
        account.user_id, {"source": "FILE_UPLOAD", "title": "A", "media_id": media}
    )

    assert result.post.state == PostState.QUEUED
    assert publisher.request_bodies(INBOX_INIT_PATH) == []
    publisher.run_workers(1)
    assert publisher.post(result.post.id).state == PostState.PROCESSING
    assert publisher.request_bodies(UPLOAD_PATH) == [b"x" * 1000]


def test_a_scheduled_post_waits(publisher, account):
    later = (
        publisher.services.now().replace(microsecond=0)
        + publisher.services.settings.limits.status_cache_lifetime * 60
    )

    result = publisher.request_upload(account.user_id, publish_at=later.isoformat())

    assert result.post.state == PostState.QUEUED
    assert result.post.due_at == later
    assert not result.post.has_slot
    assert publisher.server.requests == []


def test_a_caller_who_does_not_wait_is_answered_immediately(publisher, account):
    result = publisher.request_upload(account.user_id, may_queue=True)

    assert result.post.state == PostState.QUEUED
    assert publisher.server.requests == []


def test_the_same_key_and_request_give_the_same_post(publisher, account):
    publisher.accept_starts()
    first = publisher.request_upload(account.user_id, FILE_REQUEST, key="a")

    again = publisher.request_upload(account.user_id, FILE_REQUEST, key="a")

    assert again.is_repeat
    assert not first.is_repeat
    assert again.post.id == first.post.id
    assert again.upload_url == first.upload_url
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_the_same_key_for_another_request_is_refused(publisher, account):
    publisher.accept_starts()
    publisher.request_upload(account.user_id, key="a")

    with pytest.raises(Conflict) as refused:
        publisher.request_upload(account.user_id, key="a", title="Another")

    assert refused.value.code == "IDEMPOTENCY_MISMATCH"


def test_two_users_may_use_the_same_key(publisher, account):
    publisher.accept_starts()
    publisher.request_upload(account.user_id, key="a")
    other = publisher.factory.account(publisher.factory.create_account())

    assert not publisher.request_upload(other.user_id, key="a").is_repeat


def test_while_the_first_request_runs_the_second_conflicts(publisher, account):
    arrived, go = threading.Event(), threading.Event()

    def slow(sock):
        arrived.set()
        go.wait(10)
        sock.sendall(ok_response(publish_id="v_pub~slow"))

    publisher.server.behaviours[INBOX_INIT_PATH] = slow
    first = threading.Thread(
        target=publisher.request_upload, args=[account.user_id], kwargs={"key": "a"}
    )
    first.start()
    assert arrived.wait(10)

    with pytest.raises(Conflict) as refused:
        publisher.request_upload(account.user_id, key="a")

    go.set()
    first.join(10)
    assert refused.value.code == "IDEMPOTENCY_IN_PROGRESS"
    assert publisher.request_upload(account.user_id, key="a").is_repeat


def test_twenty_concurrent_requests_with_one_key_make_one_post(publisher, account):
    publisher.accept_starts()
    results = []

    def request():
        while True:
            with suppress(DatabaseUnavailable):  # more threads than connections: try again
                try:
                    results.append(publisher.request_upload(account.user_id, key="a").post.id)
                except Conflict as conflict:
                    results.append(conflict.code)
                return

    threads = [threading.Thread(target=request) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(110)

    assert len(results) == 20
    assert publisher.count(Post.user_id == account.user_id) == 1
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_a_pull_whose_response_was_lost_is_unconfirmed_and_never_sent_again(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)

    result = publisher.request_upload(account.user_id)
    publisher.run_workers(3)

    assert result.post.state == PostState.UNCONFIRMED
    assert publisher.post(result.post.id).state == PostState.UNCONFIRMED
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_a_caller_upload_whose_start_response_was_lost_fails(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)

    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(account.user_id, FILE_REQUEST, key="a")

    assert refused.value.code == "tiktok_unavailable"
    assert publisher.one(Post.__table__.select().with_only_columns(Post.state)) == PostState.FAILED


def test_a_refused_request_is_answered_the_same_again(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, error_response(403, "url_ownership_unverified"))
    for is_again in (False, True):
        with pytest.raises(OperationFailed) as refused:
            publisher.request_upload(account.user_id, key="a")
        assert refused.value.code == "url_ownership_unverified"
        assert refused.value.details.get("replayed", False) is is_again
    assert len(publisher.request_bodies(INBOX_INIT_PATH)) == 1


def test_while_the_platform_is_unavailable_a_queued_post_is_kept(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, http_response(503, b""))

    result = publisher.request_upload(account.user_id, may_queue=True)
    publisher.run_workers(1)
    assert publisher.post(result.post.id).state in {PostState.QUEUED, PostState.UNCONFIRMED}


@pytest.mark.parametrize("fields", [URL_REQUEST, FILE_REQUEST])
def test_a_rate_limit_of_the_platform_leaves_no_post_behind(publisher, account, fields):
    publisher.set_responses(INBOX_INIT_PATH, error_response(429, "rate_limit_exceeded"))

    with pytest.raises(RateLimitExceeded) as refused:
        publisher.request_upload(account.user_id, fields, key="a")

    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.retry_after.total_seconds() > 0
    assert publisher.count(Post.user_id == account.user_id) == 0


def test_our_own_rate_limit_of_starts_is_reported_before_anything_is_sent(publisher, account):
    publisher.accept_starts()
    for _ in range(6):
        publisher.services.rate_limits.acquire(account.id, "init")

    with pytest.raises(RateLimitExceeded) as refused:
        publisher.request_upload(account.user_id)

    assert 0 < refused.value.retry_after.total_seconds() <= 60
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


def test_a_token_that_the_platform_refuses_is_renewed_and_tried_once_more(publisher, account):
    publisher.set_responses(
        INBOX_INIT_PATH,
        error_response(401, "access_token_invalid"),
        ok_response(publish_id="v_pub~after", upload_url=None),
    )
    publisher.set_responses("/v2/oauth/token/", publisher.grant_body(account.open_id))

    result = publisher.request_upload(account.user_id)

    assert result.post.publish_id == "v_pub~after"
    assert publisher.factory.decrypted_tokens(account.id)[0] == "act.new"


def test_a_revoked_grant_is_reported_immediately(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, error_response(401, "access_token_invalid"))
    publisher.set_responses("/v2/oauth/token/", publisher.flat(error="invalid_grant"))

    with pytest.raises(NeedsReconnect):
        publisher.request_upload(account.user_id, FILE_REQUEST)

    assert publisher.one(Post.__table__.select().with_only_columns(Post.error_code)) == (
        "access_token_invalid"
    )


def test_without_an_account_no_post_is_stored(publisher):
    user = publisher.factory.create_user()

    with pytest.raises(NotConnected):
        publisher.request_upload(user)

    assert publisher.count() == 0


def test_of_several_accounts_one_has_to_be_named(publisher, account):
    other = publisher.factory.create_account(account.user_id)
    publisher.accept_starts()

    with pytest.raises(Invalid) as refused:
        publisher.request_upload(account.user_id)

    assert refused.value.code == "account_required"
    assert (
        publisher.request_upload(account.user_id, account_id=other).post.oauth_account_id == other
    )


def test_an_account_of_another_user_does_not_exist(publisher, account):
    account_of_other_user = publisher.factory.create_account()

    with pytest.raises(NotFound):
        publisher.request_upload(account.user_id, account_id=account_of_other_user)


def test_a_file_of_another_user_does_not_exist(publisher, account):
    media = publisher.create_media(publisher.factory.create_user())

    with pytest.raises(NotFound):
        publisher.request_upload(
            account.user_id, {"source": "FILE_UPLOAD", "title": "A", "media_id": media}
        )


def test_an_account_that_needs_a_reconnect_is_reported(publisher, account):
    publisher.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)

    with pytest.raises(NeedsReconnect):
        publisher.request_upload(account.user_id)


def test_a_missing_scope_is_reported(publisher, account):
    publisher.factory.update_account(account.id, scope="user.info.basic")

    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(account.user_id)

    assert refused.value.code == "scope_not_authorized"


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (None, "file_format_check_failed"),
        ({**VIDEO_PROBE, "codec": "mpeg4"}, "file_format_check_failed"),
        ({**VIDEO_PROBE, "fps": 10.0}, "frame_rate_check_failed"),
        ({**VIDEO_PROBE, "width": 200}, "picture_size_check_failed"),
        ({**VIDEO_PROBE, "duration_ms": 601_000}, "duration_check_failed"),
    ],
)
def test_a_file_that_the_platform_would_refuse_is_refused_here(publisher, account, probe, reason):
    media = publisher.create_media(account.user_id, probe=probe)

    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(
            account.user_id, {"source": "FILE_UPLOAD", "title": "A", "media_id": media}
        )

    assert refused.value.code == "invalid_file_upload"
    assert refused.value.details["reason"] == reason


def test_a_full_quota_refuses_before_anything_is_sent(publisher, account):
    publisher.accept_starts()
    for _ in range(5):
        publisher.request_upload(account.user_id, may_queue=True)

    with pytest.raises(QuotaExceeded) as refused:
        publisher.request_upload(account.user_id)

    assert refused.value.details["quota"]["used"] == 5
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


def test_creator_info_is_fetched_before_a_direct_post(publisher, account):
    publisher.factory.update_account(account.id, scope="video.publish")
    publisher.set_responses(CREATOR_PATH, ok_response(privacy_level_options=["SELF_ONLY"]))
    publisher.accept_starts()

    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(account.user_id, mode="DIRECT", privacy_level="PUBLIC_TO_EVERYONE")
    result = publisher.request_upload(account.user_id, mode="DIRECT", privacy_level="SELF_ONLY")

    assert refused.value.code == "privacy_level_option_mismatch"
    assert result.quotas["direct"].limit == 15
    assert len(publisher.request_bodies(DIRECT_INIT_PATH)) == 1
