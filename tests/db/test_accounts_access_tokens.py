"""Access tokens for callers: a valid one, or an exception that says when to retry."""

import pytest
from sqlalchemy import func
from sqlalchemy.event import listen

from core.accounts.refresh import REFRESH_JOB_TYPE
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
    REVOKED_GRANT_RESPONSE,
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


def test_a_valid_token_is_returned_without_a_call(platform_server, database, services, factory):
    account = factory.create_account(lasts=HOUR)
    assert get_or_refresh_token(database, services, account).decrypt(services).reveal() == "act.old"
    assert factory.account(account).last_used_at is not None
    assert platform_server.requests == []


def test_a_token_about_to_expire_is_refreshed_inline(platform_server, database, services, factory):
    account = factory.create_account(lasts=HOUR / 20)
    script_responses(platform_server, refresh_response())
    assert get_or_refresh_token(database, services, account).decrypt(services).reveal() == "act.new"


def test_a_token_that_the_platform_refused_is_refreshed_before_it_expires(
    platform_server, database, services, factory
):
    account = factory.create_account(lasts=HOUR)
    refused = get_or_refresh_token(database, services, account)
    script_responses(platform_server, refresh_response())
    new = get_or_refresh_token(database, services, account, refused_token=refused)
    assert new.decrypt(services).reveal() == "act.new"
    assert get_or_refresh_token(database, services, account, refused_token=refused) == new
    assert len(platform_server.requests) == 1


def test_an_expired_token_is_never_returned(platform_server, database, services, factory):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, UNAVAILABLE_RESPONSE)
    with pytest.raises(ServiceUnavailable):
        get_or_refresh_token(database, services, account)
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    with pytest.raises(NeedsReconnect):
        get_or_refresh_token(database, services, account)
    with pytest.raises(NotConnected):
        get_or_refresh_token(database, services, 0)


def test_a_post_waits_for_its_token_and_brings_the_refresh_forward(database, factory):
    account = factory.create_account(lasts=HOUR / 20)
    with database.transaction() as session, pytest.raises(Snooze):
        get_access_token(session, account)
    assert factory.account(account).due_at < factory.account(account).expires_at - HOUR / 30


def test_a_failing_refresh_keeps_its_schedule_however_many_posts_wait(database, factory):
    account = factory.create_account(lasts=-HOUR, attempts=2, due_at=func.now() + HOUR)
    before = factory.account(account).due_at
    with database.transaction() as session, pytest.raises(Snooze):
        get_access_token(session, account)
    assert factory.account(account).due_at == before


def test_a_first_refresh_attempt_under_way_does_not_count_as_failed(database, factory):
    """It may be recorded before the post is snoozed, so the post must wait only a short time."""
    account = factory.create_account(lasts=-HOUR)
    claim_batch(REFRESH_JOB_TYPE, database, limit=1, expired=False, row_id=account)
    with database.transaction() as session, pytest.raises(Snooze) as caught:
        get_access_token(session, account)
    assert caught.value.delay == REFRESH_WAIT


def test_a_refused_token_is_refreshed_once_for_all_refused_calls(database, factory):
    account = factory.create_account(lasts=HOUR)
    with database.transaction() as session:
        refused = get_access_token(session, account)
    factory.update_account(account, token_version=1)
    before = factory.account(account).due_at
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, refused)
    assert factory.account(account).due_at == before


def test_a_token_refreshed_after_a_refusal_and_refused_again_is_not_refreshed_for_ever(
    platform_server, database, factory, refresh_account
):
    account = factory.create_account(lasts=HOUR)
    script_responses(platform_server, refresh_response())
    with database.transaction() as session:
        refused = get_access_token(session, account)
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, refused)
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


def test_a_refused_token_is_not_returned_while_its_refresh_fails(
    platform_server, database, services, factory
):
    """Otherwise every post would try it every two seconds for hours, without using up attempts."""
    account = factory.create_account(lasts=HOUR, attempts=2, due_at=func.now() + HOUR)
    before = factory.account(account).due_at
    with database.transaction() as session:
        refused = get_access_token(session, account)
    with database.transaction() as session, pytest.raises(Snooze):
        report_refused_token(session, refused)
    with database.transaction() as session, pytest.raises(Snooze) as caught:
        get_access_token(session, account)
    assert caught.value.delay == FAILING_REFRESH_WAIT
    assert factory.account(account).due_at == before
    script_responses(platform_server, refresh_response())
    assert get_or_refresh_token(database, services, account).version == 1
    with database.transaction() as session:
        assert get_access_token(session, account).version == 1


@pytest.mark.parametrize(("guard", "is_usable"), [("2", True), ("10", False)])
def test_the_token_guard_setting_applies_to_workers_and_requests_alike(
    database_url, redis_url, platform_server, factory, services, guard, is_usable
):
    settings = {"REDIS_URL": redis_url, "TOKEN_ENCRYPTION_KEY": encryption_key(services)}
    guarded_services = make_services(
        database_url, platform_server.url, TOKEN_GUARD_MINUTES=guard, **settings
    )
    database = build_database(guarded_services.settings, role="worker")
    account = factory.create_account(lasts=HOUR / 12 + HOUR / 60)
    script_responses(platform_server, refresh_response())
    try:
        with database.transaction() as session:
            if is_usable:
                assert get_access_token(session, account).version == 0
            else:
                with pytest.raises(Snooze):
                    get_access_token(session, account)
        assert (get_or_refresh_token(database, guarded_services, account).version == 0) is is_usable
    finally:
        database.dispose()


def test_a_token_with_a_lifetime_hardly_longer_than_the_guard_is_usable(
    platform_server, database, services, factory, refresh_account
):
    """Otherwise it would be refreshed again and again, and never used."""
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


def test_a_post_of_a_disconnected_account_gets_no_token(database: Database, factory):
    account = factory.create_account(status=AccountStatus.DISCONNECTED, disconnected_at=func.now())
    with database.transaction() as session, pytest.raises(NotConnected):
        get_access_token(session, account)


def test_the_tokens_of_a_batch_are_loaded_and_marked_used_at_once(database, factory):
    """Queried one account after the other, they were a quarter of a status check's queries."""
    active = [factory.create_account(lasts=HOUR, open_id=open_id) for open_id in "abc"]
    inactive = factory.create_account(lasts=HOUR, status=AccountStatus.NEEDS_RECONNECT)
    statements = []
    with database.transaction() as session:
        listen(
            session.connection(),
            "before_cursor_execute",
            lambda *event: statements.append(event[2]),
        )
        preloaded = preload_tokens(session, {*active, inactive, None})
        assert [get_access_token(session, account).account_id for account in active] == active
        with pytest.raises(Park):
            get_access_token(session, inactive)
    assert (len(preloaded), len(statements)) == (4, 2)
    assert all(factory.account(account).last_used_at is not None for account in active)
    assert factory.account(inactive).last_used_at is None
