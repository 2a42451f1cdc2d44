"""The preflight of a pull has a separate claim: a worker killed during it has started nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core import publishing
from core.errors import Conflict
from core.jobs.runner import claim_batch, run_jobs
from core.post_state.settle import PostState
from core.post_state.step_state import CHECKED_AT, INLINE
from core.publishing.inline import claim_inline, claim_next_step
from core.publishing.step_engine import CHECK_LIFETIME
from db.posts.posts import Post
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CREATOR_PATH,
    DIRECT_INIT_PATH,
    STATUS_PATH,
    URL_REQUEST,
    status_body,
)

DIRECT_REQUEST = {**URL_REQUEST, "mode": "DIRECT", "privacy_level": "SELF_ONLY"}
CREATOR_INFO = {"privacy_level_options": ["SELF_ONLY"], "max_video_post_duration_sec": 300}
ONE_MINUTE = func.make_interval(0, 0, 0, 0, 0, 1)


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    return publisher.factory.account(publisher.factory.create_account(scope="video.publish"))


@pytest.fixture
def url_post_id(publisher, account):
    return publisher.request_upload(account.user_id, DIRECT_REQUEST, may_queue=True).post.id


def run_one_step(publisher):
    """Run the next step of what is due, without claiming again."""
    return run_jobs(publishing.PUBLISH_JOB_TYPE, publisher.database, publisher.services)


def claim_and_abandon(publisher, post_id):
    """Claim the next step as a worker that is killed during it."""
    [claim] = claim_batch(
        publishing.PUBLISH_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=post_id
    )
    return claim


def expire_lease(publisher, post_id):
    publisher.update_post(post_id, leased_until=func.now() - ONE_MINUTE)


def call_counts(publisher):
    return len(publisher.request_bodies(CREATOR_PATH)), len(
        publisher.request_bodies(DIRECT_INIT_PATH)
    )


def notification_kinds(publisher, account):
    return [
        notification.kind for notification in publisher.factory.load_notifications(account.user_id)
    ]


def test_preflight_precedes_the_start(publisher, url_post_id):
    run_one_step(publisher)
    assert (call_counts(publisher), publisher.post(url_post_id).state) == ((1, 0), PostState.QUEUED)
    run_one_step(publisher)
    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (1, 1),
        PostState.PROCESSING,
    )


def test_a_worker_runs_preflight_and_start_without_another_wake_up(publisher, url_post_id):
    publisher.run_workers()
    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (1, 1),
        PostState.PROCESSING,
    )


def test_a_preflight_is_repeated_after_a_kill_and_the_post_started_once(publisher, url_post_id):
    claim_and_abandon(publisher, url_post_id)
    expire_lease(publisher, url_post_id)

    publisher.run_workers(2)

    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (1, 1),
        PostState.PROCESSING,
    )


def test_a_start_is_unconfirmed_after_a_kill_and_not_repeated(publisher, url_post_id):
    """Control: after the preflight the same kill leaves the post unconfirmed."""
    run_one_step(publisher)
    claim_and_abandon(publisher, url_post_id)
    expire_lease(publisher, url_post_id)

    publisher.run_workers(2)

    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (1, 0),
        PostState.UNCONFIRMED,
    )


def test_a_post_in_preflight_can_be_cancelled(publisher, account, url_post_id):
    claim = claim_and_abandon(publisher, url_post_id)

    publishing.cancel_post(
        publisher.database, publisher.services, url_post_id, user_id=account.user_id
    )

    assert publisher.post(url_post_id).lease_token == claim.lease_token + 1
    publisher.run_workers()
    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (0, 0),
        PostState.CANCELLED,
    )


def test_a_post_being_started_cannot_be_cancelled(publisher, account, url_post_id):
    run_one_step(publisher)
    claim_and_abandon(publisher, url_post_id)

    with pytest.raises(Conflict):
        publishing.cancel_post(
            publisher.database, publisher.services, url_post_id, user_id=account.user_id
        )


def test_a_preflight_that_has_waited_is_repeated(publisher, url_post_id):
    run_one_step(publisher)
    step_state = publisher.post(url_post_id).step_state
    old = (publisher.services.now() - CHECK_LIFETIME - timedelta(seconds=1)).isoformat()
    publisher.update_post(url_post_id, step_state={**step_state, CHECKED_AT: old})

    publisher.run_workers(2)

    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (2, 1),
        PostState.PROCESSING,
    )


def test_one_preflight_serves_one_start(publisher, url_post_id):
    publisher.set_responses(
        DIRECT_INIT_PATH, http_response(503, b""), ok_response(publish_id="v_pub_url~v2.1")
    )

    publisher.run_workers(2)

    assert (call_counts(publisher), publisher.post(url_post_id).state) == (
        (2, 2),
        PostState.PROCESSING,
    )


def test_a_preflight_neither_costs_nor_returns_attempts(publisher, url_post_id):
    publisher.set_responses(DIRECT_INIT_PATH, http_response(503, b""))
    for start_count in (1, 2, 3):
        run_one_step(publisher)
        assert publisher.post(url_post_id).attempts == start_count - 1
        publisher.make_due()
        run_one_step(publisher)
        assert publisher.post(url_post_id).attempts == start_count
        publisher.make_due()


def test_what_the_creator_does_not_allow_is_never_started(publisher, account, url_post_id):
    publisher.set_responses(
        CREATOR_PATH, ok_response(privacy_level_options=["FOLLOWER_OF_CREATOR"])
    )

    publisher.run_workers()

    post = publisher.post(url_post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "privacy_level_option_mismatch")
    assert (call_counts(publisher), notification_kinds(publisher, account)) == (
        (1, 0),
        ["post_failed"],
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"max_video_post_duration_sec": "300"},
        {"max_video_post_duration_sec": 0},
        {"max_video_post_duration_sec": "soon"},
        {"privacy_level_options": "SELF_ONLY"},
        {"privacy_level_options": None},
        {"comment_disabled": "false"},
    ],
)
def test_an_odd_shape_of_what_the_creator_allows_stops_no_post(publisher, url_post_id, odd):
    publisher.set_responses(CREATOR_PATH, ok_response(**{**CREATOR_INFO, **odd}))
    run_one_step(publisher)
    run_one_step(publisher)
    assert (publisher.post(url_post_id).state, call_counts(publisher)) == (
        PostState.PROCESSING,
        (1, 1),
    )


def test_a_request_is_answered_after_preflight_and_start(publisher, account):
    post = publisher.request_upload(account.user_id, DIRECT_REQUEST).post

    assert post.publish_id is not None
    assert call_counts(publisher) == (1, 1)
    assert INLINE not in publisher.post(post.id).step_state


def test_a_token_refused_in_preflight_is_refreshed_while_the_requester_waits(publisher, account):
    publisher.set_responses(
        CREATOR_PATH, error_response(401, "access_token_invalid"), ok_response(**CREATOR_INFO)
    )
    publisher.set_responses("/v2/oauth/token/", publisher.grant_body(account.open_id))

    post = publisher.request_upload(account.user_id, DIRECT_REQUEST).post

    assert (post.publish_id is not None, call_counts(publisher)) == (True, (2, 1))


def claim_inline_and_abandon(publisher, post_id):
    """Claim the step inside a request that is killed during it."""
    with publisher.database.transaction() as session:
        claim_inline(session, session.get_one(Post, post_id))
    expire_lease(publisher, post_id)


def test_a_requester_whose_preflight_was_lost_is_notified_of_the_outcome(
    publisher, account, url_post_id
):
    claim_inline_and_abandon(publisher, url_post_id)
    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))

    publisher.run_workers(3)

    assert (call_counts(publisher), notification_kinds(publisher, account)) == (
        (1, 1),
        ["post_published"],
    )


def test_a_requester_whose_start_was_lost_is_notified_that_it_is_unconfirmed(
    publisher, account, url_post_id
):
    """The request that could have reported it was killed."""
    run_one_step(publisher)
    claim_inline_and_abandon(publisher, url_post_id)

    publisher.run_workers(2)

    assert (publisher.post(url_post_id).state, notification_kinds(publisher, account)) == (
        PostState.UNCONFIRMED,
        ["post_unconfirmed"],
    )


def test_a_worker_that_claims_first_keeps_the_post(publisher, account, monkeypatch):
    """It claims the start between the two steps of a request."""
    claims = []

    def claim_first(database, post_id):
        claims.append(claim_and_abandon(publisher, post_id))
        return claim_next_step(database, post_id)

    monkeypatch.setattr("core.publishing.inline.claim_next_step", claim_first)
    post = publisher.request_upload(account.user_id, DIRECT_REQUEST).post

    assert (call_counts(publisher), post.publish_id) == ((1, 0), None)
    assert publisher.post(post.id).lease_token == claims[0].lease_token
    assert INLINE not in publisher.post(post.id).step_state
