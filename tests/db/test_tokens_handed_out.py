"""Access tokens for whoever calls: one that lasts, or word when to come back."""

import pytest
from sqlalchemy import func
from sqlalchemy.event import listen

from core.accounts.refresh import WORK
from core.accounts.tokens import AILING, ON_ITS_WAY, access, at_hand, fresh, refused
from core.engine.work import claim
from core.errors import Away, NeedsReconnect, NotConnected
from core.outcomes import Held, Later
from core.wiring import build_database
from db.accounts import AccountStatus
from db.session import Database
from platforms.errors import TokenExpired
from tests.db.renewals import AWAY, DEAD, answers, refresh, renewed, ring, server, tenants, world
from tests.tenants import HOUR, a_world

__all__ = ["refresh", "server", "tenants", "world"]  # fixtures


def test_a_token_that_lasts_is_handed_out_without_a_call(server, database, world, tenants):
    account = tenants.an_account(lasts=HOUR)
    assert fresh(database, world, account).open(world).reveal() == "act.old"
    assert tenants.account(account).last_used_at is not None
    assert server.seen == []


def test_a_token_about_to_end_is_renewed_on_the_spot(server, database, world, tenants):
    account = tenants.an_account(lasts=HOUR / 20)
    answers(server, renewed())
    assert fresh(database, world, account).open(world).reveal() == "act.new"


def test_a_token_that_the_platform_refused_is_renewed_although_it_should_last(
    server, database, world, tenants
):
    account = tenants.an_account(lasts=HOUR)
    used = fresh(database, world, account)
    answers(server, renewed())
    new = fresh(database, world, account, refused=used)
    assert new.open(world).reveal() == "act.new"
    assert fresh(database, world, account, refused=used) == new
    assert len(server.seen) == 1


def test_nobody_is_handed_an_expired_token(server, database, world, tenants):
    account = tenants.an_account(lasts=-HOUR)
    answers(server, AWAY)
    with pytest.raises(Away):
        fresh(database, world, account)
    answers(server, DEAD)
    with pytest.raises(NeedsReconnect):
        fresh(database, world, account)
    with pytest.raises(NotConnected):
        fresh(database, world, 0)


def test_a_post_waits_for_its_token_and_brings_the_refresh_forward(database, tenants):
    account = tenants.an_account(lasts=HOUR / 20)
    with database.transaction() as session, pytest.raises(Later):
        access(session, account)
    assert tenants.account(account).due_at < tenants.account(account).expires_at - HOUR / 30


def test_a_refresh_in_trouble_keeps_its_own_pace_however_many_posts_ask(database, tenants):
    account = tenants.an_account(lasts=-HOUR, attempts=2, due_at=func.now() + HOUR)
    before = tenants.account(account).due_at
    with database.transaction() as session, pytest.raises(Later):
        access(session, account)
    assert tenants.account(account).due_at == before


def test_a_first_try_that_is_under_way_is_no_trouble_yet(database, tenants):
    """Its end may be written while a post is still on its way to the queue of those who wait."""
    account = tenants.an_account(lasts=-HOUR)
    claim(WORK, database, limit=1, lapsed=False, only=account)
    with database.transaction() as session, pytest.raises(Later) as told:
        access(session, account)
    assert told.value.wait == ON_ITS_WAY


def test_a_refused_token_is_renewed_once_for_all_who_were_refused(database, tenants):
    account = tenants.an_account(lasts=HOUR)
    with database.transaction() as session:
        used = access(session, account)
    tenants.change(account, token_version=1)
    before = tenants.account(account).due_at
    with database.transaction() as session, pytest.raises(Later):
        refused(session, used)
    assert tenants.account(account).due_at == before


