"""A post on its way: bytes, doubts, ends. Each step is claimed as a worker would claim it."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core import posts
from core.engine.work import claim, run
from core.ledger.settle import State
from db.accounts import AccountStatus
from platforms.base import Phase
from tests.platforms.hostile import answer
from tests.platforms.script import ok, refuses
from tests.publishing import INIT, STATUS, UPLOAD, status

BIG = 70_000_000
HOURS = timedelta(hours=1)


@pytest.fixture
def account(desk):
    return desk.tenants.account(desk.tenants.an_account())


@pytest.fixture
def an_upload(desk, account):
    """A post whose file is with us, and the script of the upload's host."""
    desk.starts()

    def make(size=1000, **more):
        media = desk.a_file(account.user_id, b"x" * size)
        wish = {"source": "FILE_UPLOAD", "title": "A film", "media_id": media, **more}
        return desk.request(account.user_id, wish).post.id

    return make


@pytest.fixture
def a_pull(desk, account):
    desk.starts()
    return desk.request(account.user_id).post.id


def stored(end, total):
    return answer(201 if end == total else 206, b"", Content_Range=f"bytes 0-{end - 1}/{total}")


def ranges(desk):
    heads = [
        head
        for (path, _), head in zip(desk.server.seen, desk.server.heads, strict=True)
        if path.startswith(UPLOAD)
    ]
    return [head["content-range"].removeprefix("bytes ") for head in heads]


def lapse(desk, post_id):
    """As if the worker that holds the post had been killed."""
    desk.change(post_id, leased_until=func.now() - HOURS)


def uploads(desk):
    return run(posts.UPLOADS, desk.database, desk.world)


def test_a_large_file_goes_some_chunks_at_a_time_and_is_due_again_at_once(desk, an_upload):
    post_id = an_upload(BIG)
    run(posts.WORK, desk.database, desk.world)
    desk.says(UPLOAD, *(stored(cut, BIG) for cut in range(10_000_000, BIG + 1, 10_000_000)))
    sent = [desk.post(post_id).bytes_sent]

    while desk.post(post_id).state == State.SENDING:
        assert uploads(desk).claimed == 1
        sent.append(desk.post(post_id).bytes_sent)

    assert sent[-1] == BIG
    assert sent == sorted(sent)
    assert desk.post(post_id).state == State.PROCESSING
    assert len(ranges(desk)) == 7


def test_no_lane_claims_what_the_other_has(desk, an_upload):
    post_id = an_upload(BIG)
    run(posts.WORK, desk.database, desk.world)
    assert desk.post(post_id).state == State.SENDING

    assert run(posts.WORK, desk.database, desk.world).claimed == 0
    assert uploads(desk).claimed == 1


def test_after_a_kill_the_platform_is_asked_where_to_go_on(desk, an_upload):
    post_id = an_upload(BIG)
    run(posts.WORK, desk.database, desk.world)
    desk.says(UPLOAD, stored(10_000_000, BIG))
    claim(posts.UPLOADS, desk.database, limit=1, lapsed=False, only=None)
    lapse(desk, post_id)  # its chunk had arrived, and more than we know of
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=20_000_000))

    uploads(desk)
    uploads(desk)

    assert ranges(desk)[0] == f"20000000-29999999/{BIG}"
    assert len(desk.calls(INIT)) == 1


def test_a_lost_answer_to_the_last_chunk_is_asked_about_before_anything_else(desk, an_upload):
    post_id = an_upload()
    desk.loses(UPLOAD)
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=1000))
    desk.works(1)
    assert desk.post(post_id).state == State.UNCONFIRMED

    desk.works(2)

    assert desk.post(post_id).state == State.PROCESSING
    assert len(desk.calls(UPLOAD)) == 1


def test_a_last_chunk_that_never_arrived_is_sent_again(desk, an_upload):
    post_id = an_upload()
    desk.loses(UPLOAD)
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=0))
    desk.works(1)

    desk.says(UPLOAD, stored(1000, 1000))
    desk.works(2)

    assert desk.post(post_id).state == State.PROCESSING
    assert len(desk.calls(INIT)) == 1


def test_a_dead_address_restarts_only_on_the_word_that_nothing_is_there(desk, an_upload):
    post_id = an_upload()
    desk.says(UPLOAD, answer(403, b""), stored(1000, 1000))
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=0))
    desk.works(1)
    first = desk.post(post_id).publish_id

    desk.works(3)

    assert desk.post(post_id).state == State.PROCESSING
    assert desk.post(post_id).publish_id != first
    assert desk.post(post_id).has_slot


