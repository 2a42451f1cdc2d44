"""One account, many processes that want its token, and a platform that rotates strictly."""

from dataclasses import replace

import pytest
from sqlalchemy import func

from core.accounts.connect import begin, complete
from core.accounts.refresh import WORK
from core.accounts.tokens import fresh
from core.config.settings import Settings
from core.engine.work import run
from core.errors import Away, NeedsReconnect
from core.wiring import build_world
from db.session import Database
from tests.flows.brokers import until
from tests.flows.refreshers import Crowd
from tests.platforms.stage import CLIENT_KEY, CLIENT_SECRET, REDIRECT, tiktok
from tests.tenants import HOUR, Tenants, environ_of


@pytest.fixture(scope="module")
def platform():
    with tiktok() as stage:
        yield stage


@pytest.fixture
def stage(platform):
    """TikTok's sandbox with an empty log and without faults."""
    platform.control("log", method="DELETE")
    platform.control("faults", method="DELETE")
    platform.control("settings", method="DELETE")
    return platform


@pytest.fixture
def environ(database_url, redis_url, stage):
    return environ_of(
        database_url,
        stage.url,
        REDIS_URL=redis_url,
        TIKTOK_CLIENT_KEY=CLIENT_KEY,
        TIKTOK_CLIENT_SECRET=CLIENT_SECRET,
        TIKTOK_REDIRECT_URI=REDIRECT,
    )


@pytest.fixture
def world(environ):
    """Its dice lie still: thrown near zero, a refusal is tried again before anybody has seen it."""
    built = build_world(Settings.from_env(environ), ring=lambda _kind: None)
    return replace(built, dice=lambda: 0.5)


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def tenants(database, world):
    return Tenants(database, world.keys)


@pytest.fixture
def account(database, world, stage, tenants):
    """Connected through the consent page; its access token is over by our clock."""
    user = tenants.a_user()
    with database.transaction() as session:
        departure = begin(session, world, user_id=user, provider="tiktok")
    creator = f"-000{departure.state[:16]}"
    stage.control("creators", open_id=creator)
    code = stage.consent(creator)["code"]
    back = {"user_id": user, "provider": "tiktok", "code": code, "state": departure.state}
    account = complete(database, world, **back).account_id
    expire(tenants, account)
    stage.control("log", method="DELETE")
    return account


def expire(tenants, account):
    tenants.change(account, expires_at=func.now() - HOUR, due_at=func.now() - HOUR)


def refreshes(stage):
    return [one for one in stage.log("token") if one.get("grant_type") == "refresh_token"]


def alive(stage, token):
    return stage.platform.oauth.profile(token, ["user.info.basic"]).external_id


def test_eight_processes_want_one_token_and_the_platform_is_asked_once(
    environ, world, stage, tenants, account
):
    stage.control("faults", endpoint="token", kind="slow", seconds=0.7)
    found = Crowd(environ, account).start().found()
    assert len(set(found)) == 1, found
    assert len(refreshes(stage)) == 1
    access, refresh = tenants.tokens(account)
    assert found == [access] * 8
    assert tenants.account(account).token_version == 1
    expire(tenants, account)
    renewed = Crowd(environ, account, size=2).start().found()
    assert len(set(renewed)) == 1
    assert renewed[0] != access
    assert tenants.tokens(account)[1] != refresh
    assert [one["code"] for one in refreshes(stage)] == ["ok", "ok"]


def test_without_the_lease_the_platform_is_asked_often_and_refuses(environ, stage, account):
    """The proof that the test above could fail."""
    stage.control("faults", endpoint="token", kind="slow", seconds=0.7, times=0)
    Crowd(environ, account).start("without lease").found()
    codes = [one["code"] for one in refreshes(stage)]
    assert len(codes) > 1
    assert "invalid_grant" in codes


def test_a_refresh_that_was_answered_but_lost_needs_its_owner(
    database, world, stage, tenants, account
):
    stage.control("faults", endpoint="token", kind="drop_after")
    with pytest.raises(Away):
        fresh(database, world, account)
    assert tenants.account(account).refresh_started_at is not None
    with pytest.raises(NeedsReconnect):
        fresh(database, world, account)
    after = tenants.account(account)
    assert (after.status, after.status_cause) == ("NEEDS_RECONNECT", "rotation_lost")
    assert [one["work"] for one in refreshes(stage)] == [True, False]
    (notice,) = tenants.notices(after.user_id)
    assert notice.payload["why"] == "rotation_lost"


def test_a_lost_answer_does_no_harm_where_the_old_token_goes_on(
    database, world, stage, tenants, account
):
    stage.control("settings", profile="older", lenient_refresh=True)
    stage.control("faults", endpoint="token", kind="drop_after")
    with pytest.raises(Away):
        fresh(database, world, account)
    token = fresh(database, world, account).open(world)
    assert alive(stage, token) == tenants.account(account).open_id


@pytest.mark.parametrize("rotated", [False, True])
def test_killed_between_the_call_and_the_record_the_row_tells_what_happened(
    environ, database, world, stage, tenants, account, rotated
):
    stage.control("faults", endpoint="token", kind="hang", work=rotated, seconds=30)
    crowd = Crowd(environ, account, size=1).start()
    until(lambda: refreshes(stage) if rotated else stage.log("token"), what="the call")
    crowd.kill()
    left = tenants.account(account)
    assert left.refresh_started_at is not None
    assert left.leased_until > left.refresh_started_at
    run(WORK, database, world)
    assert len(stage.log("token")) == 1, "its lease holds beyond its death"
    tenants.change(account, leased_until=func.now() - HOUR)
    run(WORK, database, world)
    after = tenants.account(account)
    ended = ("NEEDS_RECONNECT", "rotation_lost") if rotated else ("ACTIVE", None)
    assert (after.status, after.status_cause) == ended
    assert (after.leased_until, after.refresh_started_at) == (None, None)


def test_a_reconnect_brings_a_lost_account_back(database, world, stage, tenants, account):
    waiting = tenants.a_post(account)
    stage.control(f"creators/{tenants.account(account).open_id}/disconnect", method="POST")
    run(WORK, database, world, only=account)
    lost = tenants.account(account)
    assert (lost.status, lost.status_cause) == ("NEEDS_RECONNECT", "revoked")
    assert tenants.post(waiting).hold_reason == "needs_reconnect"
    with database.transaction() as session:
        departure = begin(session, world, user_id=lost.user_id, provider="tiktok")
    code = stage.consent(lost.open_id)["code"]
    back = {"user_id": lost.user_id, "provider": "tiktok", "code": code}
    assert complete(database, world, state=departure.state, **back).account_id == account
    assert tenants.account(account).status == "ACTIVE"
    assert tenants.post(waiting).hold_reason is None
    assert tenants.post(waiting).due_at is not None
    assert all(notice.read_at for notice in tenants.notices(lost.user_id))
