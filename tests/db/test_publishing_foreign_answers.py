"""Answers that name what belongs to another post: nothing of them is stored at this one."""

import pytest

from core.post_state.settle import PostState
from platforms.errors import Unavailable
from platforms.publishing import RECONCILE_STEP, WaitFor
from tests.support.step_platform import part_created, visible


@pytest.fixture
def account(step_harness):
    return step_harness.add_account()


@pytest.fixture
def first_post_id(step_harness, account):
    """A published post; its handle is `part-1`."""
    post_id = step_harness.add_post(account)
    step_harness.run_until_idle(post_id)
    assert step_harness.post(post_id).publish_id == "part-1"
    return post_id


def test_a_part_of_another_post_is_made_again(step_harness, account, first_post_id, capsys):
    step_harness.publisher.answers["create"] = [[part_created()], [part_created(handle="part-2")]]
    step_harness.publisher.answers["publish"] = [[visible("post-2")]]
    post_id = step_harness.add_post(account)
    step_harness.run_until_idle(post_id, times=3)
    post = step_harness.post(post_id)
    assert (post.state, post.publish_id, post.platform_post_id) == (
        PostState.PUBLISHED,
        "part-2",
        "post-2",
    )
    assert step_harness.post(first_post_id).publish_id == "part-1"
    assert capsys.readouterr().out.count("step.answer_of_other_post") == 1


def test_two_posts_of_one_batch_do_not_share_a_part(step_harness, account):
    step_harness.publisher.answers["create"] = [
        *([part_created(handle="part-7")] for _ in range(2)),
        [part_created(handle="part-8")],
    ]
    step_harness.publisher.answers["publish"] = [[visible("post-7")], [visible("post-8")]]
    post_ids = [step_harness.add_post(account) for _ in range(2)]
    step_harness.run_workers()
    for post_id in post_ids:
        step_harness.run_until_idle(post_id, times=3)
    posts = [step_harness.post(post_id) for post_id in post_ids]
    assert {post.publish_id for post in posts} == {"part-7", "part-8"}
    assert {post.state for post in posts} == {PostState.PUBLISHED}


def test_a_lost_start_is_not_found_in_the_part_of_another_post(
    step_harness, account, first_post_id
):
    step_harness.publisher.answers["create"] = [[part_created(handle="part-2")]]
    step_harness.publisher.answers["publish"] = [Unavailable("no answer")]
    step_harness.publisher.answers[RECONCILE_STEP] = [[part_created()], [WaitFor()]]
    post_id = step_harness.add_post(account)
    step_harness.run_until_idle(post_id, times=4)
    post = step_harness.post(post_id)
    assert (post.state, post.publish_id) == (PostState.UNCONFIRMED, "part-2")
    assert step_harness.publisher.names().count("publish") == 2  # one of each post