@pytest.mark.parametrize("said", [{}, {"uploaded_bytes": 10}])
def test_a_dead_address_with_bytes_or_without_a_word_about_them_ends_the_post(
    desk, an_upload, said
):
    post_id = an_upload()
    desk.says(UPLOAD, answer(403, b""))
    desk.says(STATUS, status("PROCESSING_UPLOAD", **said))

    desk.works(3)

    assert desk.post(post_id).error_code == "upload_url_expired"
    assert len(desk.calls(INIT)) == 1


def test_a_publication_the_platform_does_not_know_yet_is_asked_for_again(desk, a_pull):
    desk.says(STATUS, refuses(400, "invalid_publish_id"))

    desk.works(2)

    assert desk.post(a_pull).state == State.PROCESSING
    assert len(desk.calls(STATUS)) == 2


def test_a_file_that_changed_is_not_sent_on(desk, an_upload, account):
    post_id = an_upload(BIG)
    run(posts.WORK, desk.database, desk.world)
    media = desk.media(desk.post(post_id).media_id)
    desk.world.media.file(media.path).write_bytes(b"short")

    uploads(desk)

    assert desk.post(post_id).error_code == "source_changed"
    assert desk.calls(UPLOAD) == []


@pytest.mark.parametrize(
    ("word", "more", "state", "record"),
    [
        ("SEND_TO_USER_INBOX", {}, State.PUBLISHED, "SEND_TO_USER_INBOX"),
        ("PUBLISH_COMPLETE", {}, State.PUBLISHED, "PUBLISH_COMPLETE"),
        ("FAILED", {"fail_reason": "video_pull_failed"}, State.FAILED, "FAILED"),
        ("FAILED", {"fail_reason": "publish_cancelled"}, State.CANCELLED, "FAILED"),
    ],
)
def test_what_the_platform_says_is_what_the_post_becomes(desk, a_pull, word, more, state, record):
    desk.says(STATUS, status(word, **more))

    desk.works(1)

    post = desk.post(a_pull)
    assert post.state == state
    assert desk.record(a_pull).status == record
    assert post.error_code == more.get("fail_reason")
    assert post.finished_at is not None


def test_a_delivered_draft_is_looked_at_until_its_creator_posts_it(desk, a_pull):
    desk.says(STATUS, status("SEND_TO_USER_INBOX"))
    desk.works(1)
    assert desk.post(a_pull).due_at is not None

    desk.says(
        STATUS, ok(status="PUBLISH_COMPLETE", publicaly_available_post_id=[7123456789012345678])
    )
    desk.works(1)

    assert desk.record(a_pull).status == "PUBLISH_COMPLETE"
    assert desk.record(a_pull).details["publicaly_available_post_id"] == ["7123456789012345678"]
    assert desk.post(a_pull).platform_post_id == "7123456789012345678"
    assert desk.post(a_pull).due_at is None


def test_a_status_that_no_page_names_changes_nothing(desk, a_pull):
    desk.says(STATUS, status("ON_A_BREAK"))

    desk.works(1)

    assert desk.post(a_pull).state == State.PROCESSING
    assert desk.record(a_pull).status == "PROCESSING_DOWNLOAD"


def test_after_a_day_a_post_is_stale_and_after_three_its_end_is_unknown(desk, a_pull):
    desk.says(STATUS, status("PROCESSING_DOWNLOAD"))
    desk.change(a_pull, started_at=func.now() - 25 * HOURS)
    desk.works(2)
    assert desk.course(a_pull)[-1] == State.UNCONFIRMED
    assert desk.course(a_pull).count(State.UNCONFIRMED) == 1

    desk.change(a_pull, started_at=func.now() - 73 * HOURS)
    desk.works(1)

    assert desk.post(a_pull).error_code == "outcome_unknown"


def test_waiting_counts_from_the_start_and_not_from_the_wish(desk, a_pull):
    desk.says(STATUS, status("PROCESSING_DOWNLOAD"))
    desk.change(a_pull, created_at=func.now() - 100 * HOURS)

    desk.works(1)

    assert desk.post(a_pull).state == State.PROCESSING


