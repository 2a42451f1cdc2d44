"""Posts that may be public while their account has to be connected again: they end in time."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.accounts import grant_lifecycle
from core.post_state.settle import PostState
from db.accounts.accounts import Account, AccountStatus
from platforms.base import Phase, PublishProgress
from platforms.errors import TokenExpired, Unavailable
from platforms.publishing import RECONCILE_STEP, ProgressReported, WaitFor
from tests.support.step_platform import part_created, visible

DAY = timedelta(days=1)


@pytest.fixture
def account(step_harness):
    return step_harness.add_account()


@pytest.fixture
def unconfirmed_post(step_harness, account):
    """A post whose publishing call was not answered; its account has to be connected again."""
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [[WaitFor()]]
    post_id = step_harness.add_post(account)
    step_harness.run_workers()
    assert step_harness.post(post_id).state == PostState.UNCONFIRMED
    step_harness.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)
    return post_id


def seconds_until_due(step_harness, post_id):
    post = step_harness.post(post_id)
    return (post.due_at - step_harness.one(select(func.now()))).total_seconds()


def test_such_a_post_waits_for_its_owner_until_its_day_is_over(step_harness, unconfirmed_post):
    step_harness.run_until_idle(unconfirmed_post)
    post = step_harness.post(unconfirmed_post)
    assert (post.state, post.hold_reason) == (PostState.UNCONFIRMED, "needs_reconnect")
    assert DAY.total_seconds() - 60 < seconds_until_due(step_harness, unconfirmed_post) <= 86_400
    assert post.attempts == 0


def test_it_goes_on_at_once_when_the_account_is_connected_again(
    step_harness, account, unconfirmed_post
):
    step_harness.run_until_idle(unconfirmed_post)
    with step_harness.database.transaction() as session:
        grant_lifecycle.mark_usable_again(session, session.get_one(Account, account.id))
    step_harness.publisher.answers[RECONCILE_STEP] = [[visible("post-9")]]
    step_harness.run_workers()
    post = step_harness.post(unconfirmed_post)
    assert (post.state, post.platform_post_id) == (PostState.PUBLISHED, "post-9")
    assert post.hold_reason is None


def test_after_its_day_it_ends_with_the_reason(step_harness, unconfirmed_post):
    step_harness.run_until_idle(unconfirmed_post)
    step_harness.age_unsafe_step(unconfirmed_post, "publish", ago=DAY)
    step_harness.run_until_idle(unconfirmed_post)
    post = step_harness.post(unconfirmed_post)
    assert (post.state, post.error_code) == (PostState.FAILED, "outcome_unknown")
    assert post.error_message.startswith("needs_reconnect: ")
    assert (post.due_at, post.hold_reason) == (None, None)
    assert step_harness.publisher.names().count("publish") == 1


def test_a_post_that_the_platform_works_on_ends_after_three_days(step_harness, account):
    progress = PublishProgress(Phase.PROCESSING, "PROCESSING")
    step_harness.publisher.answers["create"] = [[part_created()]]
    step_harness.publisher.answers["check"] = [[ProgressReported(progress), WaitFor()]]
    post_id = step_harness.add_post(account)
    step_harness.run_workers()
    assert step_harness.post(post_id).state == PostState.PROCESSING
    step_harness.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)
    step_harness.run_until_idle(post_id)
    assert 2 * 86_400 < seconds_until_due(step_harness, post_id) <= 3 * 86_400
    step_harness.update_post(post_id, started_at=func.now() - 3 * DAY)
    step_harness.run_until_idle(post_id)
    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "outcome_unknown")


def test_a_token_that_is_refused_while_the_outcome_is_unknown_is_no_endless_wait(
    step_harness, account
):
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [TokenExpired("refused")]
    post_id = step_harness.add_post(account)
    step_harness.run_workers()
    step_harness.run_until_idle(post_id)
    step_harness.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)
    step_harness.run_until_idle(post_id)
    assert 0 < seconds_until_due(step_harness, post_id) <= 86_400


def test_control_a_post_of_which_nothing_was_sent_waits_for_its_owner(step_harness, account):
    step_harness.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)
    post_id = step_harness.add_post(account)
    step_harness.run_workers()
    post = step_harness.post(post_id)
    assert (post.state, post.due_at) == (PostState.QUEUED, None)
