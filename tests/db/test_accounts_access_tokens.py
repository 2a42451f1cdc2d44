"""Access tokens for whoever calls: one that lasts, or word when to come back."""

import pytest
from sqlalchemy import func
from sqlalchemy.event import listen

from core.accounts.refresh import REFRESH_JOB
from core.accounts.tokens import (
    FAILING_REFRESH_WAIT,
    REFRESH_WAIT,
    get_access_token,
    get_or_refresh_token,
    preload_tokens,
    report_refused_token,
)
from core.bootstrap import build_database
from core.errors import NeedsReconnect, NotConnected, ServiceUnavailable
from core.jobs.runner import claim_batch
from core.outcomes import Park, Snooze
from db.accounts.accounts import AccountStatus
from db.session import Database
from platforms.errors import TokenExpired
from tests.db.accounts_refresh_harness import (
    DEAD_GRANT_RESPONSE,
    UNAVAILABLE_RESPONSE,
    encryption_key,
    factory,
    platform_server,
    refresh_account,
    refresh_response,
    script_responses,
    services,
)
from tests.support.row_factory import HOUR, make_services

__all__ = ["factory", "platform_server", "refresh_account", "services"]  # fixtures


def test_a_token_that_lasts_is_handed_out_without_a_call(
    platform_server, database, services, factory
):
    account = factory.create_account(lasts=HOUR)
    assert get_or_refresh_token(database, services, account).decrypt(services).reveal() == "act.old"
    assert factory.account(account).last_used_at is not None
    assert platform_server.requests == []


def test_a_token_about_to_expire_is_refreshed_inline(platform_server, database, services, factory):
    account = factory.create_account(lasts=HOUR / 20)
    script_responses(platform_server, refresh_response())
    assert get_or_refresh_token(database, services, account).decrypt(services).reveal() == "act.new"


def test_a_token_that_the_platform_refused_is_renewed_although_it_should_last(
    platform_server, database, services, factory
):
    account = factory.create_account(lasts=HOUR)
    used = get_or_refresh_token(database, services, account)
    script_responses(platform_server, refresh_response())
    new = get_or_refresh_token(database, services, account, refused_token=used)
    assert new.decrypt(services).reveal() == "act.new"
    assert get_or_refresh_token(database, services, account, refused_token=used) == new
    assert len(platform_server.requests) == 1


def test_nobody_is_handed_an_expired_token(platform_server, database, services, factory):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, UNAVAILABLE_RESPONSE)
    with pytest.raises(ServiceUnavailable):
        get_or_refresh_token(database, services, account)
    script_responses(platform_server, DEAD_GRANT_RESPONSE)
    with pytest.raises(NeedsReconnect):
        get_or_refresh_token(database, services, account)
    with pytest.raises(NotConnected):
        get_or_refresh_token(database, services, 0)


def test_a_post_waits_for_its_token_and_brings_the_refresh_forward(database, factory):
    account = factory.create_account(lasts=HOUR / 20)
    with database.transaction() as session, pytest.raises(Snooze):
        get_access_token(session, account)
    assert factory.account(account).due_at < factory.account(account).expires_at - HOUR / 30


def test_a_refresh_in_trouble_keeps_its_own_pace_however_many_posts_ask(database, factory):
    account = factory.create_account(lasts=-HOUR, attempts=2, due_at=func.now() + HOUR)
    before = factory.account(account).due_at
    with database.transaction() as session, pytest.raises(Snooze):
        get_access_token(session, account)
    assert factory.account(account).due_at == before


def test_a_first_try_that_is_under_way_is_no_trouble_yet(database, factory):
    """Its end may be written while a post is still on its way to the queue of those who wait."""
    account = factory.create_account(lasts=-HOUR)
    claim_batch(REFRESH_JOB, database, limit=1, expired=False, row_id=account)
    with database.transaction() as session, pytest.raises(Snooze) as told:
        get_access_token(session, account)
    assert told.value.delay == REFRESH_WAIT


def test_a_refused_token_is_renewed_once_for_all_who_were_refused(database, factory):
    account = factory.create_account(lasts=HOUR)
    with database.transaction() as session:
        used = get_access_token(session, account)
    factory.update_account(account, token_version=1)
    before = factory.account(account).due_at
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, used)
    assert factory.account(account).due_at == before


