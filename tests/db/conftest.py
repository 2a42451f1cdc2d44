import pytest

from db.session import Database
from tests.db.chores import Sight
from tests.outbox import LetterBox
from tests.platforms.hostile import hostile_server
from tests.publishing import Desk
from tests.tenants import Tenants, a_world


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def sight(database_url):
    made = Sight(database_url)
    made.prepare()
    yield made
    made.close()


@pytest.fixture
def desk(database, database_url, redis_url, tmp_path):
    """Where posts are published from, with a TikTok that answers by script."""
    with hostile_server() as server:
        world = a_world(
            database_url,
            server.url,
            REDIS_URL=redis_url,
            MEDIA_URL=f"file://{tmp_path}/media",
            INLINE_BUDGET_SECONDS="30",
        )
        yield Desk(database, world, Tenants(database, world.keys), server)


@pytest.fixture
def letter_box(database, database_url, redis_url):
    """Where host applications are told from, with a receiver that answers by script."""
    with hostile_server() as server:
        world = a_world(database_url, server.url, REDIS_URL=redis_url, ENDPOINT_PRIVATE_HOSTS="on")
        yield LetterBox(database, world, Tenants(database, world.keys), server)
