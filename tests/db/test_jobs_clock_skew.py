"""Workers on machines with a wrong clock store times that are right by the database's clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func

from core import publishing
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.accounts.tokens import get_access_token
from core.jobs.runner import run_jobs
from core.post_state.settle import PostState
from core.publishing.post_results import load_result
from core.publishing.wait_for_end import wait_for_end
from db.posts.posts import Post
from tests.db.accounts_refresh_harness import (
    REFRESHED_OPEN_ID,
    refresh_response,
    script_responses,
)
from tests.platforms.hostile_server import hostile_server, http_response
from tests.platforms.tiktok_responses import error_response
from tests.support.publishing_harness import INBOX_INIT_PATH, STATUS_PATH, UPLOAD_PATH, status_body
from tests.support.row_factory import HOUR, RowFactory, make_services

MINUTE, FIVE_MINUTES = timedelta(minutes=1), timedelta(minutes=5)
CLOCK_SKEWS = [-3 * HOUR, timedelta(minutes=-10), timedelta(minutes=10), 3 * HOUR]


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        yield server


@pytest.fixture(params=CLOCK_SKEWS, ids=str)
def services(request, database_url, redis_url, platform_server):
    true_services = make_services(database_url, platform_server.url, REDIS_URL=redis_url)
    return replace(true_services, now=lambda: true_services.now() + request.param)


@pytest.fixture
def factory(database, services):
    return RowFactory(database, services.key_ring)


def test_a_refreshed_token_expires_at_the_right_time_despite_a_wrong_clock(
    database, services, platform_server, factory
):
    account = factory.create_account(
        lasts=-HOUR, last_used_at=func.now(), open_id=REFRESHED_OPEN_ID
    )
    script_responses(platform_server, refresh_response())
    factory.make_account_due(account)
    run_jobs(REFRESH_JOB_TYPE, database, services, row_id=account)
    with database.transaction() as session:
        now = session.scalar(func.clock_timestamp().select())
        assert get_access_token(session, account).decrypt(services).reveal() == "act.new"
    after = factory.account(account)
    assert 1.9 * HOUR < after.expires_at - now < 2.1 * HOUR
    assert abs(after.last_refreshed_at - now) < 0.1 * HOUR
    assert after.due_at > now


def test_a_lease_has_the_right_length_despite_a_wrong_clock(
    database, services, platform_server, factory
):
    account = factory.create_account(lasts=-HOUR)
    factory.make_account_due(account)
    with database.transaction() as session:
        (claimed,) = REFRESH_JOB_TYPE.queue.claim(session, limit=1, lease=REFRESH_JOB_TYPE.lease)
        now = session.scalar(func.clock_timestamp().select())
    assert timedelta(0) < claimed.leased_until - now <= REFRESH_JOB_TYPE.lease
    assert run_jobs(REFRESH_JOB_TYPE, database, services, row_id=account).claimed == 0


def test_a_request_that_waits_for_its_post_ends_in_time_although_the_clock_jumps_back(publisher):
    """An hour back: by that clock it would wait for an hour longer."""
    received_at = publisher.services.now()
    readings = iter([received_at - HOUR])  # a second one would be a mistake
    limits = publisher.services.settings.limits.model_copy(
        update={"inline_time_budget": timedelta(seconds=0.5)}
    )
    publisher.replace_settings(limits=limits)
    post_id = publisher.factory.create_post(publisher.factory.create_account())
    with publisher.database.transaction() as session:
        post = session.get_one(Post, post_id)
        result = load_result(session, publisher.services, post, is_repeat=False)
    services = replace(publisher.services, now=lambda: next(readings))
    waited = wait_for_end(publisher.database, services, result, since=received_at)
    assert waited.post.id == post_id


@pytest.fixture(params=CLOCK_SKEWS, ids=str)
def skewed_publisher(request, publisher):
    """A publisher whose machine has a wrong clock."""
    true_now = publisher.services.now
    publisher.services = replace(publisher.services, now=lambda: true_now() + request.param)
    publisher.accept_starts()
    return publisher


@pytest.fixture
def half_sent_post_id(skewed_publisher):
    """A post whose video is half uploaded: the platform waits for the rest."""
    user_id = skewed_publisher.factory.account(skewed_publisher.factory.create_account()).user_id
    media = skewed_publisher.create_media(user_id)
    upload_request = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_id = skewed_publisher.request_upload(user_id, upload_request).post.id
    run_jobs(publishing.PUBLISH_JOB_TYPE, skewed_publisher.database, skewed_publisher.services)
    skewed_publisher.set_responses(UPLOAD_PATH, http_response(503, b""))
    return post_id


@pytest.fixture
def url_post_id(skewed_publisher):
    account = skewed_publisher.factory.account(skewed_publisher.factory.create_account())
    return skewed_publisher.request_upload(account.user_id).post.id


def move_back_times(publisher, post_id, **columns):
    """Set these columns of the post to times before now, by the database's clock."""
    times = {name: func.now() - duration for name, duration in columns.items()}
    publisher.update_post(post_id, **times)


