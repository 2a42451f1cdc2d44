"""Before TikTok's audit: posts for their owners alone, and for five accounts a day."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.errors import Failed, Limited
from core.ledger.memo import SLOTS, UNAUDITED
from core.ledger.settle import State
from core.posts import creator_of, left
from core.posts.retry import retry
from core.posts.turn import take
from db.posts import Post
from db.records import TikTokPost
from db.session import Database
from db.slots import Slots
from tests.platforms.script import ok, refuses
from tests.publishing import AN_UPLOAD, CREATOR, DIRECT, STATUS, status

PRIVATE = ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
FOR_ME = {"mode": "DIRECT", "privacy_level": "SELF_ONLY"}


@pytest.fixture
def desk(desk):
    desk.unaudited()
    desk.starts()
    desk.says(CREATOR, ok(privacy_level_options=PRIVATE))
    return desk


@pytest.fixture
def accounts(desk):
    """Six creators: one more than may post."""
    return [an_account(desk) for _ in range(6)]


def an_account(desk):
    return desk.tenants.account(desk.tenants.an_account(scope="video.upload,video.publish"))


def posts_by(desk, accounts, **more):
    return [desk.request(one.user_id, **FOR_ME, **more).post.id for one in accounts]


@pytest.mark.parametrize("level", ["PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR"])
def test_no_audience_but_the_creator_is_taken_and_the_answer_says_why(desk, accounts, level):
    with pytest.raises(Failed) as refused:
        desk.request(accounts[0].user_id, mode="DIRECT", privacy_level=level)

    assert refused.value.code == "unaudited_client_can_only_post_to_private_accounts"
    assert refused.value.details == {
        "privacy_level_options": ["SELF_ONLY"],
        "account_must_be_private": True,
    }
    assert (desk.count(), desk.calls(DIRECT)) == (0, [])


def test_a_draft_is_its_creators_and_may_be_shown_to_anybody(desk, accounts):
    told = desk.request(accounts[0].user_id, privacy_level="PUBLIC_TO_EVERYONE")

    assert told.post.state == State.PROCESSING


@pytest.mark.parametrize(("options", "private"), [(PRIVATE, True), (["PUBLIC_TO_EVERYONE"], False)])
def test_a_form_offers_no_other_audience_and_says_what_the_account_must_be(
    desk, accounts, options, private
):
    desk.says(CREATOR, ok(privacy_level_options=[*options, "SELF_ONLY"]))

    shown = creator_of(desk.database, desk.world, user_id=accounts[0].user_id)

    assert set(shown.privacy_levels) == {"SELF_ONLY"}
    assert (shown.audited, shown.is_private) == (False, private)


def test_a_post_wished_for_all_is_not_repeated_when_the_audit_is_lost(desk, accounts):
    old = desk.tenants.a_post(
        accounts[0].id,
        kind="DIRECT_VIDEO",
        source="PULL_FROM_URL",
        sent_by="PLATFORM",
        state="FAILED",
        payload_json={"settings": {"privacy_level": "PUBLIC_TO_EVERYONE"}},
    )

    with pytest.raises(Failed) as refused:
        retry(desk.database, desk.world, old, user_id=accounts[0].user_id)

    assert refused.value.code == "unaudited_client_can_only_post_to_private_accounts"


def test_a_waiting_post_for_all_is_refused_before_its_creator_is_asked(desk, accounts):
    post_id = desk.tenants.a_post(
        accounts[0].id,
        kind="DIRECT_VIDEO",
        source="PULL_FROM_URL",
        sent_by="PLATFORM",
        has_slot=True,
        payload_json={"settings": {"privacy_level": "PUBLIC_TO_EVERYONE"}},
    )

    desk.works()

    assert desk.post(post_id).error_code == "unaudited_client_can_only_post_to_private_accounts"
    assert (desk.calls(CREATOR), desk.calls(DIRECT)) == ([], [])


def test_the_sixth_account_of_a_day_waits_and_who_already_posted_goes_on(desk, accounts):
    posts_by(desk, accounts[:5])

    again = desk.request(accounts[0].user_id, **FOR_ME).post
    sixth = desk.request(accounts[5].user_id, **FOR_ME).post
    desk.works()

    assert (again.state, sixth.state) == (State.PROCESSING, State.QUEUED)
    waiting = desk.post(sixth.id)
    assert (waiting.state, waiting.has_slot, waiting.attempts) == (State.QUEUED, False, 0)
    assert waiting.due_at > desk.world.now()
    assert len(desk.calls(DIRECT)) == 6


def test_a_caller_who_sends_the_bytes_is_told_when_to_come_again(desk, accounts):
    posts_by(desk, accounts[:5])

    with pytest.raises(Limited) as refused:
        desk.request(accounts[5].user_id, AN_UPLOAD, **FOR_ME)

    assert refused.value.code == "reached_active_user_cap"
    assert timedelta(hours=23) < refused.value.retry_after <= timedelta(hours=24)
    figures = refused.value.details["users"]
    assert (figures["used"], figures["limit"], figures["remaining"]) == (5, 5, 0)
    assert figures["resets_at"] is not None
    assert desk.count(Post.oauth_account_id == accounts[5].id) == 0


def test_a_failure_and_a_day_make_room(desk, accounts):
    first, *_ = posts_by(desk, accounts[:5])
    sixth = desk.request(accounts[5].user_id, **FOR_ME).post.id
    with desk.database.transaction() as session:
        old = func.now() - timedelta(hours=25)
        mine = TikTokPost.ledger_id == first
        session.execute(update(TikTokPost).where(mine).values(created_at=old))

    desk.says(STATUS, status())
    desk.works(2)

    assert desk.post(sixth).state == State.PROCESSING


def test_what_waited_for_a_day_fails_with_the_limits_name(desk, accounts):
    posts_by(desk, accounts[:5])
    sixth = desk.request(accounts[5].user_id, **FOR_ME).post.id
    desk.change(sixth, created_at=func.now() - timedelta(hours=25))

    desk.works()

    assert desk.post(sixth).error_code == "reached_active_user_cap"


def test_drafts_do_not_count(desk, accounts):
    for one in accounts:
        assert desk.request(one.user_id).post.state == State.PROCESSING


def test_the_quota_tells_how_many_have_posted(desk, accounts):
    posts_by(desk, accounts[:2])

    found = left(desk.database, desk.world, user_id=accounts[0].user_id)

    assert (found.users.used, found.users.limit, found.users.remaining) == (2, 5, 3)


def taken_at_once(database_url, desk):
    """Twelve accounts ask for their turn in the same moment, each in a transaction of its own."""
    posts, start = [a_waiting_post(desk) for _ in range(12)], threading.Barrier(12)
    database = Database(database_url, pool_size=12)

    def ask(post_id):
        with suppress(Limited), database.transaction() as session:
            post = session.get_one(Post, post_id)
            start.wait(60)
            take(session, post)

    with ThreadPoolExecutor(12) as crowd:
        list(crowd.map(ask, posts))
    database.dispose()
    return desk.count(Post.has_slot)


def a_waiting_post(desk):
    return desk.tenants.a_post(
        an_account(desk).id, kind="DIRECT_VIDEO", memo={SLOTS: 15, UNAUDITED: True}
    )


def test_a_crowd_of_accounts_never_overshoots(desk, database_url):
    assert taken_at_once(database_url, desk) == 5


def test_without_the_lock_it_would(desk, database_url, monkeypatch):
    monkeypatch.setattr(Slots, "lock_all", lambda *_, **__: True)

    assert taken_at_once(database_url, desk) > 5


def test_the_platforms_own_cap_makes_what_we_can_send_later_wait(desk, accounts):
    desk.says(CREATOR, refuses(200, "reached_active_user_cap"))

    told = desk.request(accounts[0].user_id, **FOR_ME)
    desk.works()

    post = desk.post(told.post.id)
    assert (told.post.state, post.state, post.hold_reason) == (State.QUEUED, State.QUEUED, None)
    assert post.due_at - desk.world.now() > timedelta(minutes=30)
    assert desk.tenants.account(accounts[0].id).status == "ACTIVE"
    assert desk.calls(DIRECT) == []