def test_a_token_renewed_for_a_refusal_and_refused_again_is_not_renewed_for_ever(
    platform_server, database, factory, refresh_account
):
    account = factory.create_account(lasts=HOUR)
    script_responses(platform_server, refresh_response())
    with database.transaction() as session:
        used = get_access_token(session, account)
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, used)
    refresh_account(account)
    before = factory.account(account)
    with database.transaction() as session:
        new = get_access_token(session, account)
    with database.transaction() as session, pytest.raises(TokenExpired):
        report_refused_token(session, new)
    assert factory.account(account).due_at == before.due_at
    factory.update_account(account, last_refreshed_at=func.now() - HOUR)
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, new)
    assert factory.account(account).due_at < before.due_at


def test_a_refused_token_is_handed_to_nobody_while_its_renewal_is_in_trouble(
    platform_server, database, services, factory
):
    """Else every post would try it every other second, for hours and at no cost of patience."""
    account = factory.create_account(lasts=HOUR, attempts=2, due_at=func.now() + HOUR)
    before = factory.account(account).due_at
    with database.transaction() as session:
        used = get_access_token(session, account)
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, used)
    with database.transaction() as session, pytest.raises(Snooze) as told:
        get_access_token(session, account)
    assert told.value.delay == FAILING_REFRESH_WAIT
    assert factory.account(account).due_at == before
    script_responses(platform_server, refresh_response())
    assert get_or_refresh_token(database, services, account).version == 1
    with database.transaction() as session:
        assert get_access_token(session, account).version == 1


@pytest.mark.parametrize(("guard", "handed_out"), [("2", True), ("10", False)])
def test_how_long_a_token_must_last_is_the_operators_to_say_for_workers_and_requests_alike(
    database_url, redis_url, platform_server, factory, services, guard, handed_out
):
    settings = {"REDIS_URL": redis_url, "TOKEN_ENCRYPTION_KEY": encryption_key(services)}
    there = make_services(database_url, platform_server.url, TOKEN_GUARD_MINUTES=guard, **settings)
    database = build_database(there.settings, role="worker")
    account = factory.create_account(lasts=HOUR / 12 + HOUR / 60)
    script_responses(platform_server, refresh_response())
    try:
        with database.transaction() as session:
            if handed_out:
                assert get_access_token(session, account).version == 0
            else:
                with pytest.raises(Snooze):
                    get_access_token(session, account)
        assert (get_or_refresh_token(database, there, account).version == 0) is handed_out
    finally:
        database.dispose()


def test_a_token_that_lives_hardly_longer_than_the_guard_is_handed_out_all_the_same(
    platform_server, database, services, factory, refresh_account
):
    """Else it would be renewed for ever, and nothing ever sent with it."""
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, refresh_response(expires_in=240))
    refresh_account(account)
    with database.transaction() as session:
        assert get_access_token(session, account).version == 1
    assert len(platform_server.requests) == 1


@pytest.mark.parametrize("status", [AccountStatus.NEEDS_RECONNECT, AccountStatus.REVOKED])
def test_a_post_of_an_account_that_needs_its_owner_is_parked(database, factory, status):
    account = factory.create_account(status=status)
    with database.transaction() as session, pytest.raises(Park, match="needs_reconnect"):
        get_access_token(session, account)


def test_a_post_of_a_disconnected_account_has_none(database: Database, factory):
    account = factory.create_account(status=AccountStatus.DISCONNECTED, disconnected_at=func.now())
    with database.transaction() as session, pytest.raises(NotConnected):
        get_access_token(session, account)


def test_of_a_batch_every_token_is_looked_at_and_marked_at_once(database, factory):
    """A quarter of the questions of a status check were these, one account after the other."""
    fit = [factory.create_account(lasts=HOUR) for _ in range(3)]
    held = factory.create_account(lasts=HOUR, status=AccountStatus.NEEDS_RECONNECT)
    asked = []
    with database.transaction() as session:
        listen(session.connection(), "before_cursor_execute", lambda *told: asked.append(told[2]))
        kept = preload_tokens(session, {*fit, held, None})
        assert [get_access_token(session, account).account_id for account in fit] == fit
        with pytest.raises(Park):
            get_access_token(session, held)
    assert (len(kept), len(asked)) == (4, 2)
    assert all(factory.account(account).last_used_at is not None for account in fit)
    assert factory.account(held).last_used_at is None
