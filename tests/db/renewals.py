"""A platform that answers refreshes by script, and a world before it."""

import pytest

from core.accounts.refresh import WORK
from core.engine.work import run
from tests.platforms.hostile import answer, hostile_server, plays
from tests.platforms.script import flat
from tests.tenants import Tenants, a_world

DEAD = flat(error="invalid_grant", error_description="Refresh token is invalid or expired.")
AWAY = answer(503, b"")


def renewed(**fields):
    usual = {
        "access_token": "act.new",
        "expires_in": 7200,
        "open_id": "o",
        "refresh_expires_in": 15_552_000,
        "refresh_token": "rft.new",
        "scope": "user.info.basic,video.upload",
    }
    return flat(**{**usual, **fields})


def unanswered(server):
    """From now on the platform takes the request and says nothing."""
    server.manners["/v2/oauth/token/"] = server.reset


def answers(server, *script):
    server.manners.pop("/v2/oauth/token/", None)
    plays(server, *script)


def ring(world):
    return dict(world.settings.keys)["1"].reveal()


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def world(database_url, redis_url, server):
    return a_world(database_url, server.url, REDIS_URL=redis_url)


@pytest.fixture
def tenants(database, world):
    return Tenants(database, world.keys)


@pytest.fixture
def refresh(database, world, tenants):
    """One round of refreshing, at the time of this account."""

    def once(account):
        tenants.due_again(account)
        return run(WORK, database, world, only=account)

    return once