def test_a_token_renewed_for_a_refusal_and_refused_again_is_not_renewed_for_ever(
    server, database, tenants, refresh
):
    account = tenants.an_account(lasts=HOUR)
    answers(server, renewed())
    with database.transaction() as session:
        used = access(session, account)
    with database.transaction() as session, pytest.raises(Later):
        refused(session, used)
    refresh(account)
    before = tenants.account(account)
    with database.transaction() as session:
        new = access(session, account)
    with database.transaction() as session, pytest.raises(TokenExpired):
        refused(session, new)
    assert tenants.account(account).due_at == before.due_at
    tenants.change(account, last_refreshed_at=func.now() - HOUR)
    with database.transaction() as session, pytest.raises(Later):
        refused(session, new)
    assert tenants.account(account).due_at < before.due_at


def test_a_refused_token_is_handed_to_nobody_while_its_renewal_is_in_trouble(
    server, database, world, tenants
):
    """Else every post would try it every other second, for hours and at no cost of patience."""
    account = tenants.an_account(lasts=HOUR, attempts=2, due_at=func.now() + HOUR)
    before = tenants.account(account).due_at
    with database.transaction() as session:
        used = access(session, account)
    with database.transaction() as session, pytest.raises(Later):
        refused(session, used)
    with database.transaction() as session, pytest.raises(Later) as told:
        access(session, account)
    assert told.value.wait == AILING
    assert tenants.account(account).due_at == before
    answers(server, renewed())
    assert fresh(database, world, account).version == 1
    with database.transaction() as session:
        assert access(session, account).version == 1


@pytest.mark.parametrize(("guard", "handed_out"), [("2", True), ("10", False)])
def test_how_long_a_token_must_last_is_the_operators_to_say_for_workers_and_requests_alike(
    database_url, redis_url, server, tenants, world, guard, handed_out
):
    settings = {"REDIS_URL": redis_url, "TOKEN_ENCRYPTION_KEY": ring(world)}
    there = a_world(database_url, server.url, TOKEN_GUARD_MINUTES=guard, **settings)
    database = build_database(there.settings, role="worker")
    account = tenants.an_account(lasts=HOUR / 12 + HOUR / 60)
    answers(server, renewed())
    try:
        with database.transaction() as session:
            if handed_out:
                assert access(session, account).version == 0
            else:
                with pytest.raises(Later):
                    access(session, account)
        assert (fresh(database, there, account).version == 0) is handed_out
    finally:
        database.dispose()


def test_a_token_that_lives_hardly_longer_than_the_guard_is_handed_out_all_the_same(
    server, database, world, tenants, refresh
):
    """Else it would be renewed for ever, and nothing ever sent with it."""
    account = tenants.an_account(lasts=-HOUR)
    answers(server, renewed(expires_in=240))
    refresh(account)
    with database.transaction() as session:
        assert access(session, account).version == 1
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [AccountStatus.NEEDS_RECONNECT, AccountStatus.REVOKED])
def test_a_post_of_an_account_that_needs_its_owner_is_held(database, tenants, status):
    account = tenants.an_account(status=status)
    with database.transaction() as session, pytest.raises(Held, match="needs_reconnect"):
        access(session, account)


def test_a_post_of_a_disconnected_account_has_none(database: Database, tenants):
    account = tenants.an_account(status=AccountStatus.DISCONNECTED, disconnected_at=func.now())
    with database.transaction() as session, pytest.raises(NotConnected):
        access(session, account)


def test_of_a_batch_every_token_is_looked_at_and_marked_at_once(database, tenants):
    """A quarter of the questions of a status check were these, one account after the other."""
    fit = [tenants.an_account(lasts=HOUR) for _ in range(3)]
    held = tenants.an_account(lasts=HOUR, status=AccountStatus.NEEDS_RECONNECT)
    asked = []
    with database.transaction() as session:
        listen(session.connection(), "before_cursor_execute", lambda *told: asked.append(told[2]))
        kept = at_hand(session, {*fit, held, None})
        assert [access(session, account).account_id for account in fit] == fit
        with pytest.raises(Held):
            access(session, held)
    assert (len(kept), len(asked)) == (4, 2)
    assert all(tenants.account(account).last_used_at is not None for account in fit)
    assert tenants.account(held).last_used_at is None
