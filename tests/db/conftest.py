import pytest

from db.session import Database
from tests.db.jobs_chores import ChoreTables
from tests.platforms.hostile_server import hostile_server
from tests.support.outbox_harness import OutboxHarness
from tests.support.publishing_harness import PublishingHarness
from tests.support.row_factory import RowFactory, make_services


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def chore_tables(database_url):
    made = ChoreTables(database_url)
    made.create_tables()
    yield made
    made.close()


@pytest.fixture
def publisher(database, database_url, redis_url, tmp_path):
    """Where posts are published from, with a TikTok that answers by script."""
    with hostile_server() as server:
        services = make_services(
            database_url,
            server.url,
            REDIS_URL=redis_url,
            MEDIA_URL=f"file://{tmp_path}/media",
            INLINE_BUDGET_SECONDS="30",
        )
        yield PublishingHarness(database, services, RowFactory(database, services.key_ring), server)


@pytest.fixture
def outbox_harness(database, database_url, redis_url):
    """The outbox with a receiver whose responses the test sets."""
    with hostile_server() as server:
        services = make_services(
            database_url, server.url, REDIS_URL=redis_url, ENDPOINT_PRIVATE_HOSTS="on"
        )
        yield OutboxHarness(database, services, RowFactory(database, services.key_ring), server)
