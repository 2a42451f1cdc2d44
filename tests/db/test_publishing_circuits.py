"""Every call of a step passes the circuit of its class: while that is open, nothing is sent."""

from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func

from core import publishing
from core.errors import ServiceUnavailable
from core.jobs.runner import run_jobs
from core.limits.breaker import FAILURE_THRESHOLD
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE
from platforms.errors import TimedOut
from tests.support.publishing_harness import (
    CANCEL_PATH,
    CREATOR_PATH,
    INBOX_INIT_PATH,
    STATUS_PATH,
    UPLOAD_PATH,
    URL_REQUEST,
)

DIRECT_REQUEST = {**URL_REQUEST, "mode": "DIRECT", "privacy_level": "SELF_ONLY"}
SCOPES = "video.publish,video.upload"


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account(scope=SCOPES))


def time_out():
    raise TimedOut("no answer")


def open_circuit(publisher, circuit_name):
    for _ in range(FAILURE_THRESHOLD):
        with suppress(TimedOut):
            publisher.services.circuits.call("tiktok", circuit_name, time_out)


def prepare_check_before(publisher, account):
    return publisher.request_upload(account.user_id, DIRECT_REQUEST, may_queue=True).post.id


def prepare_start(publisher, account):
    return publisher.request_upload(account.user_id, may_queue=True).post.id


def prepare_check(publisher, account):
    return publisher.request_upload(account.user_id).post.id


def prepare_upload(publisher, account):
    media = publisher.create_media(account.user_id)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_id = publisher.request_upload(account.user_id, upload_request).post.id
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services)
    return post_id


def prepare_reconcile(publisher, account):
    post_id = prepare_upload(publisher, account)
    publisher.drop_responses(UPLOAD_PATH)
    run_jobs(UPLOAD_JOB_TYPE, publisher.database, publisher.services)
    assert publisher.post(post_id).state == PostState.UNCONFIRMED
    return post_id


@pytest.mark.parametrize(
    ("prepare", "circuit_name", "path", "state"),
    [
        (prepare_check_before, "read", CREATOR_PATH, PostState.QUEUED),
        (prepare_start, "publish", INBOX_INIT_PATH, PostState.QUEUED),
        (prepare_upload, "upload", UPLOAD_PATH, PostState.SENDING),
        (prepare_check, "read", STATUS_PATH, PostState.PROCESSING),
        (prepare_reconcile, "read", STATUS_PATH, PostState.UNCONFIRMED),
    ],
    ids=["check before", "start", "last chunk", "check", "reconcile"],
)
def test_while_the_circuit_of_a_step_is_open_nothing_is_sent_and_no_attempt_is_counted(
    publisher, account, prepare, circuit_name, path, state
):
    post_id = prepare(publisher, account)
    open_circuit(publisher, circuit_name)

    publisher.run_workers()

    post = publisher.post(post_id)
    assert publisher.request_bodies(path) == []
    assert (post.state, post.last_error, post.attempts) == (state, "circuit open", 0)
    assert post.due_at > publisher.one(func.now().select()) - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("prepare", "circuit_name", "path"),
    [
        (prepare_check_before, "publish", CREATOR_PATH),
        (prepare_upload, "read", UPLOAD_PATH),
        (prepare_check, "upload", STATUS_PATH),
    ],
)
def test_control_the_circuits_of_other_classes_do_not_stop_a_step(
    publisher, account, prepare, circuit_name, path
):
    prepare(publisher, account)
    open_circuit(publisher, circuit_name)

    publisher.run_workers()

    assert publisher.request_bodies(path) != []


def test_a_cancellation_passes_the_circuit_too(publisher, account):
    post_id = prepare_check(publisher, account)
    open_circuit(publisher, "publish")

    with pytest.raises(ServiceUnavailable):
        publishing.cancel_post(
            publisher.database, publisher.services, post_id, user_id=account.user_id
        )

    assert publisher.request_bodies(CANCEL_PATH) == []
    assert publisher.post(post_id).state == PostState.PROCESSING
