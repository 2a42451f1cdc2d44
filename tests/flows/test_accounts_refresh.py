"""Many processes need the token of one account, at a platform that rotates refresh tokens."""

from dataclasses import replace

import pytest
from sqlalchemy import func

from core.accounts.connect import complete_connection, start_connection
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import build_services
from core.config.settings import Settings
from core.errors import NeedsReconnect, ServiceUnavailable
from core.jobs.runner import run_jobs
from db.session import Database
from platforms.logins import LoginGrant
from tests.flows.brokers import wait_until
from tests.flows.refresh_race import RefreshRace
from tests.platforms.sandbox_client import (
    CLIENT_KEY,
    CLIENT_SECRET,
    REDIRECT_URI,
    run_tiktok_sandbox,
)
from tests.support.row_factory import HOUR, RowFactory, make_environ


@pytest.fixture(scope="module")
def running_sandbox():
    with run_tiktok_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox):
    """TikTok's sandbox with an empty log and without faults."""
    running_sandbox.control("log", method="DELETE")
    running_sandbox.control("faults", method="DELETE")
    running_sandbox.control("settings", method="DELETE")
    return running_sandbox


@pytest.fixture
def environ(database_url, redis_url, sandbox):
    return make_environ(
        database_url,
        sandbox.url,
        REDIS_URL=redis_url,
        TIKTOK_CLIENT_KEY=CLIENT_KEY,
        TIKTOK_CLIENT_SECRET=CLIENT_SECRET,
        TIKTOK_REDIRECT_URI=REDIRECT_URI,
    )


@pytest.fixture
def services(environ):
    """Services with a fixed jitter: near zero, a refused refresh would be retried too early."""
    built = build_services(Settings.from_env(environ), wake=lambda _kind: None)
    return replace(built, jitter=lambda: 0.5)


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def factory(database, services):
    return RowFactory(database, services.key_ring)


@pytest.fixture
def account(database, services, sandbox, factory):
    """Connected through the consent page; its access token has expired by our clock."""
    user_id = factory.create_user()
    with database.transaction() as session:
        redirect = start_connection(session, services, user_id=user_id, provider="tiktok")
    open_id = f"-000{redirect.state[:16]}"
    sandbox.control("creators", open_id=open_id)
    code = sandbox.grant_consent(open_id)["code"]
    callback = {"user_id": user_id, "provider": "tiktok", "code": code, "state": redirect.state}
    account = complete_connection(database, services, **callback).account_id
    expire_token(factory, account)
    sandbox.control("log", method="DELETE")
    return account


def expire_token(factory, account):
    factory.update_account(account, expires_at=func.now() - HOUR, due_at=func.now() - HOUR)


def list_refreshes(sandbox):
    return [call for call in sandbox.log("token") if call.get("grant_type") == "refresh_token"]


def fetch_open_id(sandbox, token):
    return sandbox.adapter.flow.identify(
        LoginGrant(token, None, scopes=("user.info.basic",))
    ).login_id


def test_eight_processes_need_one_token_and_refresh_it_once(
    environ, services, sandbox, factory, account
):
    sandbox.control("faults", endpoint="token", kind="slow", seconds=0.7)
    tokens = RefreshRace(environ, account).start().collect_results()
    assert len(set(tokens)) == 1, tokens
    assert len(list_refreshes(sandbox)) == 1
    access, refresh = factory.decrypted_tokens(account)
    assert tokens == [access] * 8
    assert factory.account(account).token_version == 1
    expire_token(factory, account)
    refreshed = RefreshRace(environ, account, size=2).start().collect_results()
    assert len(set(refreshed)) == 1
    assert refreshed[0] != access
    assert factory.decrypted_tokens(account)[1] != refresh
    assert [call["code"] for call in list_refreshes(sandbox)] == ["ok", "ok"]