def test_a_lost_start_is_found_by_the_webhook_that_names_it(desk, account):
    desk.loses(INIT)
    post_id = desk.request(account.user_id).post.id
    desk.a_notice(account.open_id, "v_pub_url~v2.found")

    desk.says(STATUS, status("PUBLISH_COMPLETE"))
    desk.works(2)

    assert desk.post(post_id).publish_id == "v_pub_url~v2.found"
    assert desk.post(post_id).state == State.PUBLISHED


def test_two_lost_starts_are_not_guessed_apart(desk, account):
    desk.loses(INIT)
    lost = [desk.request(account.user_id).post.id for _ in range(2)]
    desk.a_notice(account.open_id, "v_pub_url~v2.whose")

    desk.works(2)

    assert {desk.post(post_id).state for post_id in lost} == {State.UNCONFIRMED}


def test_a_lost_start_ends_as_unknown_after_a_day(desk, account):
    desk.loses(INIT)
    post_id = desk.request(account.user_id).post.id
    desk.change(post_id, started_at=func.now() - 25 * HOURS)

    desk.works(1)

    assert desk.post(post_id).error_code == "outcome_unknown"
    assert len(desk.calls(INIT)) == 1


def test_a_start_that_was_killed_is_repeated_where_no_byte_can_be_there(desk, an_upload):
    post_id = an_upload()
    desk.says(UPLOAD, stored(1000, 1000))
    claim(posts.WORK, desk.database, limit=1, lapsed=False, only=None)
    lapse(desk, post_id)

    desk.works(2)

    assert desk.post(post_id).state == State.PROCESSING


def test_a_queued_pull_survives_an_absent_platform(desk, account):
    desk.says(INIT, answer(503, b""))
    post_id = desk.request(account.user_id).post.id
    assert desk.post(post_id).state == State.QUEUED
    desk.works(2)

    desk.starts()
    desk.works(1)

    assert desk.post(post_id).state == State.PROCESSING


def test_an_account_that_needs_its_owner_holds_its_posts(desk, account):
    post_id = desk.request(account.user_id, can_wait=True).post.id
    desk.tenants.change(account.id, status=AccountStatus.NEEDS_RECONNECT)

    desk.works(1)

    assert desk.post(post_id).hold_reason == "needs_reconnect"
    assert desk.post(post_id).due_at is None
    assert desk.post(post_id).state == State.QUEUED


def test_what_may_be_published_is_unknown_when_its_account_is_gone(desk, a_pull, account):
    desk.tenants.change(account.id, status=AccountStatus.DISCONNECTED)

    desk.works(1)

    assert desk.post(a_pull).error_code == "outcome_unknown"


def test_an_account_that_is_gone_changes_no_end(desk, a_pull, account):
    desk.says(STATUS, status("SEND_TO_USER_INBOX"))
    desk.works(1)
    desk.tenants.change(account.id, status=AccountStatus.DISCONNECTED)

    desk.works(1)

    assert desk.post(a_pull).state == State.PUBLISHED


def test_of_two_ends_the_one_holds_that_the_platform_names_when_asked(desk, a_pull):
    desk.says(STATUS, status("FAILED", fail_reason="internal"))
    desk.works(1)
    assert desk.post(a_pull).state == State.FAILED
    desk.hears(a_pull, Phase.PUBLISHED, "PUBLISH_COMPLETE")
    assert desk.post(a_pull).state == State.FAILED
    assert desk.post(a_pull).due_at is not None

    desk.says(STATUS, status("PUBLISH_COMPLETE"))
    desk.works(1)

    assert desk.post(a_pull).state == State.PUBLISHED
    assert desk.post(a_pull).error_code is None
    assert desk.record(a_pull).status == "PUBLISH_COMPLETE"


def test_a_dry_run_sends_nothing(desk, account):
    desk.settled(publish_mode="dry-run")

    told = desk.request(account.user_id)

    assert (told.post.state, told.post.error_code) == (State.CANCELLED, "dry_run")
    assert desk.server.seen == []


def test_a_caller_whose_hour_is_over_is_told_so(desk, account):
    desk.starts()
    wish = {"source": "FILE_UPLOAD", "title": "A", "video_size": 1000}
    post_id = desk.request(account.user_id, wish).post.id
    desk.says(STATUS, status("PROCESSING_UPLOAD", uploaded_bytes=10))
    desk.change(post_id, url_expires_at=func.now() - HOURS)

    desk.works(1)

    assert desk.post(post_id).error_code == "upload_url_expired"
    assert desk.upload(post_id) is None