def poll_post(publisher, post_id, *responses):
    """Ask the platform for the status of the post; it gives these responses."""
    publisher.set_responses(STATUS_PATH, *responses)
    publisher.update_post(post_id, state=PostState.UNCONFIRMED)
    publisher.age_unsafe_step(post_id, "send_last")
    publisher.make_due(post_id)
    run_jobs(publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services, row_id=post_id)
    return publisher.post(post_id)


def test_an_upload_url_expires_at_the_right_time_despite_a_wrong_clock(
    skewed_publisher, half_sent_post_id
):
    with skewed_publisher.database.transaction() as session:
        now = session.scalar(func.clock_timestamp().select())
    for expires_at in (
        skewed_publisher.post(half_sent_post_id).url_expires_at,
        skewed_publisher.upload(half_sent_post_id).expires_at,
    ):
        assert 0.9 * HOUR < expires_at - now < 1.1 * HOUR


@pytest.mark.parametrize(
    ("overdue", "state"), [(-FIVE_MINUTES, PostState.SENDING), (FIVE_MINUTES, PostState.FAILED)]
)
def test_a_half_sent_video_resumes_until_its_upload_url_expires_and_no_longer(
    skewed_publisher, half_sent_post_id, overdue, state
):
    skewed_publisher.expire_upload_url(half_sent_post_id, ago=overdue)
    post = poll_post(
        skewed_publisher, half_sent_post_id, status_body("PROCESSING_UPLOAD", uploaded_bytes=500)
    )
    assert post.state == state
    assert post.error_code == (None if state == PostState.SENDING else "upload_url_expired")


def test_an_unknown_publish_id_restarts_the_post_only_when_it_is_not_young(
    skewed_publisher, half_sent_post_id
):
    move_back_times(skewed_publisher, half_sent_post_id, started_at=0 * MINUTE)
    post = poll_post(skewed_publisher, half_sent_post_id, error_response(400, "invalid_publish_id"))
    assert (post.state, post.publish_id is None) == (PostState.UNCONFIRMED, False)
    move_back_times(skewed_publisher, half_sent_post_id, started_at=2 * MINUTE)
    post = poll_post(skewed_publisher, half_sent_post_id, error_response(400, "invalid_publish_id"))
    assert (post.state, post.publish_id) == (PostState.QUEUED, None)
    assert len(skewed_publisher.request_bodies(INBOX_INIT_PATH)) == 1


@pytest.mark.parametrize(
    ("age", "unconfirmed_count"), [(24 * HOUR - FIVE_MINUTES, 0), (24 * HOUR + FIVE_MINUTES, 1)]
)
def test_a_post_is_overdue_after_a_day_and_not_before(
    skewed_publisher, url_post_id, age, unconfirmed_count
):
    skewed_publisher.set_responses(STATUS_PATH, status_body("PROCESSING_DOWNLOAD"))
    move_back_times(skewed_publisher, url_post_id, started_at=age)
    skewed_publisher.run_workers(1)
    assert (
        skewed_publisher.state_history(url_post_id).count(PostState.UNCONFIRMED)
        == unconfirmed_count
    )


@pytest.mark.parametrize(
    ("age", "code"), [(-FIVE_MINUTES, None), (FIVE_MINUTES, "outcome_unknown")]
)
def test_a_lost_start_is_given_up_after_a_day_and_not_before(skewed_publisher, age, code):
    skewed_publisher.drop_responses(INBOX_INIT_PATH)
    account = skewed_publisher.factory.account(skewed_publisher.factory.create_account())
    post_id = skewed_publisher.request_upload(account.user_id).post.id
    skewed_publisher.age_unsafe_step(post_id, "start", ago=24 * HOUR + age)
    skewed_publisher.run_workers(1)
    assert skewed_publisher.post(post_id).error_code == code


@pytest.mark.parametrize(("age", "is_polled"), [(-FIVE_MINUTES, True), (FIVE_MINUTES, False)])
def test_a_delivered_draft_is_polled_for_a_week(skewed_publisher, url_post_id, age, is_polled):
    skewed_publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    move_back_times(skewed_publisher, url_post_id, started_at=7 * 24 * HOUR + age)
    skewed_publisher.run_workers(1)
    assert (skewed_publisher.post(url_post_id).due_at is not None) is is_polled
