import pytest

from db.session import Database
from platforms.registry import PLATFORMS
from tests.db.jobs_chores import ChoreTables
from tests.db.schema_catalog import run_sql
from tests.db.webhooks_harness import WebhookHarness
from tests.platforms.hostile_server import hostile_server
from tests.support.outbox_harness import OutboxHarness
from tests.support.publishing_harness import PublishingHarness
from tests.support.row_factory import RowFactory, make_services
from tests.support.statement_cache import compiled_statements
from tests.support.step_platform import PLATFORM, PROVIDER, build_step_harness

__all__ = ["compiled_statements"]


@pytest.fixture
def database(database_url):
    opened_database = Database(database_url)
    yield opened_database
    opened_database.dispose()


@pytest.fixture
def chore_tables(database_url):
    tables = ChoreTables(database_url)
    tables.create_tables()
    yield tables
    tables.close()


@pytest.fixture
def publisher(database, database_url, redis_url, tmp_path):
    """Publishes posts to a TikTok whose responses the test sets."""
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
def webhook_harness(database, database_url):
    """Stores and applies webhook events, with an unreachable TikTok: applying calls nothing."""
    services = make_services(database_url, "http://127.0.0.1:9")
    return WebhookHarness(database, services.key_ring, services)


@pytest.fixture
def outbox_harness(database, database_url, redis_url):
    """The outbox with a receiver whose responses the test sets."""
    with hostile_server() as server:
        services = make_services(
            database_url, server.url, REDIS_URL=redis_url, ENDPOINT_PRIVATE_HOSTS="on"
        )
        yield OutboxHarness(database, services, RowFactory(database, services.key_ring), server)


@pytest.fixture
def step_harness(database, database_url, redis_url, tmp_path, monkeypatch):
    """Publishes posts of a fictional platform, whose publisher answers by script."""
    for table in ("oauth_accounts", "posts"):  # what the platform's migration would widen
        run_sql(database_url, f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_provider")
    services = make_services(
        database_url, "http://127.0.0.1:9", REDIS_URL=redis_url, MEDIA_URL=f"file://{tmp_path}/m"
    )
    monkeypatch.setitem(PLATFORMS, PROVIDER, PLATFORM)
    return build_step_harness(database, services, RowFactory(database, services.key_ring))
