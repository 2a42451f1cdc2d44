"""The house with a TikTok that answers by script, and Alice's program with her account."""

import pytest

from app.context import HOUSE
from tests.platforms.hostile import hostile_server
from tests.publishing import Desk
from tests.tenants import Tenants


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def switches():
    """Settings of the house beyond the usual ones."""
    return {}


@pytest.fixture
def app(stage, server, tmp_path, switches):
    return stage.house(
        TIKTOK_API_BASE_URL=server.url,
        TIKTOK_AUTH_BASE_URL=server.url,
        MEDIA_URL=f"file://{tmp_path}/media",
        INLINE_BUDGET_SECONDS="30",
        **switches,
    )


@pytest.fixture
def desk(app, server):
    house = app.extensions[HOUSE]
    made = Desk(house.database, house.world, Tenants(house.database, house.world.keys), server)
    made.starts()
    return made


@pytest.fixture
def alice(a_user):
    return a_user()


@pytest.fixture
def account(desk, alice):
    """Alice's TikTok account."""
    return desk.tenants.account(desk.tenants.an_account(alice.id))


@pytest.fixture
def program(a_program, alice):
    """A program with a key of Alice's."""
    return a_program(alice)


@pytest.fixture
def mallory(a_program, a_user):
    """Somebody else's program."""
    return a_program(a_user("mallory@example.org"))
