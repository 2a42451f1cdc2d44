"""What holds a post back before anything of it is sent: limits, circuits, creators, settings.

Held back is not failed: it costs no attempt, and says when it goes on.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from core import posts
from core.engine.work import run
from core.errors import Failed, Limited
from core.ledger.settle import State
from core.resilience.breaker import FAILURES
from tests.platforms.hostile import answer
from tests.platforms.script import ok, refuses
from tests.publishing import (
    A_PROBE,
    A_PULL,
    AN_UPLOAD,
    CREATOR,
    DIRECT,
    INIT,
    STATUS,
    STINT,
    status,
)

FOR_ME = {"mode": "DIRECT", "privacy_level": "SELF_ONLY"}
CREATORS = {"privacy_level_options": ["SELF_ONLY"], "max_video_post_duration_sec": 300}


@pytest.fixture
def account(desk):
    desk.starts()
    desk.says(CREATOR, ok(**CREATORS))
    return desk.tenants.account(desk.tenants.an_account(scope="video.upload,video.publish"))


def a_film(desk, account, seconds):
    probe = {**A_PROBE, "duration_ms": seconds * 1000}
    media = desk.a_file(account.user_id, probe=probe)
    return {"source": "FILE_UPLOAD", "title": "A film", "media_id": media}


def test_a_no_of_the_platform_holds_back_everybody_of_that_account(desk, account):
    desk.says(INIT, refuses(429, "rate_limit_exceeded"))
    with pytest.raises(Limited):
        desk.request(account.user_id)
    asked = len(desk.calls(INIT))

    with pytest.raises(Limited) as refused:
        desk.request(account.user_id)
    desk.starts()
    other = desk.tenants.account(desk.tenants.an_account())

    assert refused.value.retry_after > timedelta(seconds=30)
    assert len(desk.calls(INIT)) == asked
    assert desk.request(other.user_id).post.state == State.PROCESSING


def test_a_no_to_a_question_holds_back_the_next_one_and_costs_the_post_nothing(desk, account):
    post_id = desk.request(account.user_id).post.id
    desk.says(STATUS, refuses(429, "rate_limit_exceeded"))
    desk.works()
    asked = len(desk.calls(STATUS))
    desk.says(STATUS, status("PUBLISH_COMPLETE"))

    desk.works()

    post = desk.post(post_id)
    assert len(desk.calls(STATUS)) == asked
    assert (post.state, post.last_error) == (State.PROCESSING, "status limit of the platform")
    assert post.due_at > desk.world.now()


def test_a_waiting_post_that_our_own_limit_holds_back_is_postponed_and_not_tried(desk, account):
    for _ in range(6):
        desk.world.limits.take(account.id, "init")
    post_id = desk.request(account.user_id, can_wait=True).post.id

    desk.works()

    post = desk.post(post_id)
    assert (post.state, post.attempts) == (State.QUEUED, 0)
    assert desk.world.now() < post.due_at <= desk.world.now() + timedelta(seconds=61)
    assert desk.calls(INIT) == []


def test_creators_are_asked_twenty_times_a_minute_at_most(desk, account):
    for _ in range(20):
        desk.world.limits.take(account.id, "creator")
    post_id = desk.request(account.user_id, can_wait=True, **FOR_ME).post.id

    desk.works()

    assert desk.calls(CREATOR) == []
    assert (desk.post(post_id).state, desk.post(post_id).attempts) == (State.QUEUED, 0)


def test_a_platform_that_is_left_alone_for_a_while_costs_waiting_posts_nothing(desk, account):
    first = [desk.request(account.user_id, can_wait=True).post.id for _ in range(5)]
    desk.says(INIT, answer(503, b""))
    desk.works()
    asked = len(desk.calls(INIT))
    other = desk.tenants.account(desk.tenants.an_account())
    late = desk.request(other.user_id, can_wait=True).post.id

    run(posts.WORK, desk.database, desk.world, stint=STINT)

    assert asked == 5
    assert len(desk.calls(INIT)) == asked
    assert {desk.post(post_id).state for post_id in [*first, late]} == {State.QUEUED}
    post = desk.post(late)
    assert (post.attempts, post.last_error) == (0, "circuit open")
    assert post.due_at > desk.world.now()


def test_who_waits_for_an_answer_is_told_that_the_platform_is_away(desk, account):
    desk.says(INIT, answer(503, b""))
    for _ in range(FAILURES):
        desk.request(desk.tenants.account(desk.tenants.an_account()).user_id)
    asked = len(desk.calls(INIT))

    queued = desk.request(account.user_id).post
    with pytest.raises(Failed) as refused:
        desk.request(account.user_id, AN_UPLOAD)

    assert (queued.state, queued.attempts) == (State.QUEUED, 0)
    assert refused.value.code == "tiktok_unavailable"
    assert len(desk.calls(INIT)) == asked == FAILURES


@pytest.mark.parametrize(("seconds", "refused"), [(300, False), (301, True)])
def test_a_film_longer_than_its_creator_may_post_is_not_announced(desk, account, seconds, refused):
    wish = a_film(desk, account, seconds)
    post_id = desk.request(account.user_id, wish, **FOR_ME).post.id

    desk.works()

    assert (desk.post(post_id).error_code == "duration_check_failed") is refused
    assert len(desk.calls(DIRECT)) == (0 if refused else 1)


def test_a_scheduled_post_asks_its_creator_when_it_is_due_and_not_before(desk, account):
    at = (desk.world.now() + timedelta(hours=1)).isoformat()
    post_id = desk.request(account.user_id, publish_at=at, **FOR_ME).post.id
    assert desk.calls(CREATOR) == []
    desk.says(CREATOR, ok(privacy_level_options=["FOLLOWER_OF_CREATOR"]))

    desk.works()

    assert desk.post(post_id).error_code == "privacy_level_option_mismatch"
    assert (len(desk.calls(CREATOR)), desk.calls(DIRECT)) == (1, [])


@pytest.mark.parametrize("code", ["spam_risk_user_banned_from_posting", "spam_risk_too_many_posts"])
def test_a_refusal_of_the_creator_counts_although_it_comes_as_a_success(desk, account, code):
    desk.says(CREATOR, refuses(200, code))

    with pytest.raises((Failed, Limited)) as refused:
        desk.request(account.user_id, **FOR_ME)

    assert refused.value.code == code
    assert desk.calls(DIRECT) == []


@pytest.mark.parametrize(
    ("said", "is_fine"),
    [
        (A_PULL, False),
        ({**A_PULL, "videoUrl": "https://films.example.org/a.mp4"}, True),
        ({**A_PULL, "videoUrl": "https://example.net/mine/a.mp4"}, True),
        ({**A_PULL, "videoUrl": "https://example.net/theirs/a.mp4"}, False),
        (AN_UPLOAD, True),
    ],
)
def test_an_address_outside_of_those_we_have_verified_is_refused_here(desk, account, said, is_fine):
    ours = ("example.org", "https://example.net/mine/")
    desk.settled(tiktok=replace(desk.world.settings.tiktok, verified_urls=ours))

    if is_fine:
        assert desk.request(account.user_id, said).post.publish_id
        return
    with pytest.raises(Failed) as refused:
        desk.request(account.user_id, said)
    assert refused.value.code == "url_ownership_unverified"
    assert desk.calls(INIT) == []
