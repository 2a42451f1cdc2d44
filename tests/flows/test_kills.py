"""kill -9 at every step of an upload: never a second publication, never a lost post.

The platform holds an answer back, we wait until its log shows the call, and kill who waits for it.
"""

import random
from dataclasses import dataclass
from threading import Thread

import pytest
import requests

from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, Fate, fate, left
from tests.flows.guests import BIG, DIRECT, FINAL, PULL, SMALL
from tests.flows.strikes import (
    UNANSWERED,
    UNHEARD,
    a_pull_whose_start_was_never_answered,
    a_start_that_outlived_its_lease,
    held,
    holds,
    outcomes,
    starts,
    strike,
)

pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Moment:
    """The victim waits for the answer to the call number `nth` at that endpoint."""

    victim: str
    endpoint: str
    fault: str
    nth: int = 1
    size: int = SMALL


MOMENTS = {
    "before the start is answered": Moment("worker", "video_init", UNANSWERED),
    "before a middle chunk is answered": Moment("uploads", "upload", UNANSWERED, nth=3, size=BIG),
    "before the last chunk is heard": Moment("uploads", "upload", UNHEARD, nth=6, size=BIG),
    "before the last chunk is answered": Moment("uploads", "upload", UNANSWERED, nth=6, size=BIG),
}
GENTLER = {
    "before the start is heard": Moment("worker", "video_init", UNHEARD),
    "before the only chunk is heard": Moment("uploads", "upload", UNHEARD),
    "before a middle chunk is heard": Moment("uploads", "upload", UNHEARD, nth=3, size=BIG),
}
"""Of these the others are the harder form: here the platform knows nothing of the call."""


CASES = [
    *(pytest.param(moment, id=name) for name, moment in MOMENTS.items()),
    *(pytest.param(one, id=name, marks=pytest.mark.chaos) for name, one in GENTLER.items()),
]


@pytest.mark.parametrize("moment", CASES)
def test_a_kill_costs_a_post_nothing_but_time(house, guest, moment):
    holds(house, moment.endpoint, moment.fault, moment.nth)
    post_id = guest.send(moment.size)
    until(lambda: held(house, moment.endpoint, moment.nth), what="the call")
    strike(house, moment.victim)
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_a_kill_during_a_question_asks_again(house, guest):
    house.sandbox.control("faults", endpoint="webhook", kind="lose", times=0)
    holds(house, "status", UNHEARD)
    post_id = guest.send()
    until(lambda: guest.state(post_id) == "PROCESSING", what="all bytes sent")
    hasten(house, post_id)
    until(lambda: held(house, "status"), what="the question")
    strike(house, "worker")
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    until(lambda: left(house, guest) == [], what="the end of all work")


def hasten(house, post_id):
    """Stands for the seconds or minutes until the platform is asked again."""
    house.rows("UPDATE posts SET due_at = now() WHERE id = %s AND leased_until IS NULL", post_id)


def test_a_kill_while_a_webhook_is_applied_applies_it_once(house, guest):
    house.sandbox.control("settings", processing_seconds=1)
    post_id = guest.send()
    until(lambda: guest.state(post_id) == "PROCESSING", what="all bytes sent")
    with house.connection() as blocker, blocker.cursor() as run:
        run.execute("SELECT FROM posts WHERE id = %s FOR UPDATE", (post_id,))
        until(lambda: being_applied(house), what="the notice in a worker's hands")
        house.kill("worker")
    house.lapse()
    post = guest.ended(post_id, within=60)
    assert [event["to"] for event in post["events"]].count(
        "PUBLISHED"
    ) == 1  # or the poll was first
    until(lambda: not unapplied(house), what="the notice applied")
    assert fate(house, guest, post_id) == PUBLISHED
    until(lambda: left(house, guest) == [], what="the end of all work")


def unapplied(house):
    return house.one("SELECT count(*) FROM webhook_events WHERE processed_at IS NULL")


def being_applied(house):
    return house.one("SELECT count(*) FROM webhook_events WHERE leased_until > now()")


