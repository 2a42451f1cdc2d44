"""Faults at a chosen call: the sandbox holds a response back while its process is killed."""

from tests.flows.api_user import DIRECT_FIELDS, PULL_FIELDS
from tests.flows.brokers import wait_until

HANG_WITHOUT_EFFECT, DELAY_AFTER_EFFECT = "hang", "slow"  # without and with the effect of the call
DELAY_SECONDS = 600  # seconds a response is held back: longer than any test runs
PAST_LEASE_SECONDS = 4  # seconds; enough for a second worker to do all the work meanwhile


def delay_response(stack, endpoint, fault, nth=1, *, seconds=DELAY_SECONDS):
    """Hold back the response to call number `nth` from now on. Units: seconds."""
    if nth > 1:
        stack.sandbox.control("faults", endpoint=endpoint, kind="slow", seconds=0, times=nth - 1)
    stack.sandbox.control("faults", endpoint=endpoint, kind=fault, seconds=seconds)


def is_response_pending(stack, endpoint, nth=1):
    """Return whether call number `nth` has arrived and is not answered yet."""
    calls = stack.sandbox.log(endpoint)
    return len(calls) >= nth and calls[nth - 1]["status"] is None


def kill_and_recover(stack, *victims):
    """Kill these processes, remove all faults and let the leases expire."""
    stack.kill(*victims)
    stack.sandbox.control("faults", method="DELETE")
    stack.expire_leases()


def lose_pull_start(stack, api_user):
    """Return the id of a pull that the platform started, but whose response never reached us."""
    delay_response(stack, "video_init", DELAY_AFTER_EFFECT)
    post_id = api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS)
    wait_until(lambda: is_response_pending(stack, "video_init"), what="the start")
    kill_and_recover(stack, "worker")
    return post_id


def outlive_start_lease(stack, api_user):
    """Return the id of a post that another worker published while the first awaited a response."""
    delay_response(stack, "video_init", DELAY_AFTER_EFFECT, seconds=PAST_LEASE_SECONDS)
    post_id = api_user.publish_file()
    wait_until(lambda: is_response_pending(stack, "video_init"), what="the start")
    stack.expire_leases()
    api_user.wait_until_final(post_id)
    wait_until(lambda: not is_response_pending(stack, "video_init"), what="the late response")
    wait_until(
        lambda: len(list_attempt_outcomes(stack, post_id)) == count_attempts(stack, post_id),
        what="the record of its attempt",
    )
    return post_id


def list_attempt_outcomes(stack, post_id):
    """Return the outcomes of the post's attempts that have ended."""
    statement = "SELECT outcome FROM attempts WHERE kind IN ('posts', 'uploads') AND row_id = %s"
    return [
        row[0] for row in stack.query(f"{statement} AND ended_at IS NOT NULL ORDER BY id", post_id)
    ]


def count_attempts(stack, post_id):
    statement = "SELECT count(*) FROM attempts WHERE kind IN ('posts', 'uploads') AND row_id = %s"
    return stack.query_value(statement, post_id)


def list_started_ids(api_user, post_id):
    """Return the publish ids that the post recorded as its own, in order."""
    events = api_user.get_post(post_id)["events"]
    return [event["note"] for event in events if event["kind"] == "started"]
