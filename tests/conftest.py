"""Fixtures and hooks for all tests: databases, Redis, embedded servers, logging, scheduling."""

import gc
import os
import secrets
import signal
from pathlib import Path

import pytest
import redis
import structlog

from local.postgres import Postgres
from local.valkey import Valkey
from tests import failure_logs, missing_packages, servers, xdist_scheduling

RUN_FOLDER_KEY = pytest.StashKey[Path]()
MIGRATED_DATABASE = "migrated"
TEMP_ROOT = Path(__file__).parents[1] / "build" / "tests"
"""Where pytest keeps the temporary folders of its last runs: inside the checkout."""


def pytest_configure(config):
    configure_plain_logging()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So does a shell start what runs behind it; child processes of tests would ignore it too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    TEMP_ROOT.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(TEMP_ROOT))
    if hasattr(config, "workerinput"):
        config.stash[RUN_FOLDER_KEY] = Path(config.workerinput["run"])
        return
    config.stash[RUN_FOLDER_KEY], alive_file = servers.begin_run()
    config.add_cleanup(lambda: servers.end_run(config.stash[RUN_FOLDER_KEY], alive_file))


def configure_plain_logging():
    """Log tracebacks without the local variables of each frame: rendering them takes 30 seconds."""
    structlog.reset_defaults()
    processors = [
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
    structlog.configure(processors=processors)


@pytest.fixture(autouse=True)
def reset_logging():
    """Undo a test's changes to the logging configuration."""
    yield
    configure_plain_logging()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return xdist_scheduling.make_scheduler(config, log)


def pytest_collection_modifyitems(items):
    xdist_scheduling.order_by_group(items)


def pytest_collection_finish():
    """Exempt what lives until the end from garbage collection, which visits it again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    line = missing_packages.describe_missing_packages(terminalreporter.stats.get("skipped", ()))
    if line:
        terminalreporter.write_line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["run"] = str(node.config.stash[RUN_FOLDER_KEY])


@pytest.fixture(scope="session")
def run_folder(pytestconfig):
    """The folder that all workers of this test run share."""
    return pytestconfig.stash[RUN_FOLDER_KEY]


@pytest.fixture(scope="session")
def server_addresses(run_folder):
    """Addresses of this run's own servers, never of another server on this machine."""
    return servers.ensure_servers(run_folder)


@pytest.fixture(scope="session")
def migrated_template(run_folder, server_addresses):
    """The name of a migrated database without connections, to clone test databases from."""
    from db import migrations  # imported here: unit tests need no SQLAlchemy

    with servers.run_lock(run_folder):
        if not server_addresses.databases.exists(MIGRATED_DATABASE):
            server_addresses.databases.create("draft")
            url = server_addresses.url("draft")
            migrations.upgrade_schema(servers.owner_url(url), application_url=url)
            server_addresses.databases.rename("draft", MIGRATED_DATABASE)
    return MIGRATED_DATABASE


@pytest.fixture
def database_url(server_addresses, migrated_template):
    """A migrated database of this test, as the application's role sees it."""
    with server_addresses.temporary_database(migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(server_addresses):
    """An empty database of this test, without the schema, as its owner sees it."""
    with server_addresses.temporary_database() as url:
        yield servers.owner_url(url)


@pytest.fixture
def redis_url(server_addresses):
    """An empty database of this worker in the run's Valkey."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw"))
    url = f"{server_addresses.valkey}/{worker + 1}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def postgres_server(tmp_path):
    """A function that starts a Postgres which the test may kill."""
    yield from start_private_servers(
        lambda: Postgres(tmp_path / f"postgres-{secrets.token_hex(4)}", fast=True)
    )


@pytest.fixture
def valkey_server(tmp_path):
    """A function that starts a Valkey which the test may kill."""
    yield from start_private_servers(lambda: Valkey(tmp_path / f"valkey-{secrets.token_hex(4)}"))


def start_private_servers(build_server):
    started = []

    def start():
        started.append(build_server().start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add what processes logged to a failure. Keep text in a form that workers can send: half a
    surrogate would end the run.
    """
    report = yield
    if report.failed:
        report.sections.extend(failure_logs.list_log_sections(item))
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