def test_without_the_lease_the_platform_is_called_often_and_refuses(environ, sandbox, account):
    """The negative control of the test above."""
    sandbox.control("faults", endpoint="token", kind="slow", seconds=0.7, times=0)
    RefreshRace(environ, account).start("unleased").collect_results()
    codes = [call["code"] for call in list_refreshes(sandbox)]
    assert len(codes) > 1
    assert "invalid_grant" in codes


def test_a_refresh_whose_response_was_lost_needs_a_reconnect(
    database, services, sandbox, factory, account
):
    sandbox.control("faults", endpoint="token", kind="drop_after")
    with pytest.raises(ServiceUnavailable):
        get_or_refresh_token(database, services, account)
    assert factory.account(account).refresh_started_at is not None
    with pytest.raises(NeedsReconnect):
        get_or_refresh_token(database, services, account)
    after = factory.account(account)
    assert (after.status, after.status_cause) == ("NEEDS_RECONNECT", "rotation_lost")
    assert [call["work"] for call in list_refreshes(sandbox)] == [True, False]
    (notification,) = factory.load_notifications(after.user_id)
    assert notification.payload["why"] == "rotation_lost"


def test_a_lost_response_does_no_harm_if_the_old_refresh_token_stays_valid(
    database, services, sandbox, factory, account
):
    sandbox.control("settings", profile="older", lenient_refresh=True)
    sandbox.control("faults", endpoint="token", kind="drop_after")
    with pytest.raises(ServiceUnavailable):
        get_or_refresh_token(database, services, account)
    token = get_or_refresh_token(database, services, account).decrypt(services)
    assert fetch_open_id(sandbox, token) == factory.account(account).open_id


@pytest.mark.parametrize("rotated", [False, True])
def test_after_a_kill_between_call_and_record_the_row_shows_that_a_call_was_sent(
    environ, database, services, sandbox, factory, account, rotated
):
    sandbox.control("faults", endpoint="token", kind="hang", work=rotated, seconds=30)
    race = RefreshRace(environ, account, size=1).start()
    wait_until(
        lambda: list_refreshes(sandbox) if rotated else sandbox.log("token"), what="the call"
    )
    race.kill()
    row = factory.account(account)
    assert row.refresh_started_at is not None
    assert row.leased_until > row.refresh_started_at
    run_jobs(REFRESH_JOB_TYPE, database, services)
    assert len(sandbox.log("token")) == 1, "the lease outlives the killed process"
    factory.update_account(account, leased_until=func.now() - HOUR)
    run_jobs(REFRESH_JOB_TYPE, database, services)
    after = factory.account(account)
    expected = ("NEEDS_RECONNECT", "rotation_lost") if rotated else ("ACTIVE", None)
    assert (after.status, after.status_cause) == expected
    assert (after.leased_until, after.refresh_started_at) == (None, None)


def test_a_reconnect_brings_a_lost_account_back(database, services, sandbox, factory, account):
    waiting = factory.create_post(account)
    sandbox.control(f"creators/{factory.account(account).open_id}/disconnect", method="POST")
    run_jobs(REFRESH_JOB_TYPE, database, services, row_id=account)
    lost = factory.account(account)
    assert (lost.status, lost.status_cause) == ("NEEDS_RECONNECT", "revoked")
    assert factory.post(waiting).hold_reason == "needs_reconnect"
    with database.transaction() as session:
        redirect = start_connection(session, services, user_id=lost.user_id, provider="tiktok")
    code = sandbox.grant_consent(lost.open_id)["code"]
    callback = {"user_id": lost.user_id, "provider": "tiktok", "code": code}
    assert (
        complete_connection(database, services, state=redirect.state, **callback).account_id
        == account
    )
    assert factory.account(account).status == "ACTIVE"
    assert factory.post(waiting).hold_reason is None
    assert factory.post(waiting).due_at is not None
    assert all(notification.read_at for notification in factory.load_notifications(lost.user_id))
