from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func

from core.accounts import grant_lifecycle
from core.crypto import KeyRing, generate_key
from db.accounts.accounts import Accounts, AccountStatus
from db.accounts.grants import ConnectedByAnotherUser, Grants
from db.accounts.oauth_states import OAuthStates
from db.identity.notifications import Notifications
from db.posts.parked import ParkedPosts
from platforms.secret import Secret
from tests.support.row_factory import HOUR, RowFactory

DAY = 24 * HOUR


@pytest.fixture
def factory(database):
    return RowFactory(database, KeyRing([("1", Secret(generate_key()))]))


def grant_columns(**columns):
    defaults = {
        "scope": "user.info.basic",
        "access_token_encrypted": "new",
        "refresh_token_encrypted": None,
        "expires_at": func.now() + HOUR,
        "refresh_expires_at": None,
        "refresh_due_at": func.now(),
        "metadata": {"display_name": "Ada"},
        "last_used_at": func.now(),
    }
    return {**defaults, **columns}


def test_a_grant_replaces_the_old_one_and_keeps_what_it_does_not_name(database, factory):
    user = factory.create_user()
    old = factory.create_account(user, open_id="o", details={"union_id": "u", "display_name": "A"})
    before = factory.account(old)
    with database.transaction() as session:
        Grants(session).store(user_id=user, provider="tiktok", open_id="o", **grant_columns())
    after = factory.account(old)
    assert after.access_token_encrypted == "new"
    assert after.refresh_token_encrypted == before.refresh_token_encrypted
    assert after.details == {"union_id": "u", "display_name": "Ada"}
    assert after.token_version == before.token_version + 1
    assert after.lease_token == before.lease_token + 1


def test_a_reconnect_forgets_the_troubles_of_the_old_grant(database, factory):
    user = factory.create_user()
    account = factory.create_account(
        user,
        open_id="o",
        status=AccountStatus.NEEDS_RECONNECT,
        status_cause="revoked",
        attempts=3,
        refresh_started_at=func.now(),
        leased_until=func.now(),
    )
    with database.transaction() as session:
        Grants(session).store(user_id=user, provider="tiktok", open_id="o", **grant_columns())
    after = factory.account(account)
    assert (after.status, after.status_cause, after.attempts) == ("ACTIVE", None, 0)
    assert (after.refresh_started_at, after.leased_until) == (None, None)


def test_an_account_is_live_under_one_user_only(database, factory):
    factory.create_account(open_id="o")
    other = factory.create_user()
    with database.transaction() as session, pytest.raises(ConnectedByAnotherUser):
        Grants(session).store(user_id=other, provider="tiktok", open_id="o", **grant_columns())


def test_after_a_disconnect_another_user_may_have_it(database, factory):
    factory.create_account(
        open_id="o", status=AccountStatus.DISCONNECTED, disconnected_at=func.now()
    )
    other = factory.create_user()
    with database.transaction() as session:
        grants = Grants(session)
        assert grants.store(user_id=other, provider="tiktok", open_id="o", **grant_columns()).id


def test_a_stranger_finds_no_account_by_its_id(database, factory):
    account = factory.create_account()
    with database.transaction() as session:
        assert Accounts(session).get_for_user(account, user_id=factory.create_user()) is None


def test_expired_tokens_that_can_be_renewed_are_found_and_dead_ones_are_not(database, factory):
    over = factory.create_account(lasts=-HOUR)
    soon = factory.create_account(lasts=HOUR / 2)
    factory.create_account(lasts=10 * HOUR)
    factory.create_account(lasts=-HOUR, refresh=None)
    factory.create_account(lasts=-HOUR, refresh_expires_at=func.now() - HOUR)
    with database.transaction() as session:
        found = Accounts(session).list_expiring(HOUR, "tiktok")
    assert [account.id for account in found] == [over, soon]


@pytest.mark.parametrize(
    ("columns", "post", "in_use"),
    [
        ({}, None, False),
        ({"last_used_at": func.now() - DAY / 2}, None, True),
        ({"last_used_at": func.now() - 2 * DAY}, None, False),
        ({}, {"due_at": func.now() + DAY / 2}, True),
        ({}, {"due_at": func.now() + 2 * DAY}, False),
        ({}, {"due_at": None}, False),
    ],
)
def test_an_account_is_in_use_for_a_day_around_each_call(database, factory, columns, post, in_use):
    account = factory.create_account(**columns)
    if post is not None:
        factory.create_post(account, **post)
    with database.transaction() as session:
        assert Grants(session).filter_in_use({account}) == ({account} if in_use else set())


def test_nobody_waits_to_write_that_a_token_was_used(database, factory):
    account = factory.create_account()
    with database.transaction() as holder, database.transaction() as session:
        Accounts(holder).lock(account)
        Grants(session).mark_used(*Grants(session).list_with_token_state([account]))
        Grants(session).request_refresh(account, version=0)
    assert factory.account(account).last_used_at is None


