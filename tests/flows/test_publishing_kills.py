"""kill -9 at every step of publishing: no post is published twice, and none is lost.

The sandbox holds a response back; when its log shows the call, the process that waits is killed.
"""

import random
from dataclasses import dataclass
from threading import Thread

import pytest
import requests

from tests.flows.api_user import (
    CHUNKED_FILE_BYTES,
    DIRECT_FIELDS,
    FINAL_STATES,
    PULL_FIELDS,
    SMALL_FILE_BYTES,
)
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, PostOutcome, find_open_work, load_outcome
from tests.flows.response_faults import (
    DELAY_AFTER_EFFECT,
    HANG_WITHOUT_EFFECT,
    delay_response,
    is_response_pending,
    kill_and_recover,
    list_attempt_outcomes,
    list_started_ids,
    lose_pull_start,
    outlive_start_lease,
)


@dataclass(frozen=True)
class KillMoment:
    """Kill `victim` while it waits for the response to call number `nth` at that endpoint."""

    victim: str
    endpoint: str
    fault: str
    nth: int = 1
    size: int = SMALL_FILE_BYTES


KILL_MOMENTS = {
    "before the start is answered": KillMoment("worker", "video_init", DELAY_AFTER_EFFECT),
    "before a middle chunk is answered": KillMoment(
        "uploads", "upload", DELAY_AFTER_EFFECT, nth=3, size=CHUNKED_FILE_BYTES
    ),
    "before the last chunk has an effect": KillMoment(
        "uploads", "upload", HANG_WITHOUT_EFFECT, nth=6, size=CHUNKED_FILE_BYTES
    ),
    "before the last chunk is answered": KillMoment(
        "uploads", "upload", DELAY_AFTER_EFFECT, nth=6, size=CHUNKED_FILE_BYTES
    ),
}
NO_EFFECT_KILL_MOMENTS = {
    "before the start has an effect": KillMoment("worker", "video_init", HANG_WITHOUT_EFFECT),
    "before the only chunk has an effect": KillMoment("uploads", "upload", HANG_WITHOUT_EFFECT),
    "before a middle chunk has an effect": KillMoment(
        "uploads", "upload", HANG_WITHOUT_EFFECT, nth=3, size=CHUNKED_FILE_BYTES
    ),
}
"""The easier form of the moments above: the call has no effect at the platform."""


KILL_CASES = [
    *(pytest.param(moment, id=name) for name, moment in KILL_MOMENTS.items()),
    *(
        pytest.param(moment, id=name, marks=pytest.mark.chaos)
        for name, moment in NO_EFFECT_KILL_MOMENTS.items()
    ),
]


@pytest.mark.parametrize("moment", KILL_CASES)
def test_a_kill_costs_a_post_nothing_but_time(stack, api_user, moment):
    delay_response(stack, moment.endpoint, moment.fault, moment.nth)
    post_id = api_user.publish_file(moment.size)
    wait_until(lambda: is_response_pending(stack, moment.endpoint, moment.nth), what="the call")
    kill_and_recover(stack, moment.victim)
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_kill_during_a_status_call_repeats_it(stack, api_user):
    stack.sandbox.control("faults", endpoint="webhook", kind="lose", times=0)
    delay_response(stack, "status", HANG_WITHOUT_EFFECT)
    post_id = api_user.publish_file()
    wait_until(lambda: api_user.get_state(post_id) == "PROCESSING", what="all bytes sent")
    make_due(stack, post_id)
    wait_until(lambda: is_response_pending(stack, "status"), what="the poll")
    kill_and_recover(stack, "worker")
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def make_due(stack, post_id):
    """Make the next poll due now, instead of after seconds or minutes."""
    stack.query("UPDATE posts SET due_at = now() WHERE id = %s AND leased_until IS NULL", post_id)


def test_a_kill_while_a_webhook_is_applied_applies_it_once(stack, api_user):
    stack.sandbox.control("settings", processing_seconds=1)
    post_id = api_user.publish_file()
    wait_until(lambda: api_user.get_state(post_id) == "PROCESSING", what="all bytes sent")
    with stack.connection() as blocker, blocker.cursor() as cur:
        cur.execute("SELECT FROM posts WHERE id = %s FOR UPDATE", (post_id,))
        wait_until(lambda: count_leased_events(stack), what="a leased event")
        stack.kill("worker")
    stack.expire_leases()
    post = api_user.wait_until_final(post_id, within=60)
    states = [event["to"] for event in post["events"]]
    assert states.count("PUBLISHED") == 1  # by the webhook, or by a poll that was earlier
    wait_until(lambda: not count_unapplied(stack), what="the event applied")
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def count_unapplied(stack):
    return stack.query_value("SELECT count(*) FROM webhook_events WHERE processed_at IS NULL")


def count_leased_events(stack):
    return stack.query_value("SELECT count(*) FROM webhook_events WHERE leased_until > now()")


