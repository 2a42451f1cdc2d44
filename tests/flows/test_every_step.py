"""kill -9 again and again while posts of every kind are on their way: each step is struck in turn.

Whoever waits for an answer of the platform dies, so do web and beat; half of the notices are late,
so that polls are struck as well. None is lost: a pull whose start was never answered and of which
nobody ever hears again has no end but "unknown", a day later (`test_kills.py`). So has one whose
worker died before the call was sent: nobody can tell.
"""

import random
from collections import Counter

import pytest

from tests.flows.brokers import until
from tests.flows.kinds import KINDS, all_ended, all_rest, complaints, wish_for

STEPS = {
    "creator_info": ("worker",),
    "video_init": ("worker",),
    "upload": ("uploads",),
    "content_init": ("worker", "beat"),
    "inbox_init": ("worker",),
    "status": ("worker", "web"),
}
"""Which call is under way when somebody dies, and who. What was struck least comes first."""


A_DAY_LATER = """
UPDATE posts SET started_at = started_at - interval '25 hours', due_at = now()
WHERE state = 'UNCONFIRMED' AND publish_id IS NULL
"""


@pytest.mark.chaos
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("rounds", "strikes"), [(1, 2), (34, 50)])
def test_no_post_of_any_kind_is_lost_or_doubled_whichever_step_is_struck(house, rounds, strikes):
    """The long form: 204 posts."""
    crowd = [(house.guest(), kind) for kind in KINDS for _ in range(rounds)]
    house.sandbox.control("faults", endpoint="*", kind="slow", seconds=1, times=0)
    house.sandbox.control("faults", endpoint="webhook", kind="delay", seconds=12, times=0, rate=0.5)
    wanted = [(guest, wish_for(guest, kind)) for guest, kind in crowd]
    struck = Counter()
    for _ in range(strikes):
        until(lambda: under_way(house) or ended(wanted), within=90, what="a call")
        for step in sorted(under_way(house), key=lambda step: struck[step])[:1]:
            struck[step] += 1
            house.kill(*STEPS[step])
            house.lapse()
    house.sandbox.control("faults", method="DELETE")
    until(lambda: resting(wanted), within=150 + 20 * rounds, what="an end, or a lasting doubt")
    house.rows(A_DAY_LATER)
    until(lambda: ended(wanted), within=60 + 20 * rounds, what="the end of all posts")
    assert dict(judged(house, wanted)) == {}
    assert len(wanted) == 6 * rounds
    assert struck.total() >= strikes // 2, struck


def under_way(house):
    """The steps of which a call has arrived and is not answered yet."""
    calls = house.sandbox.control("log")["log"]
    return {call["endpoint"] for call in calls if call["status"] is None} & set(STEPS)


def resting(wanted):
    return all(all_rest(guest, posts) for guest, posts in wanted)


def ended(wanted):
    return all(all_ended(guest, posts) for guest, posts in random.sample(wanted, len(wanted)))


def judged(house, wanted):
    for guest, posts in wanted:
        told = complaints(house, guest, posts)
        if told:
            yield guest.creator, told
