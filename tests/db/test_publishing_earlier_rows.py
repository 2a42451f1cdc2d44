"""Posts that an earlier version left in the middle continue after the upgrade to this one."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core import publishing
from core.errors import Conflict
from core.post_state.settle import PostState
from db import migrations
from db.accounts.accounts import AccountStatus
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import ok_response
from tests.servers import owner_url
from tests.support.publishing_harness import (
    CANCEL_PATH,
    DIRECT_INIT_PATH,
    FILE_REQUEST,
    INBOX_INIT_PATH,
    STATUS_PATH,
    UPLOAD_PATH,
    status_body,
)

EARLIER_VERSION = "0012"  # of the schema: before posts had parts
HOUR = timedelta(hours=1)
LOST_LEASE = {"leased_until": func.now() - HOUR}


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


@pytest.fixture
def upgrade(publisher, database_url):
    """A function that lets the earlier version have left a post with these columns."""

    def upgrade_with(post_id, **columns):
        publisher.database.dispose()
        migrations.downgrade_schema(owner_url(database_url), EARLIER_VERSION)
        defaults = {"step_state": {}, "due_at": func.now()}
        publisher.update_post(post_id, **{**defaults, **columns})
        publisher.database.dispose()
        migrations.upgrade_schema(owner_url(database_url), application_url=database_url)

    return upgrade_with


def request_file(publisher, account):
    media = publisher.create_media(account.user_id)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_id = publisher.request_upload(account.user_id, upload_request).post.id
    publisher.set_responses(UPLOAD_PATH, http_response(503, b""))
    publisher.run_workers()
    assert publisher.post(post_id).publish_id is not None
    publisher.set_responses(UPLOAD_PATH, http_response(201, b"", Content_Range="bytes 0-999/1000"))
    return post_id


def count_starts(publisher):
    return len(
        publisher.request_bodies(INBOX_INIT_PATH) + publisher.request_bodies(DIRECT_INIT_PATH)
    )


def cancel_post(publisher, post_id):
    user_id = publisher.post(post_id).user_id
    publishing.cancel_post(publisher.database, publisher.services, post_id, user_id=user_id)


def test_a_checked_pull_is_checked_again_and_started_once(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    upgrade(post_id, step_state={"slots": 5, "agreed": "2026-11-29T10:00:00+00:00"})

    publisher.run_workers()

    assert publisher.post(post_id).state == PostState.PROCESSING
    assert count_starts(publisher) == 1


def test_a_pull_whose_start_was_running_is_never_started_again(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    upgrade(post_id, state="SENDING", started_at=func.now(), attempts=1, **LOST_LEASE)

    publisher.run_workers(3)

    assert publisher.post(post_id).state == PostState.UNCONFIRMED
    assert count_starts(publisher) == 0
    publisher.create_webhook_event(account.open_id, "v_pub_url~v2.found")
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))
    publisher.run_workers(2)
    assert publisher.post(post_id).state == PostState.PUBLISHED


@pytest.mark.parametrize("state", ["SENDING", "UNCONFIRMED"])
def test_a_pull_whose_start_may_have_arrived_cannot_be_cancelled(
    publisher, account, upgrade, state
):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    upgrade(post_id, state=state, started_at=func.now())

    with pytest.raises(Conflict):
        cancel_post(publisher, post_id)

    assert publisher.post(post_id).state == state


def test_a_pull_that_ran_out_of_attempts_at_its_start_may_be_public(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    upgrade(post_id, state="SENDING", started_at=func.now(), attempts=99, **LOST_LEASE)

    publisher.run_workers()

    assert publisher.post(post_id).error_code == "outcome_unknown"


def test_an_unconfirmed_pull_fails_as_unknown_a_day_after_its_start(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    upgrade(post_id, state="UNCONFIRMED", started_at=func.now() - 25 * HOUR)

    publisher.run_workers()

    assert publisher.post(post_id).error_code == "outcome_unknown"
    assert count_starts(publisher) == 0


def test_a_running_pull_is_cancelled_by_the_platform_and_not_only_here(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id).post.id
    upgrade(post_id, state="PROCESSING", step_state={"polls": 3})
    publisher.set_responses(CANCEL_PATH, ok_response())

    cancel_post(publisher, post_id)

    assert publisher.post(post_id).state == PostState.CANCELLED
    assert len(publisher.request_bodies(CANCEL_PATH)) == 1


def test_a_running_pull_without_attempts_left_may_be_public(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id).post.id
    upgrade(post_id, state="PROCESSING", attempts=99, step_state={"polls": 3})

    publisher.run_workers()

    assert publisher.post(post_id).error_code == "outcome_unknown"


def test_a_parked_pull_is_polled_once_it_is_released(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id).post.id
    upgrade(post_id, state="PROCESSING", hold_reason="needs_reconnect", due_at=None)
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))

    publishing.release_post(
        publisher.database, publisher.services, post_id, user_id=account.user_id
    )
    publisher.run_workers()

    assert publisher.post(post_id).state == PostState.PUBLISHED
    assert count_starts(publisher) == 1


@pytest.mark.parametrize(
    ("sent", "state", "starts"), [(0, PostState.PROCESSING, 2), (10, PostState.FAILED, 1)]
)
def test_a_running_upload_begins_again_only_if_nothing_has_arrived(
    publisher, account, upgrade, sent, state, starts
):
    post_id = request_file(publisher, account)
    upgrade(post_id, state="SENDING", chunk_size=1000, bytes_sent=sent)
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=sent))

    publisher.run_workers(4)

    assert publisher.post(post_id).state == state
    assert count_starts(publisher) == starts


@pytest.mark.parametrize(
    ("status", "fields", "state"),
    [
        ("PROCESSING_UPLOAD", {"uploaded_bytes": 1000}, PostState.PROCESSING),
        ("PUBLISH_COMPLETE", {}, PostState.PUBLISHED),
        ("FAILED", {"fail_reason": "internal"}, PostState.FAILED),
    ],
)
def test_an_upload_with_an_unanswered_last_chunk_is_polled(
    publisher, account, upgrade, status, fields, state
):
    post_id = request_file(publisher, account)
    upgrade(post_id, state="UNCONFIRMED", chunk_size=1000, step_state={"stamp": "1000:1"})
    publisher.set_responses(STATUS_PATH, status_body(status, **fields))
    with pytest.raises(Conflict):
        cancel_post(publisher, post_id)

    publisher.run_workers(2)

    assert publisher.post(post_id).state == state
    assert count_starts(publisher) == 1


def test_the_upload_of_a_caller_goes_on(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id, FILE_REQUEST).post.id
    upgrade(post_id, state="SENDING", chunk_size=1000)
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD", uploaded_bytes=1000))

    publisher.run_workers()

    assert publisher.post(post_id).state == PostState.PROCESSING


def test_a_delivered_draft_is_polled_until_it_is_posted(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    publisher.run_workers()
    upgrade(post_id, state="PUBLISHED")
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))

    publisher.run_workers()

    assert publisher.tiktok_post(post_id).status == "PUBLISH_COMPLETE"
    assert publisher.post(post_id).due_at is None


def test_an_overdue_post_is_polled_as_before(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id).post.id
    upgrade(post_id, state="UNCONFIRMED", step_state={"stale": True, "polls": 9})
    publisher.update_post(post_id, started_at=func.now() - 48 * HOUR)
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))

    publisher.run_workers()

    assert publisher.post(post_id).state == PostState.PUBLISHED


def test_a_post_of_a_disconnected_account_may_be_public(publisher, account, upgrade):
    post_id = publisher.request_upload(account.user_id).post.id
    upgrade(post_id, state="PROCESSING")
    publisher.factory.update_account(account.id, status=AccountStatus.DISCONNECTED)

    publisher.run_workers()

    assert publisher.post(post_id).error_code == "outcome_unknown"
