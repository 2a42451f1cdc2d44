"""Quotas of platforms that publish in steps: posts and parts, counted for each destination."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.post_state.settle import PostState
from db.posts.posts import Post
from platforms.publishing import PartDiscarded, QuotaReading
from tests.support.step_platform import part_created, part_reported, visible


@pytest.fixture
def account(step_harness):
    return step_harness.add_account()


def test_the_limits_of_the_platform_replace_those_of_the_settings(step_harness, account):
    step_harness.publisher.answers["check_before"] = [[QuotaReading("posts", used=0, limit=1)]]
    first, second = (step_harness.add_post(account) for _ in range(2))
    step_harness.publisher.answers["create"] = [
        [part_created(handle="a")],
        [part_created(handle="b")],
    ]
    step_harness.publisher.answers["publish"] = [[visible("x")], [visible("y")]]

    step_harness.run_workers()

    states = {step_harness.post(each).state for each in (first, second)}
    assert states == {PostState.PUBLISHED, PostState.QUEUED}
    waiting = step_harness.one(select(Post).where(Post.state == "QUEUED"))
    assert waiting.last_error == "no quota slot is free: posts_used_up"
    step_harness.run_until_idle(waiting.id)
    resets_at = step_harness.post(waiting.id).step_state["resets_at"]
    published_at = step_harness.one(select(Post.finished_at).where(Post.state == "PUBLISHED"))
    assert datetime.fromisoformat(resets_at) == published_at + timedelta(hours=24)


def test_a_post_counts_against_the_limit_for_a_day(step_harness, account):
    step_harness.replace_platform_settings(post_limit=1)
    first = step_harness.add_post(account)
    step_harness.run_workers()
    second = step_harness.add_post(account)
    step_harness.run_workers()
    assert step_harness.post(second).state == PostState.QUEUED

    step_harness.update_post(first, finished_at=func.now() - timedelta(hours=25))
    step_harness.publisher.answers["create"] = [[part_created(handle="part-2")]]
    step_harness.run_until_idle(second)

    assert step_harness.post(second).state == PostState.PUBLISHED


def test_the_whole_need_of_parts_has_to_fit_before_the_first_is_made(step_harness, account):
    step_harness.replace_platform_settings(part_limit=3)
    post_id = step_harness.add_post(account, count=3)  # needs four

    step_harness.run_workers()

    assert step_harness.publisher.names() == []
    assert step_harness.post(post_id).last_error == "no quota slot is free: parts_used_up"


def test_replaced_parts_count_against_the_limit_of_parts(step_harness, account):
    step_harness.replace_platform_settings(part_limit=3)
    first = step_harness.add_post(account)
    step_harness.publisher.answers["create"] = [
        [part_created(handle="a")],
        [part_created(handle="b")],
    ]
    step_harness.publisher.answers["check"] = [[PartDiscarded(0, "expired")], [part_reported()]]
    step_harness.run_workers()
    assert step_harness.post(first).state == PostState.PUBLISHED

    second = step_harness.add_post(account)
    third = step_harness.add_post(account)
    step_harness.publisher.answers["create"] = [[part_created(handle="c")]]
    step_harness.run_workers()

    states = [step_harness.post(each).state for each in (second, third)]
    assert sorted(states) == [PostState.PUBLISHED, PostState.QUEUED]


def test_a_post_without_a_free_slot_fails_after_a_day(step_harness, account):
    step_harness.replace_platform_settings(post_limit=0)
    post_id = step_harness.add_post(account)
    step_harness.run_workers()

    step_harness.update_post(post_id, created_at=func.now() - timedelta(hours=25))
    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "posts_used_up")
