"""Steps whose answer was lost: what is repeated, what is reconciled, and what never runs twice."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func

from core.errors import Conflict
from core.jobs.executor import execute_claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch, run_jobs
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE, cancel_post
from platforms.base import Phase, PublishProgress
from platforms.errors import (
    OutcomeUnknown,
    ServerBusy,
    TimedOut,
    Unavailable,
    UnreadableResponse,
)
from platforms.publishing import (
    RECONCILE_STEP,
    AbsenceReported,
    PartDiscarded,
    PostVisible,
    ProgressReported,
    Safety,
    WaitFor,
)
from tests.support.step_platform import part_created, visible

LOST_ANSWERS = [
    Unavailable("no answer"),
    TimedOut("no answer"),
    UnreadableResponse("not JSON"),
    OutcomeUnknown("may be public", code="blocked_for_spam"),
    RuntimeError("a bug in the adapter"),
]
NOT_ARRIVED = [ServerBusy("busy"), Unavailable("no connection", may_have_arrived=False)]
HOUR = timedelta(hours=1)


@pytest.fixture
def post_id(step_harness):
    return step_harness.add_post(step_harness.add_account())


def claim_one(harness, *, expired=False):
    (claim,) = claim_batch(
        PUBLISH_JOB_TYPE, harness.database, limit=1, expired=expired, row_id=None
    )
    return claim


def run_until_planned(harness, post_id):
    """Run the claims up to the one that wrote down the unsafe step."""
    while "planned" not in harness.post(post_id).step_state:
        run_jobs(PUBLISH_JOB_TYPE, harness.database, harness.services)


def expire_lease(harness, post_id):
    """As if the worker that holds the post had been killed."""
    harness.update_post(post_id, leased_until=func.now() - HOUR)


def change_step_state(harness, post_id, **values):
    post = harness.post(post_id)
    harness.update_post(post_id, step_state={**post.step_state, **values})


def ago(harness, delay):
    return (harness.one(func.now().select()) - delay).isoformat()


def count_publishes(harness):
    return harness.publisher.names().count("publish")


@pytest.mark.parametrize("error", LOST_ANSWERS, ids=lambda error: type(error).__name__)
def test_an_unsafe_step_without_an_answer_is_reconciled_and_not_repeated(
    step_harness, post_id, error
):
    step_harness.publisher.answers["publish"] = [error]
    step_harness.run_workers()
    post = step_harness.post(post_id)
    assert (post.state, post.attempts) == (PostState.UNCONFIRMED, 0)

    for _ in range(5):
        step_harness.run_until_idle(post_id)

    assert count_publishes(step_harness) == 1
    assert step_harness.publisher.names()[-5:] == [RECONCILE_STEP] * 5
    assert step_harness.publisher.calls[-1][1].is_unconfirmed
    assert step_harness.publisher.calls[-1][1].unsafe_at is not None
    assert step_harness.post(post_id).state == PostState.UNCONFIRMED


@pytest.mark.parametrize("error", LOST_ANSWERS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["create", "check"])
def test_a_safe_or_replaceable_step_without_an_answer_runs_again(
    step_harness, post_id, step, error
):
    following = [part_created()] if step == "create" else [visible()]
    step_harness.publisher.answers[step] = [error, following]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id)

    assert step_harness.publisher.names().count(step) == 2
    assert step_harness.post(post_id).state == PostState.PUBLISHED


@pytest.mark.parametrize("error", NOT_ARRIVED, ids=lambda error: type(error).__name__)
def test_an_unsafe_step_that_surely_had_no_effect_runs_again(step_harness, post_id, error):
    step_harness.publisher.answers["publish"] = [error, [visible()]]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).state == PostState.PUBLISHED
    assert PostState.UNCONFIRMED not in step_harness.state_history(post_id)
    assert count_publishes(step_harness) == 2


def test_control_a_step_that_is_wrongly_declared_safe_publishes_twice(step_harness, post_id):
    step_harness.publisher.safeties["publish"] = Safety.SAFE
    step_harness.publisher.answers["publish"] = [Unavailable("no answer"), [visible()]]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id)

    assert count_publishes(step_harness) == 2


@pytest.mark.parametrize(
    "result",
    [
        visible(),
        PostVisible(),
        ProgressReported(PublishProgress(Phase.PUBLISHED, "DONE", post_ids=("post-1",))),
    ],
    ids=["with id", "without id", "progress"],
)
def test_a_post_that_is_found_is_published(step_harness, post_id, result):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [[WaitFor()], [result]]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id, times=2)

    post = step_harness.post(post_id)
    assert post.state == PostState.PUBLISHED
    assert "unsafe" not in post.step_state
    assert count_publishes(step_harness) == 1


def test_a_part_that_ended_without_an_effect_is_replaced(step_harness, post_id):
    step_harness.publisher.answers["create"] = [[part_created()], [part_created(handle="part-2")]]
    step_harness.publisher.answers["publish"] = [Unavailable("no answer"), [visible()]]
    step_harness.publisher.answers[RECONCILE_STEP] = [[PartDiscarded(0, "expired")]]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.publish_id) == (PostState.PUBLISHED, "part-2")
    assert count_publishes(step_harness) == 2


def test_the_platform_has_to_report_an_absence_three_times_within_five_minutes(
    step_harness, post_id
):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer"), [visible()]]
    step_harness.publisher.answers[RECONCILE_STEP] = [[AbsenceReported()]]
    step_harness.run_workers()

    for _ in range(6):
        step_harness.run_until_idle(post_id)
    assert count_publishes(step_harness) == 1
    assert step_harness.publisher.calls[-1][1].times_absent >= 5  # more on a slow machine

    change_step_state(step_harness, post_id, absent_since=ago(step_harness, timedelta(minutes=5)))
    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).state == PostState.PUBLISHED
    assert count_publishes(step_harness) == 2


def test_absences_over_a_long_time_are_not_enough_if_there_were_fewer(step_harness, post_id):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [[AbsenceReported()]]
    step_harness.run_workers()
    step_harness.run_until_idle(post_id)
    change_step_state(step_harness, post_id, absent_since=ago(step_harness, HOUR))

    step_harness.run_until_idle(post_id)

    assert count_publishes(step_harness) == 1


def test_an_unsafe_step_is_repeated_only_once(step_harness, post_id):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [[AbsenceReported()]]
    step_harness.run_workers()
    for _ in range(2):
        step_harness.run_until_idle(post_id, times=3)
        change_step_state(step_harness, post_id, absent_since=ago(step_harness, HOUR))
        step_harness.run_until_idle(post_id)

    step_harness.run_until_idle(post_id, times=3)

    assert count_publishes(step_harness) == 2
    assert step_harness.post(post_id).state == PostState.UNCONFIRMED


def test_an_unknown_outcome_fails_the_post_after_a_day(step_harness, post_id):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.run_workers()
    change_step_state(step_harness, post_id, unsafe_at=ago(step_harness, timedelta(hours=24)))

    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "outcome_unknown")
    assert post.due_at is None


def test_a_worker_killed_in_an_unsafe_step_leaves_it_to_be_reconciled(step_harness, post_id):
    run_until_planned(step_harness, post_id)
    claim_one(step_harness)
    expire_lease(step_harness, post_id)
    step_harness.publisher.answers[RECONCILE_STEP] = [[WaitFor()], [visible()]]

    run_jobs(PUBLISH_JOB_TYPE, step_harness.database, step_harness.services)

    assert step_harness.post(post_id).state == PostState.UNCONFIRMED
    step_harness.run_until_idle(post_id)
    assert step_harness.post(post_id).state == PostState.PUBLISHED
    assert count_publishes(step_harness) == 0


def test_a_worker_killed_before_the_plan_was_written_down_loses_nothing(step_harness, post_id):
    while "publish" not in {step for step, *_ in step_harness.publisher.calls}:
        claims = claim_batch(
            PUBLISH_JOB_TYPE, step_harness.database, limit=1, expired=False, row_id=None
        )
        (claim,) = claims
        if claim.job.planned_step is None:
            execute_claim(PUBLISH_JOB_TYPE, claim, step_harness.services)  # and killed
            expire_lease(step_harness, post_id)
            (claim,) = claim_batch(
                PUBLISH_JOB_TYPE, step_harness.database, limit=1, expired=True, row_id=None
            )
        outcome = execute_claim(PUBLISH_JOB_TYPE, claim, step_harness.services)
        record_results(
            PUBLISH_JOB_TYPE, step_harness.database, step_harness.services, [(claim, outcome)]
        )

    assert step_harness.post(post_id).state == PostState.PUBLISHED
    assert count_publishes(step_harness) == 1
    assert step_harness.publisher.names().count("create") == 2


def test_a_result_that_cannot_be_recorded_leaves_an_unsafe_step_to_be_reconciled(
    step_harness, post_id
):
    step_harness.publisher.answers["publish"] = [["not a result"]]
    step_harness.publisher.answers[RECONCILE_STEP] = [[visible()]]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).state == PostState.PUBLISHED
    assert count_publishes(step_harness) == 1


def test_a_late_result_of_an_expired_lease_is_dropped(step_harness, post_id):
    run_until_planned(step_harness, post_id)
    claim = claim_one(step_harness)
    outcome = execute_claim(PUBLISH_JOB_TYPE, claim, step_harness.services)
    expire_lease(step_harness, post_id)
    step_harness.publisher.answers[RECONCILE_STEP] = [[WaitFor()]]
    run_jobs(PUBLISH_JOB_TYPE, step_harness.database, step_harness.services)

    report = record_results(
        PUBLISH_JOB_TYPE, step_harness.database, step_harness.services, [(claim, outcome)]
    )

    assert report.stale_leases == 1
    assert step_harness.post(post_id).state == PostState.UNCONFIRMED
    assert count_publishes(step_harness) == 1


def test_a_post_that_runs_out_of_attempts_with_an_open_outcome_may_be_public(step_harness, post_id):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [Unavailable("down")]
    step_harness.run_workers()
    max_attempts = PUBLISH_JOB_TYPE.retry_policy.max_attempts
    step_harness.update_post(post_id, attempts=max_attempts)

    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "outcome_unknown")


def test_an_error_while_reconciling_leaves_the_outcome_open(step_harness, post_id):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [ServerBusy("busy"), [WaitFor()]]
    step_harness.run_workers()

    step_harness.run_until_idle(post_id, times=3)

    assert step_harness.post(post_id).state == PostState.UNCONFIRMED
    assert count_publishes(step_harness) == 1


def test_several_workers_at_once_publish_every_post_once(step_harness):
    accounts = [step_harness.add_account() for _ in range(6)]
    post_ids = [step_harness.add_post(account) for account in accounts]
    lock = threading.Lock()
    published = []

    def create(publication, _tools):
        return [part_created(handle=f"part of {publication.destination_id}")]

    def publish(publication, _tools):
        with lock:
            published.append(publication.destination_id)
        return [visible(f"post of {publication.destination_id}")]

    step_harness.publisher.answers = {"create": [create], "publish": [publish]}
    workers = [threading.Thread(target=step_harness.run_workers) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    step_harness.run_workers()

    assert sorted(published) == sorted(account.open_id for account in accounts)
    assert {step_harness.post(each).state for each in post_ids} == {PostState.PUBLISHED}


def test_a_post_can_be_cancelled_until_its_unsafe_step_has_begun(step_harness, post_id):
    run_until_planned(step_harness, post_id)

    step_harness.cancel_post(post_id)

    step_harness.run_workers()
    assert step_harness.post(post_id).state == PostState.CANCELLED
    assert count_publishes(step_harness) == 0


def test_a_post_whose_unsafe_step_runs_cannot_be_cancelled(step_harness, post_id):
    run_until_planned(step_harness, post_id)
    claim_one(step_harness)
    user_id = step_harness.post(post_id).user_id

    with pytest.raises(Conflict) as caught:
        cancel_post(step_harness.database, step_harness.services, post_id, user_id=user_id)

    assert caught.value.code == "publish_not_cancellable"


def test_the_result_of_a_step_that_ran_during_a_cancellation_is_dropped(step_harness, post_id):
    run_jobs(PUBLISH_JOB_TYPE, step_harness.database, step_harness.services)
    claim = claim_one(step_harness)
    outcome = execute_claim(PUBLISH_JOB_TYPE, claim, step_harness.services)
    step_harness.cancel_post(post_id)

    record_results(
        PUBLISH_JOB_TYPE, step_harness.database, step_harness.services, [(claim, outcome)]
    )

    assert step_harness.post(post_id).state == PostState.CANCELLED
    assert step_harness.parts(post_id)[0].handle is None
