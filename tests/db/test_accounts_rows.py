from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func

from core.accounts import grants
from core.crypto import KeyRing, generate_key
from db.accounts import Accounts, AccountStatus
from db.grants import Grants, LiveElsewhere
from db.holds import Holds
from db.notices import Notifications
from db.states import OAuthStates
from platforms.secret import Secret
from tests.tenants import HOUR, Tenants

DAY = 24 * HOUR


@pytest.fixture
def tenants(database):
    return Tenants(database, KeyRing([("1", Secret(generate_key()))]))


def granted(**columns):
    usual = {
        "scope": "user.info.basic",
        "access_token_encrypted": "new",
        "refresh_token_encrypted": None,
        "expires_at": func.now() + HOUR,
        "refresh_expires_at": None,
        "refresh_due_at": func.now(),
        "metadata": {"display_name": "Ada"},
        "last_used_at": func.now(),
    }
    return {**usual, **columns}


def test_a_grant_replaces_the_old_one_and_keeps_what_it_does_not_name(database, tenants):
    user = tenants.a_user()
    old = tenants.an_account(user, open_id="o", details={"union_id": "u", "display_name": "A"})
    before = tenants.account(old)
    with database.transaction() as session:
        Grants(session).store(user_id=user, provider="tiktok", open_id="o", **granted())
    after = tenants.account(old)
    assert after.access_token_encrypted == "new"
    assert after.refresh_token_encrypted == before.refresh_token_encrypted
    assert after.details == {"union_id": "u", "display_name": "Ada"}
    assert after.token_version == before.token_version + 1
    assert after.lease_token == before.lease_token + 1


def test_a_reconnect_forgets_the_troubles_of_the_old_grant(database, tenants):
    user = tenants.a_user()
    account = tenants.an_account(
        user,
        open_id="o",
        status=AccountStatus.NEEDS_RECONNECT,
        status_cause="revoked",
        attempts=3,
        refresh_started_at=func.now(),
        leased_until=func.now(),
    )
    with database.transaction() as session:
        Grants(session).store(user_id=user, provider="tiktok", open_id="o", **granted())
    after = tenants.account(account)
    assert (after.status, after.status_cause, after.attempts) == ("ACTIVE", None, 0)
    assert (after.refresh_started_at, after.leased_until) == (None, None)


def test_an_account_is_live_under_one_user_only(database, tenants):
    tenants.an_account(open_id="o")
    other = tenants.a_user()
    with database.transaction() as session, pytest.raises(LiveElsewhere):
        Grants(session).store(user_id=other, provider="tiktok", open_id="o", **granted())


def test_after_a_disconnect_another_user_may_have_it(database, tenants):
    tenants.an_account(open_id="o", status=AccountStatus.DISCONNECTED, disconnected_at=func.now())
    other = tenants.a_user()
    with database.transaction() as session:
        grants = Grants(session)
        assert grants.store(user_id=other, provider="tiktok", open_id="o", **granted()).id


def test_a_stranger_finds_no_account_by_its_id(database, tenants):
    account = tenants.an_account()
    with database.transaction() as session:
        assert Accounts(session).owned(account, user_id=tenants.a_user()) is None


def test_expired_tokens_that_can_be_renewed_are_found_and_dead_ones_are_not(database, tenants):
    over = tenants.an_account(lasts=-HOUR)
    soon = tenants.an_account(lasts=HOUR / 2)
    tenants.an_account(lasts=10 * HOUR)
    tenants.an_account(lasts=-HOUR, refresh=None)
    tenants.an_account(lasts=-HOUR, refresh_expires_at=func.now() - HOUR)
    with database.transaction() as session:
        found = Accounts(session).expiring(HOUR, "tiktok")
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
def test_an_account_is_in_use_for_a_day_around_each_call(database, tenants, columns, post, in_use):
    account = tenants.an_account(**columns)
    if post is not None:
        tenants.a_post(account, **post)
    with database.transaction() as session:
        assert Grants(session).in_use({account}) == ({account} if in_use else set())


def test_nobody_waits_to_write_that_a_token_was_used(database, tenants):
    account = tenants.an_account()
    with database.transaction() as holder, database.transaction() as session:
        Accounts(holder).locked(account)
        Grants(session).used(*Grants(session).several([account]))
        Grants(session).hasten(account, version=0)
    assert tenants.account(account).last_used_at is None


def test_a_state_is_used_by_one_of_those_who_bring_it(database, tenants):
    user = tenants.a_user()
    with database.transaction() as session:
        OAuthStates(session).open("s" * 64, user_id=user, provider="tiktok", redirect_after="/x")

    def bring(_):
        with database.transaction() as session:
            return OAuthStates(session).consume("s" * 64, user_id=user, provider="tiktok")

    with ThreadPoolExecutor(4) as threads:
        found = [one for one in threads.map(bring, range(4)) if one is not None]
    assert [one.redirect_after for one in found] == ["/x"]