def test_everybody_may_die_between_two_steps(house, guest):
    house.sandbox.control("settings", processing_seconds=1.5)
    post_id = guest.send()
    until(lambda: guest.state(post_id) == "PROCESSING", what="all bytes sent")
    house.kill("worker", "uploads", "beat", "web")
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_a_kill_while_the_creator_is_asked_costs_a_pull_nothing_but_time(house, guest):
    holds(house, "creator_info", UNANSWERED)
    post_id = guest.wish(**PULL, **DIRECT)
    until(lambda: held(house, "creator_info"), what="the question")
    strike(house, "worker")
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_a_pull_whose_start_was_never_answered_is_found_by_its_webhook(house, guest):
    post_id = a_pull_whose_start_was_never_answered(house, guest)
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    assert len(guest.platform_posts()) == 1
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_an_answer_that_outlived_its_lease_is_dropped(house, guest):
    post_id = a_start_that_outlived_its_lease(house, guest)
    assert fate(house, guest, post_id) == PUBLISHED
    assert outcomes(house, post_id).count("fenced") == 1
    assert starts(guest, post_id) == [guest.post(post_id)["publish_id"]]
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_a_pull_that_nobody_ever_heard_of_again_fails_and_says_that_it_is_unknown(house, guest):
    holds(house, "video_init", UNHEARD)
    post_id = guest.wish(**PULL, **DIRECT)
    until(lambda: held(house, "video_init"), what="the start")
    strike(house, "worker")
    until(lambda: guest.state(post_id) == "UNCONFIRMED", within=60, what="the doubt")
    a_day_passes(house, post_id)
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == Fate("FAILED", "outcome_unknown", 0)
    until(lambda: left(house, guest) == [], what="the end of all work")


def a_day_passes(house, post_id):
    until(
        lambda: house.rows(
            "UPDATE posts SET due_at = now(), started_at = now() - interval '25 hours'"
            " WHERE id = %s AND leased_until IS NULL",
            post_id,
        ),
        what="a moment without a lease",
    )


def test_a_web_process_killed_while_its_caller_waits_leaves_one_post(house, guest):
    holds(house, "video_init", UNANSWERED)
    wish = {"wait": True, "key": f"key-of-{guest.account}", "title": "in line", **PULL, **DIRECT}
    caller = Thread(target=left_alone, args=(guest, wish))
    caller.start()
    until(lambda: held(house, "video_init"), what="the start")
    strike(house, "web")
    caller.join()
    until(lambda: answers(guest), what="the next web process")
    post_id = guest.request(**wish).json()["data"]["id"]
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    assert house.one("SELECT count(*) FROM posts WHERE oauth_account_id = %s", guest.account) == 1


def left_alone(guest, wish):
    with pytest.raises(requests.ConnectionError):
        guest.request(**wish)


def answers(guest):
    try:
        return guest.ask("GET", "/healthz").ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("posts", "strikes"),
    [(6, 2), pytest.param(24, 8, marks=pytest.mark.chaos)],
)
def test_no_post_of_a_batch_is_lost_or_doubled_whenever_its_workers_die(
    house, guest, posts, strikes
):
    house.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.2, times=0)
    media = guest.file()
    wish = {"source": "FILE_UPLOAD", "media_id": media, **DIRECT}
    wanted = [guest.wish(title=f"number {number}", **wish) for number in range(posts)]
    for _ in range(strikes):
        calls = len(house.sandbox.control("log")["log"]) + random.randrange(1, 6)
        until(lambda calls=calls: over(house, guest, wanted, calls), what="the next strike")
        house.kill("worker", "uploads")
        house.lapse()
    for post_id in wanted:
        guest.ended(post_id, within=90)
    fates = {post_id: fate(house, guest, post_id) for post_id in wanted}
    assert fates == dict.fromkeys(wanted, PUBLISHED)
    until(lambda: left(house, guest) == [], what="the end of all work")


def over(house, guest, wanted, calls):
    """That many calls are made, or there is nothing left to disturb."""
    heard = len(house.sandbox.control("log")["log"])
    return heard >= calls or all(guest.state(post_id) in FINAL for post_id in wanted)
