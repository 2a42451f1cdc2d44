"""What every distance may ask for: a database of one's own, a Redis of one's own."""

import os
import secrets
from pathlib import Path

import pytest
import redis
import structlog

from local.postgres import Postgres
from local.valkey import Valkey
from tests import servers, xdist_scheduling

RUN_FOLDER_KEY = pytest.StashKey[Path]()
MIGRATED_DATABASE = "migrated"
TEMP_ROOT = Path(__file__).parents[1] / "build" / "tests"
"""Where pytest leaves the folders of its last runs: a checkout leaves nothing outside itself."""


def pytest_configure(config):
    configure_plain_logging()
    TEMP_ROOT.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(TEMP_ROOT))
    if hasattr(config, "workerinput"):
        config.stash[RUN_FOLDER_KEY] = Path(config.workerinput["run"])
        return
    config.stash[RUN_FOLDER_KEY], alive_file = servers.begin_run()
    config.add_cleanup(lambda: servers.end_run(config.stash[RUN_FOLDER_KEY], alive_file))


def configure_plain_logging():
    """Tracebacks without the values of every frame: to paint these takes half a minute."""
    structlog.reset_defaults()
    plain = [structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    structlog.configure(processors=[structlog.processors.add_log_level, *plain])


@pytest.fixture(autouse=True)
def reset_logging():
    """What a test does to the logs of its process ends with the test."""
    yield
    configure_plain_logging()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return xdist_scheduling.make_scheduler(config, log)


def pytest_collection_modifyitems(items):
    xdist_scheduling.order_by_group(items)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["run"] = str(node.config.stash[RUN_FOLDER_KEY])


@pytest.fixture(scope="session")
def run_folder(pytestconfig):
    """The folder that all workers of this run share."""
    return pytestconfig.stash[RUN_FOLDER_KEY]


@pytest.fixture(scope="session")
def server_addresses(run_folder):
    """Addresses of this run's own servers, never of one that happens to run."""
    return servers.ensure_servers(run_folder)


@pytest.fixture(scope="session")
def migrated_template(run_folder, server_addresses):
    """The name of a migrated database that nobody connects to."""
    from db import migrations  # unit tests need no SQLAlchemy

    with servers.run_lock(run_folder):
        if not server_addresses.databases.exists(MIGRATED_DATABASE):
            server_addresses.databases.create("draft")
            migrations.upgrade_schema(server_addresses.url("draft"))
            server_addresses.databases.rename("draft", MIGRATED_DATABASE)
    return MIGRATED_DATABASE


@pytest.fixture
def database_url(server_addresses, migrated_template):
    """A migrated database for this test alone."""
    with server_addresses.temporary_database(migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(server_addresses):
    """A database in which nobody has done anything."""
    with server_addresses.temporary_database() as url:
        yield url


@pytest.fixture
def redis_url(server_addresses):
    """This worker's database of the run's Valkey, empty."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw"))
    url = f"{server_addresses.valkey}/{worker + 1}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def postgres_server(tmp_path):
    """Starts a Postgres that the test may kill."""
    yield from start_private_servers(
        lambda: Postgres(tmp_path / f"postgres-{secrets.token_hex(4)}", fast=True)
    )


@pytest.fixture
def valkey_server(tmp_path):
    """Starts a Valkey that the test may kill."""
    yield from start_private_servers(lambda: Valkey(tmp_path / f"valkey-{secrets.token_hex(4)}"))


def start_private_servers(build_server):
    started = []

    def start():
        started.append(build_server().start())
        return started[-1]

    yield start
    for server in started:
        server.stop()
