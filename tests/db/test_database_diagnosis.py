"""What doctor says about Postgres: the true reason of each refusal, in words, with the remedy."""

from dataclasses import replace

import pytest

from core.health.database_checks import check_database
from db.session import Database
from tests.db.schema_catalog import run_sql
from tests.servers import owner_url
from tests.support.row_factory import make_services


@pytest.fixture
def diagnose():
    """Runs the checks of a database and returns them by name."""
    opened = []

    def run(url, **settings):
        opened.append(Database(url))
        services = make_services(url, "http://127.0.0.1:9")
        changed = services.settings.model_copy(update=settings)
        checks = check_database(opened[-1], replace(services, settings=changed))
        return {check.name: check for check in checks}

    yield run
    for database in opened:
        database.dispose()


def test_a_database_that_stores_has_no_fault(database_url, diagnose):
    checks = diagnose(database_url)
    assert [check for check in checks.values() if not check.ok] == []
    assert "accepts writes" in checks["database"].message
    assert "signalpost has no more rights than it needs" in checks["database role"].message


@pytest.mark.parametrize(
    ("change", "message", "advice"),
    [
        (lambda url: url.replace("signalpost:", "signalpost:x"), "password are wrong", "compare"),
        (lambda url: url.replace("signalpost:", "other:"), "password are wrong", "compare"),
        (lambda url: f"{url}x", "the database does not exist", "create the database"),
        (lambda url: url.replace("127.0.0.1", "127.0.0.2"), "nothing listens", "Postgres runs"),
        (lambda url: url.replace("127.0.0.1", "no.invalid"), "name is unknown", "DATABASE_URL"),
        (lambda url: f"{url}?sslmode=require", "offers no TLS", "sslmode=disable"),
    ],
    ids=["password", "user", "database", "port", "host", "TLS"],
)
def test_a_connection_that_is_refused_says_why(database_url, diagnose, change, message, advice):
    check = diagnose(change(database_url))["database"]
    assert not check.ok
    assert message in check.message
    assert advice in check.advice


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("REVOKE INSERT ON webhook_events FROM signalpost", "the role may not do this"),
        ("ALTER TABLE webhook_events RENAME COLUMN account TO x", "of another version"),
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "is read-only"),
    ],
)
def test_a_write_that_is_refused_says_why(database_url, diagnose, statement, message):
    run_sql(database_url, statement.format(name=database_url.rpartition("/")[2]))
    check = diagnose(database_url)["database"]
    assert not check.ok
    assert message in check.message
    assert check.advice


def test_commits_that_are_reported_too_early_are_a_fault(database_url, diagnose):
    name = database_url.rpartition("/")[2]
    run_sql(database_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    check = diagnose(database_url)["database durability"]
    assert (check.ok, check.message) == (False, "synchronous_commit is off")


def test_a_superuser_is_a_fault_in_production_and_named_elsewhere(postgres_server, diagnose):
    url = postgres_server().dsn()
    check = diagnose(url, environment="production")["database role"]
    assert (check.ok, check.message) == (False, "app is a superuser")
    assert diagnose(url)["database role"].ok


def test_the_owner_has_no_right_to_change_the_audit_log(database_url, diagnose):
    assert "no more rights" in diagnose(owner_url(database_url))["database role"].message


@pytest.mark.parametrize(
    ("change", "message", "advice"),
    [
        ("CONNECTION LIMIT 0", "no connection left (its CONNECTION LIMIT)", "raise its CONNECTION"),
        ("ALLOW_CONNECTIONS false", "the database is closed", "ALLOW_CONNECTIONS true"),
    ],
    ids=["limit", "closed"],
)
def test_a_database_that_lets_nobody_in_says_why(
    server_addresses, database_url, diagnose, change, message, advice
):
    with server_addresses.temporary_database() as url:
        name = url.rpartition("/")[2]
        run_sql(database_url, f"ALTER DATABASE {name} {change}")
        check = diagnose(url)["database"]
    assert not check.ok
    assert message in check.message
    assert advice in check.advice