def test_all_processes_may_die_between_two_steps(stack, api_user):
    stack.sandbox.control("settings", processing_seconds=1.5)
    post_id = api_user.publish_file()
    wait_until(lambda: api_user.get_state(post_id) == "PROCESSING", what="all bytes sent")
    stack.kill("worker", "uploads", "beat", "web")
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_kill_during_creator_info_costs_a_pull_nothing_but_time(stack, api_user):
    delay_response(stack, "creator_info", DELAY_AFTER_EFFECT)
    post_id = api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS)
    wait_until(lambda: is_response_pending(stack, "creator_info"), what="the call")
    kill_and_recover(stack, "worker")
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_pull_whose_start_was_never_answered_is_found_by_its_webhook(stack, api_user):
    post_id = lose_pull_start(stack, api_user)
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert len(api_user.list_platform_posts()) == 1
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_response_that_outlived_its_lease_is_dropped(stack, api_user):
    post_id = outlive_start_lease(stack, api_user)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert list_attempt_outcomes(stack, post_id).count("fenced") == 1
    assert list_started_ids(api_user, post_id) == [api_user.get_post(post_id)["publish_id"]]
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_pull_without_any_later_event_fails_with_an_unknown_outcome(stack, api_user):
    delay_response(stack, "video_init", HANG_WITHOUT_EFFECT)
    post_id = api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS)
    wait_until(lambda: is_response_pending(stack, "video_init"), what="the start")
    kill_and_recover(stack, "worker")
    wait_until(
        lambda: api_user.get_state(post_id) == "UNCONFIRMED", within=60, what="state UNCONFIRMED"
    )
    age_post_one_day(stack, post_id)
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PostOutcome("FAILED", "outcome_unknown", 0)
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def age_post_one_day(stack, post_id):
    wait_until(
        lambda: stack.query(
            "UPDATE posts SET due_at = now(), started_at = now() - interval '25 hours',"
            " memo = memo || jsonb_build_object('unsafe_at', now() - interval '25 hours')"
            " WHERE id = %s AND leased_until IS NULL",
            post_id,
        ),
        what="a moment without a lease",
    )


def test_a_web_process_killed_while_its_caller_waits_leaves_one_post(stack, api_user):
    delay_response(stack, "video_init", DELAY_AFTER_EFFECT)
    fields = {
        "wait": True,
        "key": f"key-of-{api_user.account_id}",
        "title": "in line",
        **PULL_FIELDS,
        **DIRECT_FIELDS,
    }
    caller = Thread(target=request_until_disconnected, args=(api_user, fields))
    caller.start()
    wait_until(lambda: is_response_pending(stack, "video_init"), what="the start")
    kill_and_recover(stack, "web")
    caller.join()
    wait_until(lambda: is_healthy(api_user), what="the restart of the web process")
    post_id = repeat_request(api_user, fields)
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert (
        stack.query_value(
            "SELECT count(*) FROM posts WHERE oauth_account_id = %s", api_user.account_id
        )
        == 1
    )


def repeat_request(api_user, fields):
    """Send the request again; until a worker has its post, the first one counts as running."""
    answers = []

    def is_answered():
        answers.append(api_user.request_post(**fields).json())
        code = answers[-1].get("error", {}).get("code")
        assert code in {None, "IDEMPOTENCY_IN_PROGRESS"}, answers[-1]
        return code is None

    wait_until(is_answered, what="the answer to the repeated request")
    return answers[-1]["data"]["id"]


def request_until_disconnected(api_user, fields):
    with pytest.raises(requests.ConnectionError):
        api_user.request_post(**fields)


def is_healthy(api_user):
    try:
        return api_user.call("GET", "/healthz").ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("posts", "kills"),
    [(6, 2), pytest.param(24, 8, marks=pytest.mark.chaos)],
)
def test_no_post_of_a_batch_is_lost_or_doubled_whenever_its_workers_die(
    stack, api_user, posts, kills
):
    stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.2, times=0)
    media_id = api_user.upload_file()
    fields = {"source": "FILE_UPLOAD", "media_id": media_id, **DIRECT_FIELDS}
    post_ids = [api_user.create_post(title=f"number {number}", **fields) for number in range(posts)]
    for _ in range(kills):
        calls = len(stack.sandbox.control("log")["log"]) + random.randrange(1, 6)
        wait_until(
            lambda calls=calls: has_enough_calls(stack, api_user, post_ids, calls),
            what="the next kill",
        )
        stack.kill("worker", "uploads")
        stack.expire_leases()
    for post_id in post_ids:
        api_user.wait_until_final(post_id, within=90)
    outcomes = {post_id: load_outcome(stack, api_user, post_id) for post_id in post_ids}
    assert outcomes == dict.fromkeys(post_ids, PUBLISHED_ONCE)
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def has_enough_calls(stack, api_user, post_ids, calls):
    """Return whether that many calls were made, or all posts are final already."""
    call_count = len(stack.sandbox.control("log")["log"])
    return call_count >= calls or all(
        api_user.get_state(post_id) in FINAL_STATES for post_id in post_ids
    )
