"""kill -9 at every step of Instagram posts: no post is published twice, and none is lost.

The sandbox holds an answer back; when its log shows the call, the process that waits is killed.
"""

import contextlib
import sys
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.flows.api_user import FINAL_STATES
from tests.flows.brokers import wait_until
from tests.flows.instagram_posts import (
    PASS_DAY,
    SAMPLE_KINDS,
    create_sample,
    find_problems,
    load_outcome,
    pass_time,
    wait_until_described,
    wait_until_final,
)
from tests.flows.post_outcomes import PUBLISHED_ONCE
from tests.flows.response_faults import (
    DELAY_AFTER_EFFECT,
    HANG_WITHOUT_EFFECT,
    delay_response,
    is_response_pending,
    kill_and_recover,
)
from tests.flows.stacks import run_stack

SABOTAGED_COMMAND = (sys.executable, "-m", "tests.flows.republishing_stack")
VICTIMS_BY_STEP = {
    "publishing_limit": ("worker",),
    "container_create": ("worker", "beat"),
    "rupload": ("uploads",),
    "container_status": ("worker",),
    "media_publish": ("worker",),
    "media_node": ("worker", "web"),
    "media_list": ("worker",),
    "stories_list": ("worker",),
}
"""By the endpoint of a pending call: the processes to kill. The least killed step comes first."""


@dataclass(frozen=True)
class InstagramKillMoment:
    """Kill the process that waits for the answer to call number `nth` at that endpoint."""

    kind: str
    endpoint: str
    fault: str
    nth: int = 1


SHORT_MOMENTS = {
    "a container is made": InstagramKillMoment("image", "container_create", DELAY_AFTER_EFFECT),
    "bytes have arrived": InstagramKillMoment("reel", "rupload", DELAY_AFTER_EFFECT),
    "a status is read": InstagramKillMoment(
        "reel at a URL", "container_status", DELAY_AFTER_EFFECT
    ),
    "a post is public": InstagramKillMoment("carousel", "media_publish", DELAY_AFTER_EFFECT),
    "a story is public": InstagramKillMoment("story", "media_publish", DELAY_AFTER_EFFECT),
    "a post is about to be public": InstagramKillMoment(
        "image", "media_publish", HANG_WITHOUT_EFFECT
    ),
    "the address is read": InstagramKillMoment("image", "media_node", DELAY_AFTER_EFFECT),
}
ENDPOINTS = {
    "container_create": 1,
    "container_status": 1,
    "media_publish": 1,
    "media_node": 1,
}
ALL_MOMENTS = {
    f"{kind}: {endpoint}, {fault}": InstagramKillMoment(kind, endpoint, fault)
    for kind in SAMPLE_KINDS
    for endpoint in (*ENDPOINTS, *(("rupload",) if SAMPLE_KINDS[kind].uses_upload else ()))
    for fault in (DELAY_AFTER_EFFECT, HANG_WITHOUT_EFFECT)
}
COLLECTION_MOMENTS = {
    f"item {nth} of a carousel: {fault}": InstagramKillMoment(
        "carousel", "container_create", fault, nth
    )
    for nth in (2, 3, 4)
    for fault in (DELAY_AFTER_EFFECT, HANG_WITHOUT_EFFECT)
}
KILL_CASES = [
    *(pytest.param(moment, id=name) for name, moment in SHORT_MOMENTS.items()),
    *(
        pytest.param(moment, id=name, marks=pytest.mark.chaos)
        for name, moment in {**ALL_MOMENTS, **COLLECTION_MOMENTS}.items()
    ),
]


@pytest.mark.parametrize("moment", KILL_CASES)
def test_a_kill_costs_an_instagram_post_nothing_but_time(stack, instagram_user, moment):
    delay_response(stack, moment.endpoint, moment.fault, moment.nth)
    post_id = create_sample(instagram_user, moment.kind)
    wait_until(
        lambda: pass_time(stack) and is_response_pending(stack, moment.endpoint, moment.nth),
        within=30,
        what="the call",
    )
    kill_and_recover(stack, *VICTIMS_BY_STEP[moment.endpoint][:1])
    wait_until_final(stack, instagram_user, post_id, within=60)
    wait_until_described(stack, instagram_user, post_id)
    assert load_outcome(stack, instagram_user, post_id) == PUBLISHED_ONCE
    assert find_problems(stack, [(instagram_user, post_id)]) == []


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("rounds", "kills"), [(1, 6), (34, 70)])
def test_no_instagram_post_is_lost_or_doubled_whichever_step_is_killed(stack, rounds, kills):
    """The second case has 204 posts."""
    users = [(stack.create_instagram_user(), kind) for kind in SAMPLE_KINDS for _ in range(rounds)]
    stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.5, times=0)
    posts = [(user, create_sample(user, kind)) for user, kind in users]
    kills_by_step = Counter()
    while kills_by_step.total() < kills and not is_final(stack, posts):
        wait_until(
            lambda: pass_time(stack) and (list_pending_steps(stack) or is_final(stack, posts)),
            within=90,
            what="a call",
        )
        for step in sorted(list_pending_steps(stack), key=lambda step: kills_by_step[step])[:1]:
            kills_by_step[step] += 1
            stack.kill(*VICTIMS_BY_STEP[step])
            stack.expire_leases()
    stack.sandbox.control("faults", method="DELETE")
    # a post that was killed twice before the publish call stays unconfirmed for a day
    with contextlib.suppress(AssertionError):
        wait_until(lambda: pass_time(stack) and is_final(stack, posts), within=60 + 3 * rounds)
    stack.query(PASS_DAY)
    wait_until(
        lambda: pass_time(stack) and is_final(stack, posts),
        within=120,
        what="the end of all posts",
    )
    for user, post_id in posts:
        wait_until_described(stack, user, post_id)
    assert find_problems(stack, posts) == []
    assert len(posts) == len(SAMPLE_KINDS) * rounds
    assert kills_by_step.total() >= kills // 2, kills_by_step


def list_pending_steps(stack):
    """Return the endpoints with a call that is not answered yet."""
    calls = stack.sandbox.control("log")["log"]
    return {call["endpoint"] for call in calls if call["status"] is None} & set(VICTIMS_BY_STEP)


def list_states(stack, posts):
    ids = [post_id for _, post_id in posts]
    return {row[0] for row in stack.query("SELECT state FROM posts WHERE id = ANY(%s)", ids)}


def is_final(stack, posts):
    return list_states(stack, posts) <= FINAL_STATES


@pytest.mark.chaos
def test_without_reconciliation_an_instagram_post_is_published_twice(tmp_path):
    """The negative control: the workers of this stack begin again instead of looking.

    The short form is that of TikTok, in test_publishing_safeguards.
    """
    with run_stack(tmp_path, command=SABOTAGED_COMMAND) as stack:
        user = stack.create_instagram_user()
        delay_response(stack, "media_publish", DELAY_AFTER_EFFECT)
        post_id = create_sample(user, "image at a URL")
        wait_until(
            lambda: pass_time(stack) and is_response_pending(stack, "media_publish"),
            within=30,
            what="the publish call",
        )
        kill_and_recover(stack, "worker")
        wait_until_final(stack, user, post_id, within=60)
        assert user.count_publications() == 2
        assert find_problems(stack, [(user, post_id)])
