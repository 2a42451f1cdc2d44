"""Every post ends: whatever the platform answers, and however often."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core.jobs.runner import claim_batch, run_jobs
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE
from db.accounts.accounts import AccountStatus
from platforms.errors import RateLimited, TokenExpired, Unavailable
from platforms.publishing import RECONCILE_STEP, PostVisible, WaitFor
from tests.support.publishing_harness import INBOX_INIT_PATH
from tests.support.step_platform import part_created, part_reported

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FOUR_DAYS = timedelta(days=4)


@pytest.fixture
def post_id(step_harness):
    return step_harness.add_post(step_harness.add_account())


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


@pytest.mark.parametrize("wait", [WaitFor(), WaitFor(MINUTE)], ids=["schedule", "given length"])
def test_a_post_whose_platform_says_wait_for_ever_fails_after_three_days(
    step_harness, post_id, wait
):
    step_harness.publisher.answers["check"] = [[wait]]
    step_harness.run_workers()
    assert step_harness.post(post_id).due_at is not None

    step_harness.update_post(post_id, started_at=func.now() - FOUR_DAYS)
    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.error_code, post.due_at) == (PostState.FAILED, "timeout", None)


def test_a_post_that_was_parked_for_days_still_goes_on(step_harness, post_id):
    step_harness.publisher.answers["check"] = [[WaitFor(MINUTE)]]
    step_harness.run_workers()
    step_harness.update_post(post_id, started_at=func.now() - FOUR_DAYS)
    step_harness.publisher.answers.pop("check")

    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).state == PostState.PUBLISHED


def test_a_public_post_that_is_looked_for_does_not_fail(step_harness, post_id):
    step_harness.publisher.has_details = True
    step_harness.publisher.answers["publish"] = [[PostVisible()]]
    step_harness.publisher.answers["details"] = [[WaitFor(MINUTE)]]
    step_harness.run_workers()

    step_harness.update_post(post_id, started_at=func.now() - FOUR_DAYS)
    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).state == PostState.PUBLISHED


def test_a_rate_limit_that_does_not_end_fails_the_post_in_the_end(step_harness, post_id):
    step_harness.publisher.answers["create"] = [RateLimited("slow down", code="app_limit")]
    step_harness.run_workers()
    assert step_harness.post(post_id).attempts == 0

    max_attempts = PUBLISH_JOB_TYPE.retry_policy.max_attempts
    long_ago = func.now() - FOUR_DAYS
    step_harness.update_post(post_id, created_at=long_ago, attempts=max_attempts - 1)
    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "app_limit")


def test_a_post_found_for_a_lost_answer_may_be_public_if_its_polls_fail(step_harness, post_id):
    step_harness.publisher.answers["create"] = [[part_created()]]
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [[part_created(handle="found")]]
    step_harness.publisher.answers["check"] = [[part_reported()], Unavailable("down")]
    step_harness.run_workers()
    step_harness.run_until_idle(post_id)
    assert step_harness.post(post_id).publish_id == "found"

    max_attempts = PUBLISH_JOB_TYPE.retry_policy.max_attempts
    step_harness.update_post(post_id, attempts=max_attempts)
    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).error_code == "outcome_unknown"


def test_a_token_refused_by_an_account_that_was_just_disconnected_has_published_nothing(
    step_harness,
):
    account = step_harness.add_account()
    post_id = step_harness.add_post(account)

    def refuse(_publication, _tools):
        step_harness.factory.update_account(account.id, status=AccountStatus.DISCONNECTED)
        raise TokenExpired("expired")

    step_harness.publisher.answers["publish"] = [refuse]
    step_harness.run_workers()
    step_harness.run_until_idle(post_id, times=3)

    post = step_harness.post(post_id)
    assert post.state == PostState.FAILED
    assert post.error_code != "outcome_unknown"


def test_a_caller_upload_whose_web_process_died_fails_and_starts_nothing(publisher, account):
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    caller = {"sent_by": "CALLER", "source": "FILE_UPLOAD", "bytes_total": 1000}
    publisher.update_post(post_id, step_state={"slots": 5, "inline": True}, attempts=1, **caller)

    publisher.run_workers(2)

    post = publisher.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "timeout")
    assert publisher.request_bodies(INBOX_INIT_PATH) == []


def test_a_start_in_flight_keeps_a_publication_from_being_taken_for_a_lost_one(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)
    lost = publisher.request_upload(account.user_id).post.id
    running = publisher.request_upload(account.user_id, may_queue=True).post.id
    run_jobs(PUBLISH_JOB_TYPE, publisher.database, publisher.services, row_id=running)
    claim_batch(PUBLISH_JOB_TYPE, publisher.database, limit=1, expired=False, row_id=running)
    assert publisher.post(running).state == PostState.SENDING
    publisher.create_webhook_event(account.open_id, "v_pub_url~v2.of-the-running-one")

    publisher.make_due(lost)
    publisher.run_workers(2)

    assert publisher.post(lost).publish_id is None
    assert publisher.post(lost).state == PostState.UNCONFIRMED
