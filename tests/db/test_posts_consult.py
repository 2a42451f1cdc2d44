"""A pull is agreed on in a claim of its own: whoever dies over a question has started nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core import posts
from core.engine.work import claim, run
from core.errors import Conflict
from core.ledger.memo import AGREED, INLINE
from core.ledger.settle import State
from core.posts.consult import FRESH
from core.posts.inline import again, taken
from db.posts import Post
from tests.platforms.hostile import answer
from tests.platforms.script import ok, refuses
from tests.publishing import A_PULL, CREATOR, DIRECT, STATUS, status

A_WISH = {**A_PULL, "mode": "DIRECT", "privacy_level": "SELF_ONLY"}
ALLOWED = {"privacy_level_options": ["SELF_ONLY"], "max_video_post_duration_sec": 300}
MINUTES = func.make_interval(0, 0, 0, 0, 0, 1)


@pytest.fixture
def account(desk):
    desk.starts()
    desk.says(CREATOR, ok(**ALLOWED))
    return desk.tenants.account(desk.tenants.an_account(scope="video.publish"))


@pytest.fixture
def a_pull(desk, account):
    return desk.request(account.user_id, A_WISH, can_wait=True).post.id


def agree(desk):
    """One step, and no further."""
    return run(posts.WORK, desk.database, desk.world)


def begin(desk, post_id):
    """The next step claimed by somebody who is killed over it."""
    [hand] = claim(posts.WORK, desk.database, limit=1, lapsed=False, only=post_id)
    return hand


def lapse(desk, post_id):
    desk.change(post_id, leased_until=func.now() - MINUTES)


def asked(desk):
    return len(desk.calls(CREATOR)), len(desk.calls(DIRECT))


def told(desk, account):
    return [notice.kind for notice in desk.tenants.notices(account.user_id)]


def test_first_the_creator_is_asked_and_then_the_post_is_started(desk, a_pull):
    agree(desk)
    assert (asked(desk), desk.post(a_pull).state) == ((1, 0), State.QUEUED)
    agree(desk)
    assert (asked(desk), desk.post(a_pull).state) == ((1, 1), State.PROCESSING)


def test_a_worker_does_both_without_being_rung_for_again(desk, a_pull):
    desk.works()
    assert (asked(desk), desk.post(a_pull).state) == ((1, 1), State.PROCESSING)


def test_killed_over_the_question_it_is_asked_again_and_started_once(desk, a_pull):
    begin(desk, a_pull)
    lapse(desk, a_pull)

    desk.works(2)

    assert (asked(desk), desk.post(a_pull).state) == ((1, 1), State.PROCESSING)


def test_killed_over_the_start_nobody_knows_and_nobody_starts_again(desk, a_pull):
    """The control: past the agreement the same death leaves a doubt."""
    agree(desk)
    begin(desk, a_pull)
    lapse(desk, a_pull)

    desk.works(2)

    assert (asked(desk), desk.post(a_pull).state) == ((1, 0), State.UNCONFIRMED)


def test_what_is_only_being_agreed_on_can_be_taken_back(desk, account, a_pull):
    hand = begin(desk, a_pull)

    posts.cancel(desk.database, desk.world, a_pull, user_id=account.user_id)

    assert desk.post(a_pull).lease_token == hand.token + 1
    desk.works()
    assert (asked(desk), desk.post(a_pull).state) == ((0, 0), State.CANCELLED)


def test_what_is_being_started_cannot_be_taken_back(desk, account, a_pull):
    agree(desk)
    begin(desk, a_pull)

    with pytest.raises(Conflict):
        posts.cancel(desk.database, desk.world, a_pull, user_id=account.user_id)


def test_an_agreement_that_has_waited_is_sought_anew(desk, a_pull):
    agree(desk)
    memo = desk.post(a_pull).memo
    old = (desk.world.now() - FRESH - timedelta(seconds=1)).isoformat()
    desk.change(a_pull, memo={**memo, AGREED: old})

    desk.works(2)

    assert (asked(desk), desk.post(a_pull).state) == ((2, 1), State.PROCESSING)


def test_one_agreement_serves_one_start(desk, a_pull):
    desk.says(DIRECT, answer(503, b""), ok(publish_id="v_pub_url~v2.1"))

    desk.works(2)

    assert (asked(desk), desk.post(a_pull).state) == ((2, 2), State.PROCESSING)


def test_questions_cost_no_tries_and_give_none_back(desk, a_pull):
    desk.says(DIRECT, answer(503, b""))
    for tries in (1, 2, 3):
        agree(desk)
        assert desk.post(a_pull).attempts == tries - 1
        desk.due()
        agree(desk)
        assert desk.post(a_pull).attempts == tries
        desk.due()


def test_what_the_creator_does_not_allow_is_never_started(desk, account, a_pull):
    desk.says(CREATOR, ok(privacy_level_options=["FOLLOWER_OF_CREATOR"]))

    desk.works()

    post = desk.post(a_pull)
    assert (post.state, post.error_code) == (State.FAILED, "privacy_level_option_mismatch")
    assert (asked(desk), told(desk, account)) == ((1, 0), ["post_failed"])


def test_who_waits_is_answered_when_both_are_done(desk, account):
    post = desk.request(account.user_id, A_WISH).post

    assert post.publish_id is not None
    assert asked(desk) == (1, 1)
    assert INLINE not in desk.post(post.id).memo


def test_a_token_refused_over_the_question_is_renewed_while_somebody_waits(desk, account):
    desk.says(CREATOR, refuses(401, "access_token_invalid"), ok(**ALLOWED))
    desk.says("/v2/oauth/token/", desk.a_grant(account.open_id))

    post = desk.request(account.user_id, A_WISH).post

    assert (post.publish_id is not None, asked(desk)) == (True, (2, 1))


def inline(desk, post_id):
    """Taken by somebody whose requester waits, and who is killed over it."""
    with desk.database.transaction() as session:
        taken(session, session.get_one(Post, post_id))
    lapse(desk, post_id)


def test_who_waited_in_vain_for_the_question_is_told_of_the_end(desk, account, a_pull):
    inline(desk, a_pull)
    desk.says(STATUS, status("PUBLISH_COMPLETE"))

    desk.works(3)

    assert (asked(desk), told(desk, account)) == ((1, 1), ["post_published"])


def test_who_waited_in_vain_for_the_start_is_told_of_the_doubt(desk, account, a_pull):
    """Nobody is left who could have answered them."""
    agree(desk)
    inline(desk, a_pull)

    desk.works(2)

    assert (desk.post(a_pull).state, told(desk, account)) == (
        State.UNCONFIRMED,
        ["post_unconfirmed"],
    )


def test_a_worker_that_was_faster_keeps_the_post(desk, account, monkeypatch):
    """It takes the start between the two steps of a request, whose requester hears of it later."""
    hands = []

    def overtaken(database, post_id):
        hands.append(begin(desk, post_id))
        return again(database, post_id)

    monkeypatch.setattr("core.posts.inline.again", overtaken)
    post = desk.request(account.user_id, A_WISH).post

    assert (asked(desk), post.publish_id) == ((1, 0), None)
    assert desk.post(post.id).lease_token == hands[0].token
    assert INLINE not in desk.post(post.id).memo
