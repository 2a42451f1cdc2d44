"""Accounts, grants, OAuth states and parked posts as rows: the queries against real Postgres."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func

from core.accounts import grant_lifecycle
from core.crypto import KeyRing
from core.encryption_keys import generate_key
from db.accounts.accounts import Accounts, AccountStatus
from db.accounts.grants import ConnectedByAnotherUser, Grants
from db.accounts.oauth_states import OAuthStates
from db.identity.notifications import Notifications
from db.posts.account_usage import filter_accounts_in_use
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


def test_a_reconnect_resets_the_errors_of_the_old_grant(database, factory):
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


def test_an_account_can_be_connected_by_one_user_only(database, factory):
    factory.create_account(open_id="o")
    other = factory.create_user()
    with database.transaction() as session, pytest.raises(ConnectedByAnotherUser):
        Grants(session).store(user_id=other, provider="tiktok", open_id="o", **grant_columns())


def test_after_a_disconnect_another_user_can_connect_the_account(database, factory):
    factory.create_account(
        open_id="o", status=AccountStatus.DISCONNECTED, disconnected_at=func.now()
    )
    other = factory.create_user()
    with database.transaction() as session:
        grants = Grants(session)
        assert grants.store(user_id=other, provider="tiktok", open_id="o", **grant_columns()).id


def test_another_user_finds_no_account_by_its_id(database, factory):
    account = factory.create_account()
    with database.transaction() as session:
        assert Accounts(session).get_for_user(account, user_id=factory.create_user()) is None


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
        assert filter_accounts_in_use(session, {account}) == ({account} if in_use else set())


def test_marking_a_token_as_used_does_not_wait_for_a_lock(database, factory):
    account = factory.create_account()
    with database.transaction() as holder, database.transaction() as session:
        Accounts(holder).lock(account)
        Grants(session).mark_used(*Grants(session).list_with_token_state([account]))
        Grants(session).request_refresh(account, version=0)
    assert factory.account(account).last_used_at is None


def test_of_concurrent_callbacks_one_consumes_the_state(database, factory):
    user = factory.create_user()
    with database.transaction() as session:
        OAuthStates(session).create("s" * 64, user_id=user, provider="tiktok", redirect_after="/x")

    def consume(_):
        with database.transaction() as session:
            return OAuthStates(session).consume("s" * 64, user_id=user, provider="tiktok")

    with ThreadPoolExecutor(4) as threads:
        states = [state for state in threads.map(consume, range(4)) if state is not None]
    assert [state.redirect_after for state in states] == ["/x"]


def test_a_state_is_valid_only_for_its_user_its_platform_and_until_it_expires(database, factory):
    user, other = factory.create_user(), factory.create_user()
    with database.transaction() as session:
        states = OAuthStates(session)
        states.create("a", user_id=user, provider="tiktok")
        states.create("b", user_id=user, provider="tiktok", lifetime=timedelta(seconds=-1))
        session.flush()
        assert states.consume("a", user_id=other, provider="tiktok") is None
        assert states.consume("a", user_id=user, provider="instagram") is None
        assert states.consume("b", user_id=user, provider="tiktok") is None
        assert states.consume("a", user_id=user, provider="tiktok") is not None


def test_a_user_is_notified_once_for_each_cause(database, factory):
    user = factory.create_user()
    with database.transaction() as session:
        notifications = Notifications(session)
        assert notifications.add(user, "needs_reconnect", cause="account:1:0", subject="account:1")
        assert not notifications.add(user, "needs_reconnect", cause="account:1:0")
        assert notifications.add(user, "needs_reconnect", cause="account:1:1", subject="account:1")
        assert notifications.count_unread(user) == 2
        assert notifications.resolve(user, ["needs_reconnect"], subject="account:1") == 2
        assert notifications.count_unread(user) == 0


def test_posts_older_than_a_day_wait_for_a_release_after_a_reconnect(database, factory):
    account = factory.create_account()
    parked = {"due_at": None, "hold_reason": "needs_reconnect"}
    young = factory.create_post(account, **parked)
    old = factory.create_post(account, **parked, created_at=func.now() - 2 * DAY)
    scheduled = factory.create_post(
        account, **parked, created_at=func.now() - 9 * DAY, publish_at=func.now() + DAY
    )
    processing = factory.create_post(
        account, **parked, created_at=func.now() - 2 * DAY, state="PROCESSING", publish_id="p"
    )
    other = factory.create_post(account, due_at=None, hold_reason="something_else")
    with database.transaction() as session:
        resumed = {post.id for post in ParkedPosts(session).resume(account)}
    assert resumed == {young, scheduled, processing}
    assert (factory.post(old).due_at, factory.post(old).hold_reason) == (None, "wait_for_release")
    assert factory.post(scheduled).due_at == factory.post(scheduled).publish_at
    assert factory.post(other).hold_reason == "something_else"


def test_a_claimed_post_is_not_parked(database, factory):
    account = factory.create_account()
    unclaimed = factory.create_post(account)
    claimed = factory.create_post(account, leased_until=func.now() + HOUR)
    with database.transaction() as session:
        parked = ParkedPosts(session).park(account, "needs_reconnect")
        assert [post.id for post in parked] == [unclaimed]
    assert factory.post(claimed).hold_reason is None


def test_unusable_tokens_are_cleared_after_a_week_and_the_history_stays(database, factory):
    expired = {"lasts": -8 * DAY, "refresh_expires_at": func.now() - DAY}
    active = factory.create_account(**expired)
    post = factory.create_post(active)
    inactive = factory.create_account(**expired, status=AccountStatus.NEEDS_RECONNECT)
    renewable = factory.create_account(lasts=-8 * DAY)
    recent = factory.create_account(lasts=-DAY, refresh=None)
    unreadable = factory.create_account(**expired, status=AccountStatus.CRYPTO_ERROR)
    with database.transaction() as session:
        assert grant_lifecycle.purge_dead_tokens(session) == 2
    for account in (active, inactive):
        after = factory.account(account)
        assert (after.status, after.access_token_encrypted) == ("NEEDS_RECONNECT", None)
        assert after.refresh_token_encrypted is None
    for account in (renewable, recent, unreadable):
        assert factory.account(account).access_token_encrypted is not None
    assert factory.post(post).hold_reason == "needs_reconnect"