def test_a_state_serves_only_its_user_its_platform_and_its_ten_minutes(database, tenants):
    user, other = tenants.a_user(), tenants.a_user()
    with database.transaction() as session:
        states = OAuthStates(session)
        states.open("a", user_id=user, provider="tiktok")
        states.open("b", user_id=user, provider="tiktok", lifetime=timedelta(seconds=-1))
        session.flush()
        assert states.consume("a", user_id=other, provider="tiktok") is None
        assert states.consume("a", user_id=user, provider="instagram") is None
        assert states.consume("b", user_id=user, provider="tiktok") is None
        assert states.is_open("a", user_id=user, provider="tiktok")
        figures = states.figures()
        assert (figures.total, figures.active, figures.expired) == (2, 1, 1)
        assert figures.by_provider == {"tiktok": 2}
        assert states.drop(user_id=user, provider="tiktok") == 2


def test_states_that_nobody_used_are_cleaned_up(database, tenants):
    user = tenants.a_user()
    with database.transaction() as session:
        OAuthStates(session).open("a", user_id=user, provider="tiktok", lifetime=timedelta(days=-2))
        OAuthStates(session).open("b", user_id=user, provider="tiktok")
        session.flush()
        assert OAuthStates(session).prune(DAY) == 1


def test_a_user_is_told_once_for_each_cause(database, tenants):
    user = tenants.a_user()
    with database.transaction() as session:
        notices = Notifications(session)
        assert notices.tell(user, "needs_reconnect", cause="account:1:0", subject="account:1")
        assert not notices.tell(user, "needs_reconnect", cause="account:1:0")
        assert notices.tell(user, "needs_reconnect", cause="account:1:1", subject="account:1")
        assert notices.unread(user) == 2
        assert notices.settled(user, ["needs_reconnect"], subject="account:1") == 2
        assert notices.unread(user) == 0


def test_posts_older_than_a_day_wait_for_the_users_word_after_a_reconnect(database, tenants):
    account = tenants.an_account()
    held = {"due_at": None, "hold_reason": "needs_reconnect"}
    young = tenants.a_post(account, **held)
    old = tenants.a_post(account, **held, created_at=func.now() - 2 * DAY)
    planned = tenants.a_post(
        account, **held, created_at=func.now() - 9 * DAY, publish_at=func.now() + DAY
    )
    asked = tenants.a_post(
        account, **held, created_at=func.now() - 2 * DAY, state="PROCESSING", publish_id="p"
    )
    other = tenants.a_post(account, due_at=None, hold_reason="something_else")
    with database.transaction() as session:
        resumed = {post.id for post in Holds(session).resume(account)}
    assert resumed == {young, planned, asked}
    assert (tenants.post(old).due_at, tenants.post(old).hold_reason) == (None, "wait_for_release")
    assert tenants.post(planned).due_at == tenants.post(planned).publish_at
    assert tenants.post(other).hold_reason == "something_else"


def test_a_post_that_a_worker_has_is_not_parked_under_its_hands(database, tenants):
    account = tenants.an_account()
    free = tenants.a_post(account)
    taken = tenants.a_post(account, leased_until=func.now() + HOUR)
    with database.transaction() as session:
        assert [post.id for post in Holds(session).hold(account, "needs_reconnect")] == [free]
    assert tenants.post(taken).hold_reason is None


def test_tokens_that_nobody_can_use_are_wiped_after_a_week_and_their_history_stays(
    database, tenants
):
    over = {"lasts": -8 * DAY, "refresh_expires_at": func.now() - DAY}
    dead = tenants.an_account(**over)
    post = tenants.a_post(dead)
    asked = tenants.an_account(**over, status=AccountStatus.NEEDS_RECONNECT)
    renewable = tenants.an_account(lasts=-8 * DAY)
    recent = tenants.an_account(lasts=-DAY, refresh=None)
    unread = tenants.an_account(**over, status=AccountStatus.CRYPTO_ERROR)
    with database.transaction() as session:
        assert grants.bury(session) == 2
    for account in (dead, asked):
        after = tenants.account(account)
        assert (after.status, after.access_token_encrypted) == ("NEEDS_RECONNECT", None)
        assert after.refresh_token_encrypted is None
    for account in (renewable, recent, unread):
        assert tenants.account(account).access_token_encrypted is not None
    assert tenants.post(post).hold_reason == "needs_reconnect"
