"""The clocks of web, workers and beat jump by an hour: nothing is published twice, nothing is lost.

Due times and leases are by the database's clock, which does not jump here. What follows if that
one jumps is a rule of the state machines: `tests/db/test_publishing_state_machine.py`.
"""

import pytest

from tests.flows.api_user import DIRECT_FIELDS, PULL_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.response_faults import (
    DELAY_AFTER_EFFECT,
    delay_response,
    is_response_pending,
    kill_and_recover,
)
from tests.flows.skewed_stack import OFFSET_VARIABLE, SKEWED_COMMAND, write_offset
from tests.flows.stacks import run_stack

HOUR_SECONDS = 3600
JUMPS = (HOUR_SECONDS, -HOUR_SECONDS)  # each from the right time
COUNT_LATE_EVENTS = "SELECT count(*) FROM webhook_events WHERE late"
SECONDS_OF_ANSWER = 1.5  # a clock jumps and jumps back while the platform's answer is awaited


@pytest.fixture(scope="module")
def offset_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("clock") / "offset"
    write_offset(path, 0)
    return path


@pytest.fixture(scope="module")
def skewed_stack(tmp_path_factory, offset_path):
    folder = tmp_path_factory.mktemp("skewed")
    with run_stack(folder, command=SKEWED_COMMAND, **{OFFSET_VARIABLE: str(offset_path)}) as stack:
        yield stack


def test_posts_are_published_once_although_the_clock_jumps_forward_and_back(
    skewed_stack, offset_path
):
    user, post_ids = skewed_stack.create_api_user(), []
    for jump in JUMPS:
        delay_response(skewed_stack, "video_init", DELAY_AFTER_EFFECT, seconds=SECONDS_OF_ANSWER)
        post_ids.append(user.create_post(**PULL_FIELDS, **DIRECT_FIELDS))
        wait_until(lambda: is_start_pending(skewed_stack), what="the start")
        write_offset(offset_path, jump)
        post_ids.append(user.publish_file())
        for post_id in post_ids:
            user.wait_until_final(post_id, within=60)
        write_offset(offset_path, 0)
    outcomes = {post_id: load_outcome(skewed_stack, user, post_id) for post_id in post_ids}
    assert outcomes == dict.fromkeys(post_ids, PUBLISHED_ONCE)
    assert skewed_stack.query_value(COUNT_LATE_EVENTS), (
        "the clocks did not jump: this proves nothing"
    )
    wait_until(lambda: find_open_work(skewed_stack, user) == [], what="the end of all work")


def is_start_pending(stack):
    return any(call["status"] is None for call in stack.sandbox.log("video_init"))


@pytest.mark.chaos
def test_a_worker_killed_after_its_clock_jumped_is_reconciled_and_publishes_nothing_again(
    skewed_stack, offset_path
):
    user = skewed_stack.create_api_user()
    skewed_stack.sandbox.control("log", method="DELETE")
    delay_response(skewed_stack, "video_init", DELAY_AFTER_EFFECT)
    post_id = user.create_post(**PULL_FIELDS, **DIRECT_FIELDS)
    wait_until(lambda: is_response_pending(skewed_stack, "video_init"), what="the start")
    write_offset(offset_path, HOUR_SECONDS)
    kill_and_recover(skewed_stack, "worker")
    user.wait_until_final(post_id, within=90)
    write_offset(offset_path, 0)
    assert load_outcome(skewed_stack, user, post_id) == PUBLISHED_ONCE
