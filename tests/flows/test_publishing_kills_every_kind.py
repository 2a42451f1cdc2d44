"""kill -9 again and again while posts of every kind are published: the steps are killed in turn.

The process that waits for a response is killed, and web and beat too. Half of the webhooks are
late, so that polls are killed as well. No post is lost. A pull whose start got no response and of
which no webhook arrives fails as "unknown" a day later (`test_publishing_kills.py`), and so does
one whose worker died before the call was sent: nothing distinguishes the two.
"""

import random
from collections import Counter

import pytest

from tests.flows.brokers import wait_until
from tests.flows.post_kinds import (
    POST_KINDS,
    are_final,
    are_settled,
    create_post_of_kind,
    find_problems,
)

VICTIMS_BY_STEP = {
    "creator_info": ("worker",),
    "video_init": ("worker",),
    "upload": ("uploads",),
    "content_init": ("worker", "beat"),
    "inbox_init": ("worker",),
    "status": ("worker", "web"),
}
"""By the endpoint of a pending call: the processes to kill. The least killed step comes first."""


AGE_UNCONFIRMED_POSTS = """
UPDATE posts SET started_at = started_at - interval '25 hours', due_at = now(),
    memo = memo || jsonb_build_object('unsafe_at', now() - interval '25 hours')
WHERE state = 'UNCONFIRMED' AND publish_id IS NULL
"""


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("rounds", "kills"), [(1, 2), (34, 50)])
def test_no_post_of_any_kind_is_lost_or_doubled_whichever_step_is_killed(stack, rounds, kills):
    """The second case has 204 posts."""
    users = [(stack.create_api_user(), kind) for kind in POST_KINDS for _ in range(rounds)]
    stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=1, times=0)
    stack.sandbox.control("faults", endpoint="webhook", kind="delay", seconds=12, times=0, rate=0.5)
    posts_by_user = [(api_user, create_post_of_kind(api_user, kind)) for api_user, kind in users]
    kills_by_step = Counter()
    for _ in range(kills):
        wait_until(
            lambda: list_pending_steps(stack) or is_final(posts_by_user), within=90, what="a call"
        )
        for step in sorted(list_pending_steps(stack), key=lambda step: kills_by_step[step])[:1]:
            kills_by_step[step] += 1
            stack.kill(*VICTIMS_BY_STEP[step])
            stack.expire_leases()
    stack.sandbox.control("faults", method="DELETE")
    wait_until(
        lambda: is_settled(posts_by_user),
        within=150 + 20 * rounds,
        what="final or unconfirmed states",
    )
    stack.query(AGE_UNCONFIRMED_POSTS)
    wait_until(
        lambda: is_final(posts_by_user), within=60 + 20 * rounds, what="the end of all posts"
    )
    assert dict(collect_problems(stack, posts_by_user)) == {}
    assert len(posts_by_user) == 6 * rounds
    assert kills_by_step.total() >= kills // 2, kills_by_step


def list_pending_steps(stack):
    """Return the endpoints with a call that is not answered yet."""
    calls = stack.sandbox.control("log")["log"]
    return {call["endpoint"] for call in calls if call["status"] is None} & set(VICTIMS_BY_STEP)


def is_settled(posts_by_user):
    return all(are_settled(api_user, post_ids) for api_user, post_ids in posts_by_user)


def is_final(posts_by_user):
    return all(
        are_final(api_user, post_ids)
        for api_user, post_ids in random.sample(posts_by_user, len(posts_by_user))
    )


def collect_problems(stack, posts_by_user):
    for api_user, post_ids in posts_by_user:
        problems = find_problems(stack, api_user, post_ids)
        if problems:
            yield api_user.open_id, problems
