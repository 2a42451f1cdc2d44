"""A worker whose own clock is wrong: what it writes down holds by the database's clock."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func

from core.accounts.refresh import WORK
from core.accounts.tokens import access
from core.engine.work import run
from tests.db.renewals import answers, renewed
from tests.platforms.hostile import hostile_server
from tests.tenants import HOUR, Tenants, a_world

SKEWS = [-3 * HOUR, timedelta(minutes=-10), timedelta(minutes=10), 3 * HOUR]


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture(params=SKEWS, ids=str)
def world(request, database_url, redis_url, server):
    built = a_world(database_url, server.url, REDIS_URL=redis_url)
    return replace(built, now=lambda: built.now() + request.param)


@pytest.fixture
def tenants(database, world):
    return Tenants(database, world.keys)


def test_a_token_renewed_by_a_machine_with_a_wrong_clock_lasts_as_long_as_it_does(
    database, world, server, tenants
):
    account = tenants.an_account(lasts=-HOUR, last_used_at=func.now())
    answers(server, renewed())
    tenants.due_again(account)
    run(WORK, database, world, only=account)
    with database.transaction() as session:
        now = session.scalar(func.clock_timestamp().select())
        assert access(session, account).open(world).reveal() == "act.new"
    after = tenants.account(account)
    assert 1.9 * HOUR < after.expires_at - now < 2.1 * HOUR
    assert abs(after.last_refreshed_at - now) < 0.1 * HOUR
    assert after.due_at > now


def test_a_lease_is_as_long_for_a_machine_with_a_wrong_clock(database, world, server, tenants):
    account = tenants.an_account(lasts=-HOUR)
    tenants.due_again(account)
    with database.transaction() as session:
        (claimed,) = WORK.queue.claim(session, limit=1, lease=WORK.lease)
        now = session.scalar(func.clock_timestamp().select())
    assert timedelta(0) < claimed.leased_until - now <= WORK.lease
    assert run(WORK, database, world, only=account).claimed == 0
