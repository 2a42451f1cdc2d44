"""Misfortune at a chosen moment: an answer held back, whoever waits for it killed or outlived."""

from tests.flows.brokers import until
from tests.flows.guests import DIRECT, PULL

UNHEARD, UNANSWERED = "hang", "slow"  # without and with the effect of the call
LONG = 600  # seconds an answer is held back: longer than anybody lives here
OUTLIVED = 4  # seconds: enough for somebody else to do all of it meanwhile


def holds(house, endpoint, fault, nth=1, *, seconds=LONG):
    """The platform keeps the answer to the call number `nth` from now on."""
    if nth > 1:
        house.sandbox.control("faults", endpoint=endpoint, kind="slow", seconds=0, times=nth - 1)
    house.sandbox.control("faults", endpoint=endpoint, kind=fault, seconds=seconds)


def held(house, endpoint, nth=1):
    """Whether that call is there and still without an answer."""
    calls = house.sandbox.log(endpoint)
    return len(calls) >= nth and calls[nth - 1]["status"] is None


def strike(house, *victims):
    """They die, the platform is well again, and the leases they held run out."""
    house.kill(*victims)
    house.sandbox.control("faults", method="DELETE")
    house.lapse()


def a_pull_whose_start_was_never_answered(house, guest):
    """The id of a post that the platform has begun to fetch, though we cannot know it."""
    holds(house, "video_init", UNANSWERED)
    post_id = guest.wish(**PULL, **DIRECT)
    until(lambda: held(house, "video_init"), what="the start")
    strike(house, "worker")
    return post_id


def a_start_that_outlived_its_lease(house, guest):
    """The id of a post that a second worker published while the first one waited for its answer."""
    holds(house, "video_init", UNANSWERED, seconds=OUTLIVED)
    post_id = guest.send()
    until(lambda: held(house, "video_init"), what="the start")
    house.lapse()
    guest.ended(post_id)
    until(lambda: not held(house, "video_init"), what="the late answer")
    until(lambda: len(outcomes(house, post_id)) == attempts(house, post_id), what="its record")
    return post_id


def outcomes(house, post_id):
    """How each try of the post ended that has ended."""
    asked = "SELECT outcome FROM attempts WHERE kind IN ('posts', 'uploads') AND row_id = %s"
    return [row[0] for row in house.rows(f"{asked} AND ended_at IS NOT NULL ORDER BY id", post_id)]


def attempts(house, post_id):
    asked = "SELECT count(*) FROM attempts WHERE kind IN ('posts', 'uploads') AND row_id = %s"
    return house.one(asked, post_id)


def starts(guest, post_id):
    """Which publications the post believed to be its own, one after the other."""
    events = guest.post(post_id)["events"]
    return [event["note"] for event in events if event["kind"] == "started"]
