"""What every distance may ask for: a database of one's own, a Redis of one's own."""

import os
import secrets
from pathlib import Path

import pytest
import redis
import structlog

from local.postgres import Postgres
from local.valkey import Valkey
from tests import servers, sharing

RUN = pytest.StashKey[Path]()
MIGRATED = "migrated"
KEPT = Path(__file__).parents[1] / "build" / "tests"
"""Where pytest leaves the folders of its last runs: a checkout leaves nothing outside itself."""


def pytest_configure(config):
    speak_plainly()
    KEPT.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(KEPT))
    if hasattr(config, "workerinput"):
        config.stash[RUN] = Path(config.workerinput["run"])
        return
    config.stash[RUN], alive = servers.begin()
    config.add_cleanup(lambda: servers.end(config.stash[RUN], alive))


def speak_plainly():
    """Tracebacks without the values of every frame: to paint these takes half a minute."""
    structlog.reset_defaults()
    plain = [structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    structlog.configure(processors=[structlog.processors.add_log_level, *plain])


@pytest.fixture(autouse=True)
def plain_speech():
    """What a test does to the logs of its process ends with the test."""
    yield
    speak_plainly()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return sharing.schedule(config, log)


def pytest_collection_modifyitems(items):
    sharing.gather(items)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["run"] = str(node.config.stash[RUN])


@pytest.fixture(scope="session")
def run(pytestconfig):
    """The folder that all workers of this run share."""
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def shared(run):
    """Addresses of this run's own servers, never of one that happens to run."""
    return servers.addresses(run)


@pytest.fixture(scope="session")
def template(run, shared):
    """The name of a migrated database that nobody connects to."""
    from db import upgrades  # unit tests need no SQLAlchemy

    with servers.one_at_a_time(run):
        if not shared.databases.has(MIGRATED):
            shared.databases.create("draft")
            upgrades.up(shared.url("draft"))
            shared.databases.rename("draft", MIGRATED)
    return MIGRATED


@pytest.fixture
def database_url(shared, template):
    """A migrated database for this test alone."""
    with shared.database(template) as url:
        yield url


@pytest.fixture
def empty_database_url(shared):
    """A database in which nobody has done anything."""
    with shared.database() as url:
        yield url


@pytest.fixture
def redis_url(shared):
    """This worker's database of the run's Valkey, empty."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw"))
    url = f"{shared.valkey}/{worker + 1}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def postgres_server(tmp_path):
    """Starts a Postgres that the test may kill."""
    yield from private(lambda: Postgres(tmp_path / f"postgres-{secrets.token_hex(4)}", fast=True))


@pytest.fixture
def valkey_server(tmp_path):
    """Starts a Valkey that the test may kill."""
    yield from private(lambda: Valkey(tmp_path / f"valkey-{secrets.token_hex(4)}"))


def private(build):
    started = []

    def start():
        started.append(build().start())
        return started[-1]

    yield start
    for server in started:
        server.stop()