def test_a_state_is_used_by_one_of_those_who_bring_it(database, factory):
    user = factory.create_user()
    with database.transaction() as session:
        OAuthStates(session).create("s" * 64, user_id=user, provider="tiktok", redirect_after="/x")

    def bring(_):
        with database.transaction() as session:
            return OAuthStates(session).consume("s" * 64, user_id=user, provider="tiktok")

    with ThreadPoolExecutor(4) as threads:
        found = [one for one in threads.map(bring, range(4)) if one is not None]
    assert [one.redirect_after for one in found] == ["/x"]


def test_a_state_serves_only_its_user_its_platform_and_its_ten_minutes(database, factory):
    user, other = factory.create_user(), factory.create_user()
    with database.transaction() as session:
        states = OAuthStates(session)
        states.create("a", user_id=user, provider="tiktok")
        states.create("b", user_id=user, provider="tiktok", lifetime=timedelta(seconds=-1))
        session.flush()
        assert states.consume("a", user_id=other, provider="tiktok") is None
        assert states.consume("a", user_id=user, provider="instagram") is None
        assert states.consume("b", user_id=user, provider="tiktok") is None
        assert states.is_open("a", user_id=user, provider="tiktok")
        figures = states.counts()
        assert (figures.total, figures.active, figures.expired) == (2, 1, 1)
        assert figures.by_provider == {"tiktok": 2}
        assert states.delete(user_id=user, provider="tiktok") == 2


def test_states_that_nobody_used_are_cleaned_up(database, factory):
    user = factory.create_user()
    with database.transaction() as session:
        OAuthStates(session).create(
            "a", user_id=user, provider="tiktok", lifetime=timedelta(days=-2)
        )
        OAuthStates(session).create("b", user_id=user, provider="tiktok")
        session.flush()
        assert OAuthStates(session).prune(DAY) == 1


def test_a_user_is_notified_once_for_each_cause(database, factory):
    user = factory.create_user()
    with database.transaction() as session:
        notices = Notifications(session)
        assert notices.add(user, "needs_reconnect", cause="account:1:0", subject="account:1")
        assert not notices.add(user, "needs_reconnect", cause="account:1:0")
        assert notices.add(user, "needs_reconnect", cause="account:1:1", subject="account:1")
        assert notices.count_unread(user) == 2
        assert notices.resolve(user, ["needs_reconnect"], subject="account:1") == 2
        assert notices.count_unread(user) == 0


def test_posts_older_than_a_day_wait_for_a_release_after_a_reconnect(database, factory):
    account = factory.create_account()
    held = {"due_at": None, "hold_reason": "needs_reconnect"}
    young = factory.create_post(account, **held)
    old = factory.create_post(account, **held, created_at=func.now() - 2 * DAY)
    planned = factory.create_post(
        account, **held, created_at=func.now() - 9 * DAY, publish_at=func.now() + DAY
    )
    asked = factory.create_post(
        account, **held, created_at=func.now() - 2 * DAY, state="PROCESSING", publish_id="p"
    )
    other = factory.create_post(account, due_at=None, hold_reason="something_else")
    with database.transaction() as session:
        resumed = {post.id for post in ParkedPosts(session).resume(account)}
    assert resumed == {young, planned, asked}
    assert (factory.post(old).due_at, factory.post(old).hold_reason) == (None, "wait_for_release")
    assert factory.post(planned).due_at == factory.post(planned).publish_at
    assert factory.post(other).hold_reason == "something_else"


def test_a_claimed_post_is_not_parked(database, factory):
    account = factory.create_account()
    free = factory.create_post(account)
    taken = factory.create_post(account, leased_until=func.now() + HOUR)
    with database.transaction() as session:
        assert [post.id for post in ParkedPosts(session).park(account, "needs_reconnect")] == [free]
    assert factory.post(taken).hold_reason is None


def test_tokens_that_nobody_can_use_are_wiped_after_a_week_and_their_history_stays(
    database, factory
):
    over = {"lasts": -8 * DAY, "refresh_expires_at": func.now() - DAY}
    dead = factory.create_account(**over)
    post = factory.create_post(dead)
    asked = factory.create_account(**over, status=AccountStatus.NEEDS_RECONNECT)
    renewable = factory.create_account(lasts=-8 * DAY)
    recent = factory.create_account(lasts=-DAY, refresh=None)
    unread = factory.create_account(**over, status=AccountStatus.CRYPTO_ERROR)
    with database.transaction() as session:
        assert grant_lifecycle.purge_dead_tokens(session) == 2
    for account in (dead, asked):
        after = factory.account(account)
        assert (after.status, after.access_token_encrypted) == ("NEEDS_RECONNECT", None)
        assert after.refresh_token_encrypted is None
    for account in (renewable, recent, unread):
        assert factory.account(account).access_token_encrypted is not None
    assert factory.post(post).hold_reason == "needs_reconnect"
